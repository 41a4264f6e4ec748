package uplink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// session is one stream from its Hello to its end. One goroutine reads; all
// else happens in run.
type session struct {
	u      *Uplink
	cc     *tlsx.ClientConn
	stream lapwingv1.AgentService_StreamClient
	lanes  [2]laneFlight
	again  []spool.Entry // urgent records to be offered again, oldest first

	pausedUntil time.Time // zero: may send
	pause       *time.Timer
	heartbeat   *time.Timer
	lastBeat    time.Time
	// silence runs while a batch is unanswered, and then cuts the stream, also
	// when Send is waiting for a collector that does not read.
	silence  *time.Timer
	silent   atomic.Bool
	renewal  *time.Timer
	renewed  chan error // the result of a renewal under way
	renewing bool
}

// laneFlight is what of a lane is on its way.
type laneFlight struct {
	sent  []sentBatch // those unanswered, oldest first
	stale int         // answers to come for batches that were taken back
	again bool        // a batch was put off: take all back when the pause is over
	// skipped is the highest number of a record that is no event; it is
	// acknowledged here once everything before it is.
	skipped uint64
}

// once connects and serves one stream. nil means that the collector ended it
// in good order.
func (u *Uplink) once(ctx context.Context) error {
	if u.cfg.Link.Expired() {
		if err := u.renewExpired(ctx); err != nil {
			return err
		}
	}
	cc, err := u.cfg.Link.Connect(ctx)
	if errors.Is(err, tlsx.ErrDeviceExpired) {
		if err := u.renewExpired(ctx); err != nil {
			return err
		}
		cc, err = u.cfg.Link.Connect(ctx)
	}
	if err != nil {
		return err
	}
	defer cc.Close()
	// The stream outlives ctx for as long as a goodbye may take.
	sctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(goodbyePatience)
		defer t.Stop()
		select {
		case <-t.C:
		case <-sctx.Done():
		}
		cancel()
	})
	defer stop()
	stream, err := lapwingv1.NewAgentServiceClient(cc).Stream(sctx)
	if err != nil {
		return ended(err)
	}
	s := newSession(u, cc, stream, cancel)
	defer s.stop()
	err = ended(s.run(ctx, sctx))
	for i := range s.lanes {
		if err != nil && slow(s.lanes[i].sent) {
			u.paces[i].shrink()
		}
	}
	if left := time.Until(s.pausedUntil); left > 0 && !errors.Is(err, errRevoked) {
		return &toldToWait{left, cmp.Or(err, errPaused)}
	}
	return err
}

func newSession(u *Uplink, cc *tlsx.ClientConn, stream lapwingv1.AgentService_StreamClient, cut func()) *session {
	s := &session{u: u, cc: cc, stream: stream, renewed: make(chan error, 1),
		pause: time.NewTimer(time.Hour), heartbeat: time.NewTimer(0),
		renewal: time.NewTimer(max(u.cfg.Link.RenewIn(), 0))}
	s.silence = time.AfterFunc(time.Hour, func() { s.silent.Store(true); cut() })
	s.pause.Stop()
	s.silence.Stop()
	return s
}

// stop leaves nothing running behind.
func (s *session) stop() {
	for _, t := range []*time.Timer{s.pause, s.silence, s.heartbeat, s.renewal} {
		t.Stop()
	}
	s.cc.Close()
	if s.renewing {
		<-s.renewed
	}
}

// run serves the stream until it ends or ctx does, and returns why.
func (s *session) run(ctx, sctx context.Context) error {
	in, failed := make(chan *lapwingv1.CollectorMessage), make(chan error, 1)
	go s.read(sctx, in, failed)
	err := s.serve(ctx, in, failed)
	for errors.Is(err, errSend) {
		select {
		case m := <-in:
			if terr := s.take(ctx, m); terr != nil {
				err = terr
			}
		case err = <-failed:
		}
	}
	if s.silent.Load() {
		return errSilent
	}
	return err
}

// serve says hello and handles whatever happens.
func (s *session) serve(ctx context.Context, in <-chan *lapwingv1.CollectorMessage, failed <-chan error) error {
	hello := proto.CloneOf(s.u.cfg.Hello)
	hello.Protocol, hello.PolicyVersion = lapwingv1.Protocol, s.u.cfg.Policy.Version()
	if err := s.send(&lapwingv1.AgentMessage{Kind: &lapwingv1.AgentMessage_Hello{Hello: hello}}); err != nil {
		return err
	}
	s.u.update(func(st *Status) { st.State, st.Detail, st.Code = Connected, "", "" })
	if err := s.sendPosture(); err != nil {
		return err
	}
	if err := s.pump(); err != nil {
		return err
	}
	watch := s.u.newSleepWatch()
	look, stop := s.u.cfg.Every(lookEvery)
	defer stop()
	for {
		var err error
		select {
		case <-look:
			if watch.slept() {
				return errSlept
			}
			if time.Since(s.lastBeat) >= s.beatEvery()-lookEvery/2 {
				err = s.beat() // now that the processor is awake
			}
		case <-ctx.Done():
			return s.goodbye(ctx, in, failed)
		case err := <-failed:
			return err
		case m := <-in:
			err = s.take(ctx, m)
		case <-s.u.cfg.Spool.Ready():
		case <-s.u.cfg.CoverageChanged:
			s.heartbeat.Reset(max(0, heartbeatGap-time.Since(s.lastBeat)))
		case <-s.heartbeat.C:
			err = s.beat()
		case <-s.u.cfg.PostureChanged:
			err = s.sendPosture()
		case <-s.pause.C:
			s.resume()
		case <-s.renewal.C:
			s.renewIfDue(ctx)
		case rerr := <-s.renewed:
			s.finishRenewal(ctx, rerr)
		}
		if err == nil {
			err = s.pump()
		}
		if err != nil {
			return err
		}
	}
}

// read passes messages on until the stream fails.
func (s *session) read(sctx context.Context, in chan<- *lapwingv1.CollectorMessage, failed chan<- error) {
	for {
		m, err := s.stream.Recv()
		if err != nil {
			failed <- err
			return
		}
		select {
		case in <- m:
		case <-sctx.Done():
			return
		}
	}
}

// send sends m. errSend means that the stream has ended.
func (s *session) send(m *lapwingv1.AgentMessage) error {
	err := s.stream.Send(m)
	if errors.Is(err, io.EOF) {
		return errSend
	}
	return err
}

// pump sends what may be sent now: urgent records first, and routine ones only
// while no urgent one waits to be sent.
func (s *session) pump() error {
	if !s.pausedUntil.IsZero() {
		return nil
	}
	for {
		more, err := s.pumpOne()
		if err != nil || !more {
			return err
		}
	}
}

func (s *session) pumpOne() (more bool, err error) {
	for _, l := range spool.Lanes() {
		fl := &s.lanes[l-1]
		p := &s.u.paces[l-1]
		if len(fl.sent) >= p.window() {
			if l == spool.Urgent {
				return false, nil // routine batches would lie before the next one that is urgent
			}
			continue
		}
		entries, err := s.u.cfg.Spool.Lease(l, p.records(l), p.bytes())
		if err != nil {
			return false, fmt.Errorf("lease: %w", err)
		}
		if l == spool.Urgent && len(entries) == 0 {
			entries = s.takeAgain()
		}
		if len(entries) > 0 {
			return true, s.sendBatch(l, entries)
		}
	}
	return false, nil
}

// takeAgain returns the next batch of what is to be offered again. A batch has
// rising numbers, also where two logs overlap.
func (s *session) takeAgain() []spool.Entry {
	n, p := 0, &s.u.paces[spool.Urgent-1]
	for bytes := 0; n < min(len(s.again), p.records(spool.Urgent)) && bytes < p.bytes(); n++ {
		if n > 0 && s.again[n].Seq <= s.again[n-1].Seq {
			break
		}
		bytes += len(s.again[n].Payload)
	}
	batch := s.again[:n]
	s.again = s.again[n:]
	return batch
}

func (s *session) sendBatch(l spool.Lane, entries []spool.Entry) error {
	b := &lapwingv1.Batch{Lane: lapwingv1.Lane(l), Now: s.u.cfg.Now()}
	fl := &s.lanes[l-1]
	for _, r := range entries {
		e, err := unpack(l, r)
		if err != nil {
			// Sealed by us and yet no event: another version wrote it. Sending
			// it again for ever would stop the lane.
			s.u.update(func(st *Status) { st.Unreadable++ })
			fl.skipped = r.Seq
			continue
		}
		b.Events = append(b.Events, e)
	}
	if len(b.Events) == 0 {
		return s.settleSkipped(l)
	}
	if len(fl.sent) == 0 {
		s.silence.Reset(ackPatience)
	}
	p := &s.u.paces[l-1]
	size := 0
	for _, r := range entries {
		size += len(r.Payload)
	}
	fl.sent = append(fl.sent, sentBatch{last: b.Events[len(b.Events)-1].GetSeq(), at: time.Now(), shift: p.shift,
		full: len(entries) >= p.records(l) || size >= p.bytes()*3/4})
	return s.send(&lapwingv1.AgentMessage{Kind: &lapwingv1.AgentMessage_Batch{Batch: b}})
}

// settleSkipped acknowledges records that are no event, once nothing before
// them is on its way.
func (s *session) settleSkipped(l spool.Lane) error {
	fl := &s.lanes[l-1]
	if fl.skipped == 0 || len(fl.sent) > 0 {
		return nil
	}
	upto := fl.skipped
	fl.skipped = 0
	if err := s.u.cfg.Spool.Ack(l, upto); err != nil && !errors.Is(err, spool.ErrNotLeased) {
		return err
	}
	return nil
}

// beatEvery is how far heartbeats are apart: a quarter of a minute less or more,
// where they are further apart than looks.
func (s *session) beatEvery() time.Duration {
	every := s.u.cfg.HeartbeatEvery()
	if every < 5*time.Second || every > time.Hour {
		return time.Minute
	}
	return every
}

// beat sends a heartbeat and sets the timer of the next, unless a look comes
// before: a timer that is set anew wakes the processor at its old time too.
func (s *session) beat() error {
	if every := s.beatEvery(); every > lookEvery {
		s.heartbeat.Stop()
	} else {
		s.heartbeat.Reset(every)
	}
	s.lastBeat = time.Now()
	s.u.cfg.Spool.Expire()
	st := s.u.cfg.Spool.Stats()
	skew, _ := s.u.cfg.Clock.Skew()
	var harbour, exempt uint64
	if s.u.cfg.Unlooked != nil {
		harbour, exempt = s.u.cfg.Unlooked()
	}
	return s.send(&lapwingv1.AgentMessage{Kind: &lapwingv1.AgentMessage_Heartbeat{Heartbeat: &lapwingv1.Heartbeat{
		Now: s.u.cfg.Now(), Coverage: s.u.cfg.Coverage(),
		SpoolRecords:   st.Urgent.Records + st.Routine.Records,
		SpoolBytes:     st.Urgent.Bytes + st.Routine.Bytes,
		DroppedRoutine: st.DroppedRoutine, MergedUrgent: st.MergedUrgent, QuarantinedSegments: st.DamagedSegments,
		Sessions: uint32(s.u.cfg.Sessions()), PolicyVersion: s.u.cfg.Policy.Version(), ClockSkewMs: skew.Milliseconds(),
		HarbourSeconds: harbour, ExemptSeconds: exempt,
	}}})
}

// sendPosture sends the device's word on its checks, if there is one.
func (s *session) sendPosture() error {
	if s.u.cfg.Posture == nil {
		return nil
	}
	p := s.u.cfg.Posture()
	if p == nil {
		return nil
	}
	return s.send(&lapwingv1.AgentMessage{Kind: &lapwingv1.AgentMessage_Posture{Posture: p}})
}

// goodbye says that the silence to come is meant, and waits for the collector
// to close, as long as the stream's context lasts.
func (s *session) goodbye(ctx context.Context, in <-chan *lapwingv1.CollectorMessage, failed <-chan error) error {
	why := lapwingv1.Goodbye_REASON_SHUTDOWN
	asleep := errors.Is(context.Cause(ctx), errAsleep)
	switch {
	case asleep:
		why = lapwingv1.Goodbye_REASON_SLEEP
	case s.u.cfg.Goodbye != nil:
		why = s.u.cfg.Goodbye()
	}
	err := s.send(&lapwingv1.AgentMessage{Kind: &lapwingv1.AgentMessage_Goodbye{Goodbye: &lapwingv1.Goodbye{Reason: why}}})
	if err == nil {
		err = s.stream.CloseSend()
	}
	for err == nil {
		select {
		case m := <-in:
			// What is acknowledged now need not be sent again after a restart.
			if ack := m.GetAck(); ack != nil {
				err = s.takeAck(ack)
			}
		case err = <-failed:
		}
	}
	if errors.Is(err, io.EOF) && !asleep && s.u.cfg.Heard != nil {
		s.u.cfg.Heard()
	}
	return err
}
