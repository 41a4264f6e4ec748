package ingest

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/edge"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/ratelimit"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tenants"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Limits of a stream.
const (
	helloTimeout = 10 * time.Second
	// Streams live minLife to minLife + lifeSpread (contract "Doors"), so that
	// devices move to a new collector, and to new certificates, by themselves.
	minLife    = 30 * time.Minute
	lifeSpread = 30 * time.Minute
	// hintBefore is when a device is told to renew its certificate: it does so
	// by itself at two thirds of its life, so one that is told has missed that.
	hintBefore = tlsx.DeviceLifetime / 4
	// A device that was away for long sends its spool at once: ten thousand
	// events pass, and then as many a second as no person could cause. What is
	// beyond waits in the device's spool; nothing is lost.
	eventsPerSecond = 20
	eventsBurst     = 10_000
	// Other messages: a heartbeat every five seconds is the most a policy asks for.
	framesPerSecond = 1
	framesBurst     = 60
	devicesLimited  = 100_000
	// policySends bounds the policies on their way at once: a new policy of
	// some megabytes goes to every device of a school.
	policySends = 16
)

// Policies gives the policy in force for a group of devices.
type Policies interface {
	// Current returns the signed policy and its version, or nil and 0.
	Current(ctx context.Context, t store.Tenant, g policy.Group) (*lapwingv1.SignedPolicy, uint64, error)
	// Timetable is a policy with the group's Schedule and Canary only.
	Timetable(slug string, g policy.Group) (*lapwingv1.Policy, error)
	// Changed returns a channel that is closed at the group's next change.
	Changed(school store.SchoolID, g policy.Group) <-chan struct{}
}

// Renewer gives known devices new certificates (collector/enrol). Its errors
// are gRPC statuses.
type Renewer interface {
	// fingerprint is what the device says of its hardware, or empty.
	Renew(ctx context.Context, t store.Tenant, id caseflow.DeviceID, csr, fingerprint []byte) (der []byte, err error)
}

// Config of a Server; every field is needed.
type Config struct {
	Core     *Core
	Schools  *tenants.Directory
	Policies Policies
	Renewer  Renewer
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  prometheus.Registerer
}

// Server implements lapwing.v1.AgentService. It is safe for concurrent use.
type Server struct {
	lapwingv1.UnimplementedAgentServiceServer
	cfg     Config
	metrics *serverMetrics
	events  *ratelimit.Buckets
	frames  *ratelimit.Buckets
	sending chan struct{}
	reports *reports
	boots   boots
	live    live
	life    func() time.Duration // of a stream
}

// NewServer returns a Server and registers its counters. Call Run, or reports
// of devices are never stored.
func NewServer(cfg Config) (*Server, error) {
	m, err := newServerMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	return &Server{
		cfg: cfg, metrics: m,
		events:  ratelimit.New(eventsPerSecond, eventsBurst, devicesLimited, cfg.Now),
		frames:  ratelimit.New(framesPerSecond, framesBurst, devicesLimited, cfg.Now),
		sending: make(chan struct{}, policySends),
		reports: newReports(cfg.Log),
		boots:   boots{seen: make(map[deviceKey][][16]byte)},
		live:    live{streams: make(map[deviceKey]*stream)},
		life:    func() time.Duration { return minLife + rand.N(lifeSpread) },
	}, nil
}

// window is how much an agent may send before the collector has read it, in
// bytes: one usual batch. Larger messages pass too.
const window = 256 << 10

// GRPC returns the server of the agent door; give it the Agent listener of
// tlsx.Doors.
//
// ReadBufferSize(0) brings an idle stream from 58 to 45 KB of memory
// (docs/benchmarks.md). Windows that do not grow save a ping with every message,
// which would wake the device for an answer. Heartbeats come each minute, so
// keepalive is only for a peer that went without a word: it finds it in 140 s,
// and allows agents to ask as often as every 30 s.
func (s *Server) GRPC() *grpc.Server {
	srv := grpc.NewServer(append(edge.Recover(s.cfg.Log, s.metrics.panics.Inc),
		grpc.Creds(tlsx.ServerCredentials()),
		grpc.MaxRecvMsgSize(lapwingv1.MaxFrame),
		grpc.MaxConcurrentStreams(4),
		grpc.MaxHeaderListSize(8<<10),
		grpc.ConnectionTimeout(10*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 2 * time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 30 * time.Second, PermitWithoutStream: true}),
		grpc.ReadBufferSize(0),
		grpc.StaticStreamWindowSize(window), grpc.StaticConnWindowSize(window),
	)...)
	lapwingv1.RegisterAgentServiceServer(srv, s)
	return srv
}

// Run stores what devices report of themselves until ctx ends, then ends every
// stream with the status Unavailable, waits for them, and stores the rest.
func (s *Server) Run(ctx context.Context) error {
	s.reports.run(ctx)
	s.live.drain()
	s.reports.flush(context.WithoutCancel(ctx))
	return nil
}

// Revoked ends the device's stream, if it has one, with a Revoked message.
// The store must know already, or the device comes straight back.
func (s *Server) Revoked(school store.SchoolID, id caseflow.DeviceID, reason string) {
	s.live.end(deviceKey{school, id}, ending{revoked: true, reason: reason})
}

// Renew exchanges a still valid certificate for a new one.
func (s *Server) Renew(ctx context.Context, req *lapwingv1.AgentServiceRenewRequest) (*lapwingv1.AgentServiceRenewResponse, error) {
	t, d, _, err := s.identify(ctx)
	if err != nil {
		return nil, err
	}
	der, err := s.cfg.Renewer.Renew(ctx, t, d.ID, req.Csr, req.Fingerprint)
	if err != nil {
		return nil, err
	}
	return &lapwingv1.AgentServiceRenewResponse{Certificate: der}, nil
}

// identify finds the device of a call in the store, and the end of the
// certificate that it shows. Errors are gRPC statuses.
func (s *Server) identify(ctx context.Context) (t store.Tenant, d store.Device, ends time.Time, err error) {
	id, cert, err := tlsx.PeerDevice(ctx)
	if err != nil {
		return nil, d, ends, status.Error(codes.Unauthenticated, "Show a device certificate.")
	}
	if t, err = s.cfg.Schools.BySlug(ctx, id.School); err == nil {
		d, err = t.Device(ctx, caseflow.DeviceID(id.ID))
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, d, ends, status.Error(codes.PermissionDenied, "This device is not known to the collector. Enrol it again.")
	} else if err != nil {
		return nil, d, ends, s.unavailable(ctx, "find device", err)
	}
	return t, d, cert.NotAfter, nil
}

func (s *Server) unavailable(ctx context.Context, what string, err error) error {
	if ctx.Err() == nil {
		s.cfg.Log.ErrorContext(ctx, "device refused for a fault of the collector", "step", what, "error", err)
	}
	return status.Error(codes.Unavailable, "The collector cannot read its store now. Try again in a minute.")
}

type deviceKey struct {
	school store.SchoolID
	device caseflow.DeviceID
}

// live knows the one stream of each device. Its zero value is not usable.
type live struct {
	wg sync.WaitGroup

	mu       sync.Mutex // guards all below
	draining bool
	streams  map[deviceKey]*stream
}

// enter makes st the device's stream and ends an older one: after a break, a
// device is back before we notice that the old connection is dead.
func (l *live) enter(k deviceKey, st *stream) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.draining {
		return false
	}
	if old := l.streams[k]; old != nil {
		old.finish(ending{replaced: true})
	}
	l.streams[k] = st
	l.wg.Add(1)
	return true
}

// leave reports whether st was still the device's stream. wg.Done is the
// caller's, when its last report is out of its hands.
func (l *live) leave(k deviceKey, st *stream) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams[k] != st {
		return false
	}
	delete(l.streams, k)
	return true
}

func (l *live) end(k deviceKey, e ending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if st := l.streams[k]; st != nil {
		st.finish(e)
	}
}

func (l *live) drain() {
	l.mu.Lock()
	l.draining = true
	for _, st := range l.streams {
		st.finish(ending{draining: true})
	}
	l.mu.Unlock()
	l.wg.Wait()
}
