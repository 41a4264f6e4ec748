package tlsx

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// DoorsConfig says how a collector's port behaves.
type DoorsConfig struct {
	// CA is the authority that device certificates must come from.
	CA *x509.Certificate
	// Certificate returns the collector's current certificate; it is asked at
	// each handshake, so that a renewal needs no restart.
	Certificate func() (*tls.Certificate, error)
	// Now is the collector's clock; nil means time.Now.
	Now func() time.Time
	// HandshakeTimeout bounds one handshake; 0 means 10 s.
	HandshakeTimeout time.Duration
	// HelloTimeout bounds how long a connection may be silent before its
	// ClientHello is there, within HandshakeTimeout; 0 means 3 s.
	HelloTimeout time.Duration
	// MaxHandshakes bounds the handshakes in progress; 0 means 256. Further
	// connections wait in the system's queue, so that a storm of reconnecting
	// devices costs no memory here. One address (of IPv6, one /64) may have a
	// quarter of them, at least 1; what it opens beyond is closed at once.
	MaxHandshakes int
	// MaxAgents and MaxEnrols bound the open connections of each door; 0 means
	// 20,000 and 256. A device enrols in one short call, and no identity keeps
	// strangers from this door: one address may have a quarter of MaxEnrols.
	MaxAgents, MaxEnrols int
	// Refused, when set, is told of each handshake that failed.
	Refused func(remote net.Addr, err error)
}

// Why a connection is refused, beside what crypto/tls says.
var (
	errNoALPN  = errors.New("client asked for neither lapwing-agent nor lapwing-enrol")
	errCrowded = errors.New("address has too many handshakes in progress")
	errFull    = errors.New("too many open connections at this door")
)

// Doors splits one listener by ALPN. Give Enrol and Agent each to its own
// grpc.Server made with ServerCredentials, then call Serve.
type Doors struct {
	Enrol net.Listener
	Agent net.Listener

	ln      net.Listener
	config  *tls.Config
	cfg     DoorsConfig
	slots   chan struct{}
	sources *places // of handshakes in progress
	enrol   *door
	agent   *door
}

// NewDoors prepares the doors of ln; nothing is accepted before Serve.
func NewDoors(ln net.Listener, cfg DoorsConfig) *Doors {
	cfg.HandshakeTimeout = cmp.Or(cfg.HandshakeTimeout, 10*time.Second)
	cfg.HelloTimeout = cmp.Or(cfg.HelloTimeout, 3*time.Second)
	cfg.MaxHandshakes = cmp.Or(cfg.MaxHandshakes, 256)
	cfg.MaxAgents, cfg.MaxEnrols = cmp.Or(cfg.MaxAgents, 20_000), cmp.Or(cfg.MaxEnrols, 256)
	if cfg.Refused == nil {
		cfg.Refused = func(net.Addr, error) {}
	}
	d := &Doors{
		ln: ln, config: serverConfig(cfg), cfg: cfg,
		slots: make(chan struct{}, cfg.MaxHandshakes), sources: newPlaces(cfg.MaxHandshakes, quarter(cfg.MaxHandshakes)),
		enrol: newDoor(ln.Addr(), newPlaces(cfg.MaxEnrols, quarter(cfg.MaxEnrols))),
		agent: newDoor(ln.Addr(), newPlaces(cfg.MaxAgents, cfg.MaxAgents)),
	}
	d.Enrol, d.Agent = d.enrol, d.agent
	return d
}

// Serve accepts until the listener fails or Close is called, then breaks off the
// handshakes in progress. After Close the error wraps net.ErrClosed.
func (d *Doors) Serve() error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer d.enrol.Close()
	defer d.agent.Close()
	for {
		select {
		case d.slots <- struct{}{}:
		case <-d.agent.done:
			return net.ErrClosed
		}
		conn, err := d.ln.Accept()
		if err != nil {
			return err
		}
		from := source(conn.RemoteAddr())
		if !d.sources.take(from) {
			<-d.slots
			d.refuse(conn, errCrowded)
			continue
		}
		wg.Go(func() {
			defer func() { <-d.slots }()
			defer d.sources.leave(from)
			d.admit(ctx, conn)
		})
	}
}

func (d *Doors) refuse(conn net.Conn, err error) {
	d.cfg.Refused(conn.RemoteAddr(), err)
	conn.Close()
}

// Close stops accepting and closes both doors; connections that a door has
// handed out stay open.
func (d *Doors) Close() error {
	d.enrol.Close()
	d.agent.Close()
	return d.ln.Close()
}

// admit does one handshake and hands the connection to its door.
func (d *Doors) admit(ctx context.Context, raw net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.HandshakeTimeout)
	defer cancel()
	held := &held{Conn: raw}
	conn := tls.Server(held, d.config)
	// Lifted when the ClientHello is there (serverConfig); ctx goes on.
	err := raw.SetReadDeadline(time.Now().Add(d.cfg.HelloTimeout))
	if err == nil {
		err = conn.HandshakeContext(ctx)
	}
	if err != nil {
		d.refuse(raw, err)
		return
	}
	to := d.enrol
	if conn.ConnectionState().NegotiatedProtocol == ALPNAgent {
		to = d.agent
	}
	from := source(raw.RemoteAddr())
	if !to.open.take(from) {
		d.refuse(raw, errFull)
		return
	}
	held.leave = func() { to.open.leave(from) }
	to.hand(conn)
}

// serverConfig builds the configuration of the port: the client's ALPN list
// picks one of two fixed configurations, so that neither can be talked into
// the other's rules (nor resume the other's sessions: tickets are sealed under
// keys of their own).
func serverConfig(cfg DoorsConfig) *tls.Config {
	base := &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cfg.Certificate() },
		Time:           cfg.Now,
	}
	enrol := base.Clone()
	enrol.NextProtos = []string{ALPNEnrol}
	agent := base.Clone()
	agent.NextProtos = []string{ALPNAgent}
	agent.ClientAuth = tls.RequireAndVerifyClientCert
	agent.ClientCAs = x509.NewCertPool()
	agent.ClientCAs.AddCert(cfg.CA)
	agent.VerifyConnection = func(cs tls.ConnectionState) error {
		_, err := ParseDevice(cs.PeerCertificates[0])
		return err
	}
	base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if err := hello.Conn.SetReadDeadline(time.Time{}); err != nil {
			return nil, err
		}
		switch {
		case len(hello.SupportedProtos) == 0:
			return nil, errNoALPN
		case slices.Contains(hello.SupportedProtos, ALPNAgent):
			return agent, nil
		}
		// A client that asks for neither fails here with the alert
		// no_application_protocol.
		return enrol, nil
	}
	return base
}

// door is a net.Listener fed with finished TLS connections.
type door struct {
	addr  net.Addr
	open  *places // of connections that were handed out
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newDoor(addr net.Addr, open *places) *door {
	return &door{addr: addr, open: open, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (d *door) hand(c net.Conn) {
	select {
	case d.conns <- c:
	case <-d.done:
		c.Close()
	}
}

// Accept returns the next connection whose handshake is done, or net.ErrClosed.
func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.conns:
		return c, nil
	case <-d.done:
		return nil, net.ErrClosed
	}
}

// Close makes Accept return; it may be called more than once.
func (d *door) Close() error {
	d.once.Do(func() { close(d.done) })
	return nil
}

// Addr is the address of the port.
func (d *door) Addr() net.Addr { return d.addr }
