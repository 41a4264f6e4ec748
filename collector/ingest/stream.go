package ingest

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/edge"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

type wire = grpc.BidiStreamingServer[lapwingv1.AgentMessage, lapwingv1.CollectorMessage]

// stream is one device's connection. One goroutine reads; all else, sending
// included, happens in the handler's, so that nothing but ends needs a lock.
type stream struct {
	server *Server
	wire   wire
	tenant store.Tenant
	device store.Device
	key    deviceKey
	// certEnds is the end of the certificate of this connection.
	certEnds time.Time
	report   store.DeviceReport
	policy   uint64         // version that the device has, as far as we know
	putOff   [lanes]span    // of each lane, what was put off and not sent again yet
	ends     chan ending    // one place; the first ending counts
	held     atomic.Bool    // nothing is taken until a technician releases the device
	asks     chan time.Time // one place: what it sent since then is wanted again
	proofs   chan audit.Who // one place: who wants a canary
}

// span is a range of sequence numbers of one lane; to is 0 when it is empty.
type span struct{ from, to uint64 }

func (s *span) add(from, to uint64) {
	if s.to == 0 {
		s.from = from
	}
	s.from, s.to = min(s.from, from), max(s.to, to)
}

const lanes = 3 // indexed by lapwingv1.Lane

// ending says why the collector ends a stream.
type ending struct {
	replaced, draining, revoked bool
	reason                      string
}

func (st *stream) finish(e ending) {
	select {
	case st.ends <- e:
	default:
	}
}

// frame is what the reader got.
type frame struct {
	msg *lapwingv1.AgentMessage
	err error
}

// Stream serves one device until it says goodbye, breaks a rule, is replaced
// by a newer connection of the same device, or its time is up (status OK: the
// device reconnects at once).
func (s *Server) Stream(w wire) error {
	ctx := w.Context()
	t, d, certEnds, err := s.identify(ctx)
	if err != nil {
		s.metrics.ended.WithLabelValues("unknown").Inc()
		return err
	}
	st := &stream{
		server: s, wire: w, tenant: t, device: d, key: deviceKey{t.Info().ID, d.ID},
		certEnds: certEnds, report: d.Report, ends: make(chan ending, 1), asks: make(chan time.Time, 1), proofs: make(chan audit.Who, 1),
	}
	st.held.Store(d.Held)
	if !d.Revoked.IsZero() {
		s.metrics.ended.WithLabelValues("revoked").Inc()
		return st.revoked(d.RevokedWhy)
	}
	if !s.live.enter(st.key, st) {
		s.metrics.ended.WithLabelValues("draining").Inc()
		return errDraining
	}
	s.metrics.opened.Inc()
	s.metrics.streams.Inc()
	why := "panic"
	defer func() { st.left(why) }() // also of a panic, which then goes on
	why, err = st.serve(ctx)
	return err
}

// stillWelcome reads the device again now that Server.Revoked finds this
// stream: a revocation between identify and live.enter found none.
func (st *stream) stillWelcome(ctx context.Context) (why string, err error) {
	d, err := st.tenant.Device(ctx, st.device.ID)
	if err != nil {
		return "broken", st.server.unavailable(ctx, "find device again", err)
	}
	if !d.Revoked.IsZero() {
		return "revoked", st.revoked(d.RevokedWhy)
	}
	if !d.Held { // released between identify and live.enter
		st.held.Store(false)
	}
	return "", nil
}

// left takes a stream that ended out of the books, unless a newer one has
// taken its place there.
func (st *stream) left(why string) {
	s := st.server
	defer s.live.wg.Done()
	s.metrics.streams.Dec()
	s.metrics.ended.WithLabelValues(why).Inc()
	if newest := s.live.leave(st.key, st); newest && st.report.Connected {
		st.report.Connected = false
		s.reports.put(st.tenant, st.report)
	}
}

// Statuses that end a stream. Their words end in the device's log and status.
var (
	errDraining = status.Error(codes.Unavailable, "The collector is restarting. Reconnect.")
	errReplaced = status.Error(codes.Aborted, "A newer connection of this device took over.")
	errHello    = status.Error(codes.InvalidArgument, "The first message must be a Hello, and only the first.")
	errNoHello  = status.Error(codes.DeadlineExceeded, "No Hello came within 10 seconds.")
	errGarbage  = status.Error(codes.Internal, "A frame could not be read as a Lapwing message.")
	errTooMany  = status.Error(codes.ResourceExhausted, "Too many messages. Reconnect in a minute.")
)

// serve returns a word for the counter and the status.
func (st *stream) serve(ctx context.Context) (why string, err error) {
	if why, err := st.stillWelcome(ctx); why != "" {
		return why, err
	}
	frames := make(chan frame)
	go st.read(ctx, frames)
	if why, err := st.greet(ctx, frames); why != "" {
		return why, err
	}
	changed, err := st.pushPolicy(ctx)
	if err != nil {
		return "broken", err
	}
	if err := st.askAgain(ctx); err != nil {
		return "broken", err
	}
	life := time.NewTimer(st.server.life())
	defer life.Stop()
	wait, due := st.untilCanary()
	canary := time.NewTimer(wait)
	defer canary.Stop()
	for {
		select {
		case f := <-frames:
			if why, err := st.take(ctx, f); why != "" {
				return why, err
			}
		case <-changed:
			if changed, err = st.pushPolicy(ctx); err != nil {
				return "broken", err
			}
			wait, due = st.untilCanary()
			canary.Reset(wait)
		case <-canary.C:
			if due {
				if err := st.prove(ctx, audit.System()); err != nil {
					return "gone", err
				}
			}
			wait, due = st.untilCanary()
			canary.Reset(wait)
		case by := <-st.proofs:
			if err := st.prove(ctx, by); err != nil {
				return "gone", err
			}
		case since := <-st.asks:
			if err := st.ask(since); err != nil {
				return "gone", err
			}
		case e := <-st.ends:
			return st.ended(e)
		case <-life.C:
			return "lifetime", nil
		case <-ctx.Done():
			return "gone", status.FromContextError(ctx.Err()).Err()
		}
	}
}

// read hands over frames until the first error or the end of the handler, when
// grpc cancels ctx. One frame waits at most, so a stream's memory is bounded.
func (st *stream) read(ctx context.Context, frames chan<- frame) {
	for {
		f := st.recv()
		select {
		case frames <- f:
		case <-ctx.Done():
			return
		}
		if f.err != nil {
			return
		}
	}
}

// recv does not panic: outside the handler, nothing would recover it.
func (st *stream) recv() (f frame) {
	defer func() {
		if v := recover(); v != nil {
			st.server.metrics.panics.Inc()
			f = frame{err: errGarbage}
		}
	}()
	m, err := st.wire.Recv()
	return frame{m, err}
}

// greet waits for the Hello, and connects the device in the books.
func (st *stream) greet(ctx context.Context, frames <-chan frame) (why string, err error) {
	wait := time.NewTimer(helloTimeout)
	defer wait.Stop()
	select {
	case f := <-frames:
		if f.err != nil {
			return broken(f.err)
		}
		hello := f.msg.GetHello()
		if hello == nil {
			return "order", errHello
		}
		if err := f.msg.Validate(); err != nil {
			return "invalid", notValid(err)
		}
		st.policy = hello.PolicyVersion
		st.greeted(hello)
		st.twins(ctx, hello)
		if why, err := st.tellTime(); why != "" {
			return why, err
		}
		return st.hintRenewal()
	case e := <-st.ends:
		return st.ended(e)
	case <-wait.C:
		return "no_hello", errNoHello
	case <-ctx.Done():
		return "gone", status.FromContextError(ctx.Err()).Err()
	}
}

func (st *stream) greeted(h *lapwingv1.Hello) {
	r := &st.report
	r.ID, r.Seen, r.Connected, r.Goodbye = st.device.ID, st.server.cfg.Now(), true, ""
	r.Host, r.OSText, r.AgentVersion, r.PolicyVersion = h.Hostname, h.OsVersion, h.AgentVersion, h.PolicyVersion
	st.server.reports.put(st.tenant, *r)
}

// tellTime lets a device that has nothing to send know the time: without it,
// one with a wrong clock would not learn so before its first event.
func (st *stream) tellTime() (why string, err error) {
	ack := &lapwingv1.CollectorMessage_Ack{Ack: st.server.cfg.Core.time()}
	if err := st.wire.Send(&lapwingv1.CollectorMessage{Kind: ack}); err != nil {
		return "gone", err
	}
	return "", nil
}

// hintRenewal tells a device whose certificate ends soon.
func (st *stream) hintRenewal() (why string, err error) {
	if st.server.cfg.Now().Add(hintBefore).Before(st.certEnds) {
		return "", nil
	}
	hint := &lapwingv1.CollectorMessage_RenewalHint{RenewalHint: &lapwingv1.RenewalHint{}}
	if err := st.wire.Send(&lapwingv1.CollectorMessage{Kind: hint}); err != nil {
		return "gone", err
	}
	return "", nil
}

// broken tells the ways in which reading a frame fails. For a frame that is too
// large or no message, grpc has sent the status already; ours is for the books.
func broken(err error) (why string, end error) {
	if errors.Is(err, io.EOF) {
		return "closed", nil
	}
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return "oversized", err
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable:
		return "gone", err
	}
	return "garbage", err
}

func notValid(err error) error {
	return status.Error(codes.InvalidArgument, "A message is not valid: "+err.Error()+".")
}

func (st *stream) ended(e ending) (why string, err error) {
	switch {
	case e.replaced:
		return "replaced", errReplaced
	case e.revoked:
		return "revoked", st.revoked(e.reason)
	}
	return "draining", errDraining
}

// revoked tells the device, for its own status page, and refuses it.
func (st *stream) revoked(reason string) error {
	msg := &lapwingv1.Revoked{Reason: edge.Shorten(reason, 200)}
	err := st.wire.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Revoked{Revoked: msg}})
	if err != nil {
		return err
	}
	return status.Error(codes.PermissionDenied, "This device has been revoked.")
}

// pushPolicy sends the policy in force if the device has another, and returns
// what tells of the next change.
func (st *stream) pushPolicy(ctx context.Context) (<-chan struct{}, error) {
	// The channel first: a change between the two is then seen, not missed.
	group := policy.Group{Name: st.device.Group, Audience: st.device.Audience}
	changed := st.server.cfg.Policies.Changed(st.key.school, group)
	signed, version, err := st.server.cfg.Policies.Current(ctx, st.tenant, group)
	if err != nil {
		if st.policy == 0 {
			// Without any policy it watches for nothing: it must come back soon.
			return nil, st.server.unavailable(ctx, "read policy", err)
		}
		// It goes on with what it has; events matter more.
		st.server.cfg.Log.ErrorContext(ctx, "policy not read", "error", err)
		return changed, nil
	}
	if signed != nil && version < st.policy {
		// The device would refuse it: versions only go up. It happens when the
		// collector's data is from an older backup.
		st.server.metrics.behind.Inc()
		st.server.cfg.Log.WarnContext(ctx, "device keeps a newer policy than the collector has; approve policies until the version is higher",
			"device", string(st.device.ID), "device_version", st.policy, "collector_version", version)
	}
	if signed == nil || version <= st.policy {
		return changed, nil
	}
	select {
	case st.server.sending <- struct{}{}:
		defer func() { <-st.server.sending }()
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	err = st.wire.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Policy{Policy: signed}})
	if err != nil {
		return nil, err
	}
	st.policy = version
	st.server.metrics.policies.Inc()
	return changed, nil
}
