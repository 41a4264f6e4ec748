package identity

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// Link connects a device to the agent door with the certificate it has now,
// and keeps that certificate new. It is safe for concurrent use.
type Link struct {
	clock  *Clock
	dial   Dial
	jitter float64 // of the moment of renewal, 0 to 1
	opts   func(address string) []grpc.DialOption

	mu     sync.Mutex // guards all below
	id     *Identity
	client *tlsx.Client
}

// NewLink returns a link for id. jitter (0 to 1, random for each device) moves
// the moment of renewal; dial may be nil for TCP; opts, which may be nil, gives
// the options of each connection.
func NewLink(id *Identity, clock *Clock, jitter float64, dial Dial, opts func(address string) []grpc.DialOption) *Link {
	l := &Link{clock: clock, dial: dial, jitter: jitter, opts: opts}
	l.use(id)
	return l
}

// use makes id the identity from now on, with sessions of its own to resume.
func (l *Link) use(id *Identity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.id, l.client = id, tlsx.AgentClient(id.CA, id.TLS(), l.clock.Now)
}

// Identity returns the identity in use.
func (l *Link) Identity() *Identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id
}

// Connect opens the agent door. The error is a *Refusal if the collector is
// the wrong one or cannot be reached, and wraps tlsx.ErrDeviceExpired if only
// RenewExpired helps.
func (l *Link) Connect(ctx context.Context) (*tlsx.ClientConn, error) {
	l.mu.Lock()
	if next, err := l.id.stored(); err == nil {
		l.id = next
	}
	client, address := l.client, l.id.Collector.Address
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conn, err := l.dial.open(ctx, address, client.Enter)
	if err != nil {
		return nil, unreachable(ctx, address, err)
	}
	if tc, ok := conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
		leaf := tc.ConnectionState().PeerCertificates[0]
		l.clock.shown(leaf.NotBefore, leaf.NotAfter)
	}
	var opts []grpc.DialOption
	if l.opts != nil {
		opts = l.opts(address)
	}
	cc, err := tlsx.NewClientConn(conn, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return cc, nil
}

// RenewIn returns how long from now the certificate should be renewed; 0 or
// less means now. While trusted time is a floor only, the machine's clock
// counts too: renewing too early costs nothing, too late a detour.
func (l *Link) RenewIn() time.Duration {
	now, exact := l.clock.Now()
	if wall := l.clock.wall(); !exact && wall.After(now) {
		now = wall
	}
	return l.Identity().RenewAt(l.jitter).Sub(now)
}

// Left returns how long the certificate is good for, by trusted time where that
// is known: a clock that is wrong by years must not raise an alarm of its own.
func (l *Link) Left() time.Duration {
	now, exact := l.clock.Now()
	if wall := l.clock.Corrected(l.clock.wall()); !exact && wall.After(now) {
		now = wall
	}
	return l.Identity().Cert.NotAfter.Sub(now)
}

// Expired reports whether the certificate has ended, by trusted time; only
// RenewExpired helps then.
func (l *Link) Expired() bool {
	now, _ := l.clock.Now()
	return now.After(l.Identity().Cert.NotAfter)
}

// Renew renews over an open connection. After ErrUnsaved the new certificate is
// in use.
func (l *Link) Renew(ctx context.Context, cc grpc.ClientConnInterface) error {
	next, err := l.Identity().Renew(ctx, cc)
	if next != nil {
		l.use(next)
	}
	return err
}

// RenewExpired renews through the enrolment door. After ErrUnsaved the new
// certificate is in use.
func (l *Link) RenewExpired(ctx context.Context) error {
	next, err := l.Identity().RenewExpired(ctx, l.clock.Now, l.dial)
	if next != nil {
		l.use(next)
	}
	return err
}
