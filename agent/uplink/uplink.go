// Package uplink owns the one stream to the collector: it sends what the spool
// holds, urgent first, takes acknowledgements, policies and the few requests
// of the contract ("Down the stream"), reports coverage, and comes back after
// a break without ever storming the collector.
//
//	spool ──Lease──► Batch ──► stream ──► collector
//	      ◄──Ack──── Ack  ◄──────┘
//
// Nothing is lost by it: a record leaves the spool only after its
// acknowledgement, and after a break everything unacknowledged is sent again.
// Nothing is polled: appends, messages and timers wake it.
//
// It may import agent/spool, agent/identity and the messages of
// proto/lapwing/v1; what else it needs is in Config.
package uplink

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Spool is what the uplink needs of agent/spool.
type Spool interface {
	Lease(l spool.Lane, maxRecords, maxBytes int) ([]spool.Entry, error)
	Ack(l spool.Lane, upto uint64) error
	Rollback(l spool.Lane)
	Stats() spool.Stats
	Ready() <-chan struct{}
	// Reoffer visits the acknowledged urgent records that are still kept.
	Reoffer(since time.Time, visit func(spool.Entry) error) error
	// Expire destroys those that have been kept long enough.
	Expire()
}

// Link is what it needs of the device's identity (identity.Link).
type Link interface {
	Connect(ctx context.Context) (*tlsx.ClientConn, error)
	RenewIn() time.Duration
	Expired() bool
	Renew(ctx context.Context, cc grpc.ClientConnInterface) error
	RenewExpired(ctx context.Context) error
}

// Clock is what it needs of trusted time (identity.Clock).
type Clock interface {
	Observe(server time.Time)
	Skew() (skew time.Duration, known bool)
}

// Policy is what it needs of the policy in force (agent/policy).
type Policy interface {
	Version() uint64
	// Apply verifies and keeps a policy; after an error the old one stays.
	Apply(*lapwingv1.SignedPolicy) error
}

// Config of an Uplink. Fields are needed unless it says otherwise.
type Config struct {
	Spool  Spool
	Link   Link
	Clock  Clock
	Policy Policy
	// Hello describes the machine and the agent; protocol and policy version
	// are filled in here.
	Hello *lapwingv1.Hello
	// Now reads the device's clocks.
	Now func() *lapwingv1.DeviceTime
	// Coverage returns the rows of the next heartbeat, at most 32.
	Coverage func() []*lapwingv1.Coverage
	// CoverageChanged, if not nil, brings the next heartbeat forward.
	CoverageChanged <-chan struct{}
	// Posture, if not nil, returns the device's word on its checks, nil for none
	// yet; it is sent at the start of each stream and when PostureChanged says so.
	Posture        func() *lapwingv1.PostureReport
	PostureChanged <-chan struct{}
	// Sessions returns how many desktop sessions are being watched.
	Sessions func() int
	// Unlooked returns seconds in safe harbours and in exempt places since the
	// service started; nil means none.
	Unlooked func() (harbour, exempt uint64)
	// HeartbeatEvery returns the interval of the policy in force, 5 s to 1 h;
	// anything else means 60 s.
	HeartbeatEvery func() time.Duration
	// Goodbye returns why the service stops; nil means shutdown.
	Goodbye func() lapwingv1.Goodbye_Reason
	// Heard, if not nil, is called when the collector has taken the goodbye.
	Heard func()
	// Requests, if not nil, is given the canary requests and wanted versions
	// of the collector. It must not block.
	Requests func(*lapwingv1.CollectorMessage)
	Log      *slog.Logger
	// Elapsed counts the time since boot, that asleep included (boot.Elapsed);
	// nil: a sleep is noticed by the connection's death only.
	Elapsed func() time.Duration
	// Code names an error of Link by a code of internal/conditions, "" for
	// none; nil means no codes.
	Code func(error) string
	// Jitter returns 0 to 1 for back-off; nil means math/rand.
	Jitter func() float64
	// Every is a ticker of a period, and what stops it; nil means time.NewTicker.
	Every func(time.Duration) (<-chan time.Time, func())
}

// Limits of the stream.
const (
	// firstBackoff doubles up to maxBackoff; the wait is a random part of it
	// ("full jitter"), so that a school that comes back after a power cut does
	// not come back in one second.
	firstBackoff = time.Second
	maxBackoff   = 60 * time.Second
	// A refused device asks again now and then: a technician may have changed
	// his mind, and the collector may have been restored.
	refusedBackoff = time.Hour
	// settled is how long a stream must last to count as a success.
	settled = 10 * time.Second
	// ackPatience is how long a batch may stay unanswered before the stream is
	// taken for dead though the connection lives.
	ackPatience = 60 * time.Second
	// goodbyePatience is what is left for a goodbye when the service stops.
	goodbyePatience = 2 * time.Second
	// heartbeatGap is the least time between two heartbeats.
	heartbeatGap = 2 * time.Second

	// renewGap is the least time between two renewals on one stream.
	renewGap = 12 * time.Hour

	// window bounds the batches of a lane that are sent and not acknowledged.
	window        = 4
	urgentRecords = 64
	routineBatch  = 256
	batchBytes    = 256 << 10
)

// DialOptions are the options that Link's connections need. Keepalive finds the
// dead collector, also after sleep (grpc/grpc#27772), in probe and 20 s; probe is
// at least 30 s, which collectors allow, and its timer wakes the processor. Small
// buffers keep an idle agent small, and windows that do not grow save the ping
// with which gRPC measures each answer.
func DialOptions(probe time.Duration) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: probe, Timeout: 20 * time.Second, PermitWithoutStream: true}),
		grpc.WithReadBufferSize(4 << 10), grpc.WithWriteBufferSize(4 << 10),
		grpc.WithStaticStreamWindowSize(batchBytes), grpc.WithStaticConnWindowSize(batchBytes),
		// The largest message is a policy, and the frame around it.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(lapwingv1.MaxPolicy + 64<<10)),
	}
}

// State is what the uplink is doing, as status shows it.
type State string

// States of an Uplink.
const (
	Connecting State = "connecting"
	Connected  State = "connected"
	Waiting    State = "waiting" // for the next attempt, or as the collector asked
	Revoked    State = "revoked" // the collector takes nothing from this device
	Refused    State = "refused" // the collector does not know this device, or not any more
	Stopped    State = "stopped"
)

// Status is the uplink's account of itself.
type Status struct {
	State       State
	Since       time.Time
	Detail      string    // for people: the last error, or why the device is revoked
	Code        string    // of internal/conditions, for that error; may be empty
	RetryAt     time.Time // zero unless waiting
	LastAck     time.Time // by the machine's clock; zero before the first
	ServerTime  time.Time // as last told
	Skew        time.Duration
	SkewKnown   bool
	Refused     uint64 // events that the collector found invalid, since the start
	Unreadable  uint64 // records of the spool that are no event, since the start
	PolicyError string // why the last policy was not applied; empty if it was
}

// Uplink is one device's connection. Create it with New.
type Uplink struct {
	cfg   Config
	paces [2]pace // by lane; used by Run's goroutine only

	woke chan struct{} // holds a value when the machine woke

	mu     sync.Mutex // guards what follows
	status Status
	hangUp context.CancelCauseFunc // ends the connection; nil without one
	nap    *nap                    // announced and not over; nil otherwise
}

// New returns an Uplink; nothing happens before Run.
func New(cfg Config) *Uplink {
	if cfg.Every == nil {
		cfg.Every = func(period time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(period)
			return t.C, t.Stop
		}
	}
	if cfg.Jitter == nil {
		cfg.Jitter = rand.Float64
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Uplink{cfg: cfg, woke: make(chan struct{}, 1), status: Status{State: Stopped, Since: time.Now()}}
}

// Status returns the uplink's account of itself. It is safe for concurrent use.
func (u *Uplink) Status() Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	st := u.status
	st.Skew, st.SkewKnown = u.cfg.Clock.Skew()
	return st
}

func (u *Uplink) update(change func(*Status)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := u.status.State
	change(&u.status)
	if u.status.State != before {
		u.status.Since = time.Now()
	}
}

// Run keeps the device connected until ctx is done, says goodbye, and returns
// ctx's error. Call it once.
func (u *Uplink) Run(ctx context.Context) error {
	defer u.update(func(s *Status) { s.State, s.RetryAt = Stopped, time.Time{} })
	for failures := 0; ctx.Err() == nil; {
		begin := time.Now()
		u.update(func(s *Status) { s.State, s.RetryAt = Connecting, time.Time{} })
		slept, err := u.connect(ctx)
		for _, l := range spool.Lanes() {
			u.cfg.Spool.Rollback(l)
		}
		if slept != nil {
			u.sleepThrough(ctx, slept)
			err = errSlept
		}
		if ctx.Err() != nil {
			break
		}
		if time.Since(begin) >= settled {
			failures = 0
		}
		wait := u.backoff(failures)
		var told *toldToWait
		switch {
		case err == nil && failures == 0 && time.Since(begin) >= settled:
			continue // its time was up: reconnect at once
		case errors.Is(err, errSlept):
			wait = time.Duration(u.cfg.Jitter() * float64(wakeSpread))
			failures = -1 // nobody's fault
		case errors.As(err, &told):
			wait = told.wait + time.Duration(u.cfg.Jitter()*float64(firstBackoff))
		case errors.Is(err, errRevoked), errors.Is(err, errUnknownDevice), errors.Is(err, errNoRenewal):
			wait = refusedBackoff/2 + time.Duration(u.cfg.Jitter()*float64(refusedBackoff))
		}
		failures++
		u.rest(ctx, wait, err)
	}
	return ctx.Err()
}

// backoff is a random part of 1 s, 2 s, 4 s … 60 s.
func (u *Uplink) backoff(failures int) time.Duration {
	limit := maxBackoff
	if failures < 6 {
		limit = min(firstBackoff<<failures, maxBackoff)
	}
	return time.Duration(u.cfg.Jitter() * float64(limit))
}

// rest waits before the next attempt, and says why.
func (u *Uplink) rest(ctx context.Context, wait time.Duration, err error) {
	u.update(func(s *Status) {
		s.State, s.RetryAt, s.Detail = Waiting, time.Now().Add(wait), "the collector ended the stream"
		switch {
		case errors.Is(err, errRevoked):
			s.State = Revoked
		case errors.Is(err, errUnknownDevice), errors.Is(err, errNoRenewal):
			s.State = Refused
		}
		s.Code = ""
		if err != nil {
			s.Detail = err.Error()
			if u.cfg.Code != nil {
				s.Code = u.cfg.Code(err)
			}
		}
	})
	logged := err
	if errors.Is(err, errRevoked) {
		logged = errRevoked // why is a person's free text, and may hold a name
	}
	u.cfg.Log.InfoContext(ctx, "uplink_waiting", "wait", wait, "reason", logged)
	t, watch := time.NewTimer(wait), u.newSleepWatch()
	look, stop := u.cfg.Every(lookEvery)
	defer t.Stop()
	defer stop()
	for {
		select {
		case <-t.C:
			return
		// Whatever was wrong before the sleep may be right after it.
		case <-u.woke:
			t.Reset(time.Duration(u.cfg.Jitter() * float64(min(wait, wakeSpread))))
		case <-look:
			if watch.slept() {
				t.Reset(time.Duration(u.cfg.Jitter() * float64(min(wait, wakeSpread))))
			}
		case <-ctx.Done():
			return
		}
	}
}
