// Package fakecollector is the other side of an agent under test: a collector
// in the same process with real certificates, real TLS and the real doors, and
// nothing behind them but memory. Its zero value works; its fields and methods
// make it lose, delay, refuse and revoke.
//
// It is for tests only, and may import internal/tlsx and the messages.
package fakecollector

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Answer is what the collector does with one batch.
type Answer struct {
	Lose       bool          // do not keep it (and do not acknowledge it)
	SkipAck    bool          // keep it, lose the acknowledgement
	Delay      time.Duration // wait before answering
	RetryAfter time.Duration // put it off: not kept
	Keep       int           // when above 0, keep and acknowledge only so many of its events
	Drop       error         // end the stream with this status after all of that
}

// Collector is a fake collector. Set the exported fields before Start; change
// them later through Do.
type Collector struct {
	Token      string // what enrols a device; "" means DefaultToken
	TokenError error  // when set, enrolment fails with this status
	NoRenewal  error  // when set, renewal after the end fails with this status
	// Address, when set, is where to listen ("127.0.0.1:0"). Without it the
	// collector is reached through Dial only, which also works in a synctest bubble.
	Address string
	Revoked string // when set, devices are told so and refused
	Refuse  error  // when set, streams end with this status at once
	Policy  *lapwingv1.SignedPolicy
	// OnBatch decides what happens to a batch; nil keeps and acknowledges.
	// It is called with the lock of Do held.
	OnBatch func(*lapwingv1.Batch) Answer
	// OnEnrol changes the answer to an enrolment; OnRenew replaces a renewed
	// certificate. Both may be nil, and are called with the lock held.
	OnEnrol func(*lapwingv1.EnrolResponse)
	OnRenew func(der []byte) []byte

	CA        *tlsx.CA
	PolicyKey ed25519.PrivateKey

	mu         sync.Mutex // guards all above while running, and all below
	tb         testing.TB
	ln         net.Listener
	pipe       *bufconn.Listener
	stop       func()
	down       bool
	conns      map[net.Conn]bool
	kept       []*lapwingv1.Event
	received   int
	hellos     []*lapwingv1.Hello
	heartbeats []*lapwingv1.Heartbeat
	goodbyes   []lapwingv1.Goodbye_Reason
	enrolled   int
	renewed    int
	server     *tls.Certificate
	changed    chan struct{}
	streams    map[chan *lapwingv1.CollectorMessage]bool
}

// DefaultToken enrols at a collector without a Token.
const DefaultToken = "default-token"

// School is the slug of the fake school.
const School = "hill-top"

// Start starts the collector; it stops with the test.
func (c *Collector) Start(tb testing.TB) {
	tb.Helper()
	ca, err := tlsx.NewCA("fake", time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	server, err := ca.IssueServer([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	seed := sha256.Sum256([]byte("fake policy key"))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tb, c.CA, c.PolicyKey = tb, ca, ed25519.NewKeyFromSeed(seed[:])
	c.conns, c.streams, c.changed = map[net.Conn]bool{}, map[chan *lapwingv1.CollectorMessage]bool{}, make(chan struct{})
	c.pipe = bufconn.Listen(256 << 10)
	c.ln = c.pipe
	if c.Address != "" {
		if c.ln, err = net.Listen("tcp", c.Address); err != nil {
			tb.Fatal(err)
		}
	}
	c.server = server
	c.stop = c.serve(c.ln)
	tb.Cleanup(func() { c.stop() })
}

// serve runs both doors on ln and returns what stops them.
func (c *Collector) serve(ln net.Listener) func() {
	doors := tlsx.NewDoors(ln, tlsx.DoorsConfig{
		CA: c.CA.Cert, Certificate: c.certificate, Now: time.Now})
	enrol := grpc.NewServer(grpc.Creds(tlsx.ServerCredentials()), grpc.ConnectionTimeout(5*time.Second))
	agent := grpc.NewServer(grpc.Creds(tlsx.ServerCredentials()), grpc.ConnectionTimeout(5*time.Second),
		grpc.MaxRecvMsgSize(lapwingv1.MaxFrame), grpc.WaitForHandlers(true),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 30 * time.Second, PermitWithoutStream: true}))
	lapwingv1.RegisterEnrolmentServiceServer(enrol, &enrolment{c: c})
	lapwingv1.RegisterAgentServiceServer(agent, &agents{c: c})
	var wg sync.WaitGroup
	wg.Go(func() { _ = enrol.Serve(doors.Enrol) })
	wg.Go(func() { _ = agent.Serve(doors.Agent) })
	wg.Go(func() { _ = doors.Serve() })
	return func() {
		doors.Close()
		enrol.Stop()
		agent.Stop()
		wg.Wait()
	}
}

func (c *Collector) certificate() (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server, nil
}

// RotateCertificate gives the collector a new certificate of its authority.
func (c *Collector) RotateCertificate(tb testing.TB) {
	tb.Helper()
	c.RotateCertificateAt(tb, time.Now())
}

// RotateCertificateAt does so as a collector whose clock says now.
func (c *Collector) RotateCertificateAt(tb testing.TB, now time.Time) {
	tb.Helper()
	cert, err := c.CA.IssueServer([]string{"127.0.0.1"}, now)
	if err != nil {
		tb.Fatal(err)
	}
	c.Do(func(c *Collector) { c.server = cert })
}

// Do changes the collector while it runs.
func (c *Collector) Do(change func(c *Collector)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

// ErrDown is what Dial returns while the collector is away.
var ErrDown = errors.New("connection refused: the fake collector is away")

// SetDown takes the collector away, and breaks every connection made through
// Dial, or brings it back.
func (c *Collector) SetDown(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
	if down {
		for conn := range c.conns {
			conn.Close()
			delete(c.conns, conn)
		}
	}
}

// Dial connects to the collector, whatever the address.
func (c *Collector) Dial(ctx context.Context, _ string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return nil, ErrDown
	}
	var conn net.Conn
	var err error
	if c.Address != "" {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", c.ln.Addr().String())
	} else {
		conn, err = c.pipe.DialContext(ctx)
	}
	if err == nil {
		c.conns[conn] = true
	}
	return conn, err
}

// Enrolment is the string that enrols a device here; it needs an Address.
func (c *Collector) Enrolment() tlsx.Enrolment {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := tlsx.Enrolment{Host: "127.0.0.1", Port: 1, CAFingerprint: c.CA.Fingerprint(), Token: c.token()}
	if a, ok := c.ln.Addr().(*net.TCPAddr); ok {
		e.Port = uint16(a.Port)
	}
	return e
}

func (c *Collector) token() string {
	if c.Token == "" {
		return DefaultToken
	}
	return c.Token
}

// Events returns what the collector keeps, each event once, in order of arrival.
func (c *Collector) Events() []*lapwingv1.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.kept)
}

// Received counts all events that arrived and were not lost, the repeated ones too.
func (c *Collector) Received() int { c.mu.Lock(); defer c.mu.Unlock(); return c.received }

// Hellos returns every Hello so far.
func (c *Collector) Hellos() []*lapwingv1.Hello {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.hellos)
}

// Heartbeats returns every heartbeat so far.
func (c *Collector) Heartbeats() []*lapwingv1.Heartbeat {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heartbeats)
}

// Goodbyes returns every goodbye so far.
func (c *Collector) Goodbyes() []lapwingv1.Goodbye_Reason {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.goodbyes)
}

// Renewed counts the certificates given out beyond the first of each enrolment.
func (c *Collector) Renewed() int { c.mu.Lock(); defer c.mu.Unlock(); return c.renewed }

// Send sends m to every connected device.
func (c *Collector) Send(m *lapwingv1.CollectorMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ch := range c.streams {
		ch <- m
	}
}

// Await waits until cond holds; it is looked at after everything that happens.
func (c *Collector) Await(ctx context.Context, cond func() bool) error {
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// note wakes Await; the caller holds mu.
func (c *Collector) note() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// keep stores the events it does not have yet; the caller holds mu.
func (c *Collector) keep(events []*lapwingv1.Event) {
	for _, e := range events {
		c.received++
		same := func(o *lapwingv1.Event) bool {
			return string(o.GetId()) == string(e.GetId()) && o.GetRevision() == e.GetRevision()
		}
		if !slices.ContainsFunc(c.kept, same) {
			c.kept = append(c.kept, e)
		}
	}
}

type agents struct {
	lapwingv1.UnimplementedAgentServiceServer
	c *Collector
}

// Renew implements lapwing.v1.AgentService.
func (a *agents) Renew(ctx context.Context, req *lapwingv1.AgentServiceRenewRequest) (*lapwingv1.AgentServiceRenewResponse, error) {
	dev, _, err := tlsx.PeerDevice(ctx)
	if err != nil {
		return nil, status.Error(codes.Unauthenticated, err.Error())
	}
	cert, err := a.c.CA.IssueDevice(req.GetCsr(), dev, time.Now())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	a.c.Do(func(c *Collector) { c.renewed++; c.note() })
	return &lapwingv1.AgentServiceRenewResponse{Certificate: cert.Raw}, nil
}

// Stream implements lapwing.v1.AgentService.
func (a *agents) Stream(s lapwingv1.AgentService_StreamServer) error {
	c := a.c
	first, err := s.Recv()
	if err != nil {
		return err
	}
	if first.GetHello() == nil || first.Validate() != nil {
		return status.Error(codes.InvalidArgument, "the first message must be a valid Hello")
	}
	out := make(chan *lapwingv1.CollectorMessage, 16)
	c.mu.Lock()
	c.hellos = append(c.hellos, first.GetHello())
	revoked, refuse, policy := c.Revoked, c.Refuse, c.Policy
	c.streams[out] = true
	c.note()
	c.mu.Unlock()
	defer c.Do(func(c *Collector) { delete(c.streams, out) })
	switch {
	case revoked != "":
		_ = s.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Revoked{
			Revoked: &lapwingv1.Revoked{Reason: revoked}}})
		return status.Error(codes.PermissionDenied, "revoked")
	case refuse != nil:
		return refuse
	case policy != nil:
		if err := s.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Policy{Policy: policy}}); err != nil {
			return err
		}
	}
	return c.talk(s, out)
}

// talk is one stream after its Hello.
func (c *Collector) talk(s lapwingv1.AgentService_StreamServer, out <-chan *lapwingv1.CollectorMessage) error {
	in := make(chan *lapwingv1.AgentMessage)
	fail := make(chan error, 1)
	go func() {
		for {
			m, err := s.Recv()
			if err != nil {
				fail <- err
				return
			}
			select {
			case in <- m:
			case <-s.Context().Done():
				return
			}
		}
	}()
	for {
		select {
		case m := <-in:
			if err := c.take(s, m); err != nil {
				return err
			}
		case m := <-out:
			if err := s.Send(m); err != nil {
				return err
			}
			if m.GetRevoked() != nil {
				return status.Error(codes.PermissionDenied, "revoked")
			}
		case <-s.Context().Done():
			return status.FromContextError(s.Context().Err()).Err()
		case err := <-fail:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

func (c *Collector) take(s lapwingv1.AgentService_StreamServer, m *lapwingv1.AgentMessage) error {
	if err := m.Validate(); err != nil {
		c.tb.Errorf("fake collector: the agent sent a message that is not valid: %v", err)
		return status.Error(codes.InvalidArgument, err.Error())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.note()
	switch k := m.Kind.(type) {
	case *lapwingv1.AgentMessage_Heartbeat:
		c.heartbeats = append(c.heartbeats, k.Heartbeat)
	case *lapwingv1.AgentMessage_Goodbye:
		c.goodbyes = append(c.goodbyes, k.Goodbye.GetReason())
	case *lapwingv1.AgentMessage_Batch:
		return c.batch(s, k.Batch)
	case *lapwingv1.AgentMessage_Hello:
		return status.Error(codes.InvalidArgument, "a second Hello")
	}
	return nil
}

// batch answers one batch; the caller holds mu.
func (c *Collector) batch(s lapwingv1.AgentService_StreamServer, b *lapwingv1.Batch) error {
	var a Answer
	if c.OnBatch != nil {
		a = c.OnBatch(b)
	}
	ack := &lapwingv1.Ack{Lane: b.GetLane(), RetryAfterMs: uint32(a.RetryAfter.Milliseconds())}
	if !a.Lose && a.RetryAfter == 0 {
		kept := b.GetEvents()
		if a.Keep > 0 {
			kept = kept[:min(a.Keep, len(kept))]
		}
		c.keep(kept)
		ack.Upto = kept[len(kept)-1].GetSeq()
	}
	if a.Delay > 0 {
		c.mu.Unlock()
		time.Sleep(a.Delay)
		c.mu.Lock()
	}
	ack.ServerTimeMs = time.Now().UnixMilli()
	if !a.Lose && !a.SkipAck {
		if err := s.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Ack{Ack: ack}}); err != nil {
			return err
		}
	}
	return a.Drop
}
