package supervise

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/beat"
	"github.com/lapwing-schools/lapwing/agent/ipc"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Supervisor keeps one session process running in one desktop.
type Supervisor struct {
	cfg   Config
	kills *kills

	// mu guards what follows.
	mu      sync.Mutex
	policy  Policy
	watch   *lapwingv1.Watch
	told    *lapwingv1.Told
	canary  *lapwingv1.CanaryRequest // not passed on yet
	notes   []mediaNote              // not passed on yet
	arrived chan struct{}            // holds a value when policy has changed
}

// Policy is one in force, whose signature was verified. Each has an identity:
// equal ones are the same.
type Policy interface {
	// Signed returns the whole of it. It is asked for each session process: the
	// service does not hold in memory what it hands on once a day.
	Signed() (*lapwingv1.SignedPolicy, error)
}

// New checks the configuration. Nothing is started before Run.
func New(cfg Config) (*Supervisor, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("supervise session: %w", err)
	}
	if cfg.LookEvery <= 0 {
		cfg.LookEvery = lookEvery
	}
	return &Supervisor{cfg: cfg, kills: &kills{}, arrived: make(chan struct{}, 1)}, nil
}

// SetPolicy gives a policy to the session process, now and at each start. Safe for concurrent use; it does not
// wait for the session.
func (s *Supervisor) SetPolicy(p Policy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policy = p
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// SetWatch says what the schedule lets the session look at, now and at each
// start. Nobody changes w afterwards.
func (s *Supervisor) SetWatch(w *lapwingv1.Watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = w
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// Prove asks the session process for a canary, now or as soon as it runs and
// has a policy. A later request replaces one that was not passed on.
func (s *Supervisor) Prove(r *lapwingv1.CanaryRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.canary = r
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// takeCanary is the request that is to be passed on now, if any.
func (s *Supervisor) takeCanary() *lapwingv1.CanaryRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.canary
	if s.policy == nil {
		return nil
	}
	s.canary = nil
	return r
}

// SetTold says which version of the notice this desktop's person has been
// shown, now and at each start; empty for none.
func (s *Supervisor) SetTold(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told != nil && s.told.Version == version {
		return
	}
	s.told = &lapwingv1.Told{Version: version}
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// orders are what a session process is told, apart from hits and stopping.
type orders struct {
	policy Policy
	watch  *lapwingv1.Watch
	told   *lapwingv1.Told
}

func (s *Supervisor) current() orders {
	s.mu.Lock()
	defer s.mu.Unlock()
	return orders{s.policy, s.watch, s.told}
}

// Run starts the session process, and starts it again whenever it ends, until
// ctx is done; then it stops it, within seconds, and returns nil. It returns an
// error that wraps sensor.ErrUnsupported at once on a system without one.
func (s *Supervisor) Run(ctx context.Context) error {
	pause := restartAfter
	for {
		started := s.cfg.Now()
		end := s.once(ctx)
		if end.killed { // before anything else: who killed it may be on his way out
			if n := s.kills.add(s.cfg.Now()); n > 0 {
				s.cfg.OnTamper(n)
			}
		}
		s.cfg.OnStatus(nil)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(end.err, sensor.ErrUnsupported) {
			return fmt.Errorf("supervise session: %w", end.err)
		}
		lived := s.cfg.Now().Sub(started)
		s.cfg.Log.Warn("session process ended", "killed", end.killed, "lived_seconds", int(lived.Seconds()), "error", end.err)
		if end.killed || lived >= stable {
			pause = restartAfter
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		if !end.killed {
			pause = min(2*pause, restartMax)
		}
	}
}

// ending is how a session process ended.
type ending struct {
	// killed: by a signal that was not ours.
	killed bool
	err    error
}

// once runs one session process to its end.
func (s *Supervisor) once(ctx context.Context) ending {
	conn, child, err := ipc.Pair()
	if err != nil {
		return ending{err: err}
	}
	defer conn.Close()
	p, err := start(s.cfg, child)
	child.Close()
	if err != nil {
		return ending{err: fmt.Errorf("start session process: %w", err)}
	}
	// What a stopping session still has to say is kept too, so serving ends
	// after the process and not with ctx.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- s.serve(serving, conn) }()
	looks := beat.Every(s.cfg.LookEvery)
	defer looks.Stop()
	done := p.done
	for {
		select {
		case <-done:
			done = nil // serving ends with its end of the socket, when all that it said is kept
		case err = <-served:
			p.end(err == nil)
			return ending{killed: p.killed(), err: errors.Join(err, p.err)}
		case <-looks.C:
			if p.halted() {
				p.kill()
			}
		case <-ctx.Done():
			p.stop(conn)
			cancel()
			conn.Close()
			<-served
			return ending{}
		}
	}
}

// serve talks with one session process until its end of the socket closes.
func (s *Supervisor) serve(ctx context.Context, conn *ipc.ServiceConn) error {
	first, err := conn.Receive()
	if err != nil {
		return closed(err)
	}
	hello := first.GetHello()
	if hello == nil {
		return errors.New("hear from session: the first message is not a hello")
	}
	if hello.Protocol != ipc.Protocol {
		return fmt.Errorf("hear from session: protocol %d, want %d", hello.Protocol, ipc.Protocol)
	}
	policies := make(chan struct{})
	pushing, cancel := context.WithCancel(ctx)
	go func() { defer close(policies); s.pushPolicies(pushing, conn) }()
	err = s.listen(ctx, conn)
	cancel()
	// A push that waits for a process which reads no more ends with the connection.
	conn.Close()
	<-policies
	return closed(err)
}

// closed turns the plain end of a connection into no error: how the process
// ended tells more.
func closed(err error) error {
	if errors.Is(err, ipc.ErrTooLarge) || errors.Is(err, ipc.ErrBadFrame) || errors.Is(err, errInvalid) {
		return err
	}
	return nil
}

// pushPolicies sends the policy, and before it what the schedule lets be looked
// at and who was told, at once and whenever they change.
func (s *Supervisor) pushPolicies(ctx context.Context, conn *ipc.ServiceConn) {
	var sent orders
	var again <-chan time.Time
	var unread bool // it was said that the policy cannot be read
	for {
		now := s.current()
		// A dead connection ends listen too. A policy that is too large leaves
		// the one before in force.
		if now.watch != nil && now.watch != sent.watch {
			s.push(conn, "schedule", &lapwingv1.ServiceMessage{Kind: &lapwingv1.ServiceMessage_Watch{Watch: now.watch}})
		}
		if now.told != nil && now.told != sent.told {
			s.push(conn, "notice", &lapwingv1.ServiceMessage{Kind: &lapwingv1.ServiceMessage_Told{Told: now.told}})
		}
		if now.policy != nil && now.policy != sent.policy {
			again = s.pushPolicy(conn, now.policy, unread)
			unread = again != nil
		}
		sent = now
		if r := s.takeCanary(); r != nil {
			s.push(conn, "canary", &lapwingv1.ServiceMessage{Kind: &lapwingv1.ServiceMessage_Canary{Canary: r}})
		}
		for _, n := range s.takeNotes() {
			s.push(conn, "media", &lapwingv1.ServiceMessage{Kind: &lapwingv1.ServiceMessage_Media{Media: n}})
		}
		select {
		case <-s.arrived:
		case <-again:
			again, sent.policy = nil, nil
		case <-ctx.Done():
			return
		}
	}
}

// pushPolicy returns when to try again, if the policy could not be read: until
// then the session has the one before, or takes nothing. The log is told once.
func (s *Supervisor) pushPolicy(conn *ipc.ServiceConn, p Policy, told bool) (again <-chan time.Time) {
	signed, err := p.Signed()
	if err != nil {
		if !told {
			s.cfg.Log.Error("not sent to session", "what", "policy", "error", err)
		}
		return time.After(policyAgain)
	}
	s.push(conn, "policy", &lapwingv1.ServiceMessage{Kind: &lapwingv1.ServiceMessage_Policy{Policy: signed}})
	return nil
}

func (s *Supervisor) push(conn *ipc.ServiceConn, what string, m *lapwingv1.ServiceMessage) {
	if err := conn.Send(m); err != nil {
		s.cfg.Log.Error("not sent to session", "what", what, "error", err)
	}
}

var errInvalid = errors.New("invalid message")

// listen takes hits and statuses in order. What comes is from an unprivileged
// process that its user may have replaced: it is checked, and one bad message
// ends the connection.
func (s *Supervisor) listen(ctx context.Context, conn *ipc.ServiceConn) error {
	var lastSeq uint64
	for {
		m, err := conn.Receive()
		if err != nil {
			return err
		}
		if err := m.Validate(); err != nil {
			return fmt.Errorf("hear from session: %w: %w", errInvalid, err)
		}
		switch kind := m.Kind.(type) {
		case *lapwingv1.SessionMessage_Status:
			s.cfg.OnStatus(kind.Status)
		case *lapwingv1.SessionMessage_Canary:
			s.cfg.OnCanary(kind.Canary)
		case *lapwingv1.SessionMessage_Lock:
			if err := s.keep(ctx, func() error { return s.cfg.OnLock(ctx, kind.Lock) }); err != nil {
				return err
			}
		case *lapwingv1.SessionMessage_Hit:
			if kind.Hit.Seq != lastSeq+1 {
				return fmt.Errorf("hear from session: %w: hit %d after %d", errInvalid, kind.Hit.Seq, lastSeq)
			}
			lastSeq = kind.Hit.Seq
			if err := s.keep(ctx, func() error { return s.cfg.OnHit(ctx, kind.Hit) }); err != nil {
				return err
			}
			ack := &lapwingv1.ServiceMessage{Kind: &lapwingv1.ServiceMessage_HitAck{HitAck: &lapwingv1.HitAck{Upto: lastSeq}}}
			if err := conn.Send(ack); err != nil {
				return fmt.Errorf("acknowledge hit: %w", err)
			}
		default:
			return fmt.Errorf("hear from session: %w: a message that is not for now", errInvalid)
		}
	}
}

// keep calls a callback until it has worked or ctx is done.
func (s *Supervisor) keep(ctx context.Context, take func() error) error {
	for {
		err := take()
		if err == nil {
			return nil
		}
		s.cfg.Log.Error("what a session told was not kept, it is tried again", "error", err)
		select {
		case <-time.After(retryHit):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
