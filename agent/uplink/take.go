package uplink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/spool"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// take handles one message of the collector. A message that breaks the
// contract ends the stream; one of a later version is passed over.
func (s *session) take(ctx context.Context, m *lapwingv1.CollectorMessage) error {
	if m.GetKind() == nil {
		return nil
	}
	if err := m.Validate(); err != nil {
		return fmt.Errorf("message of the collector: %w", err)
	}
	switch k := m.GetKind().(type) {
	case *lapwingv1.CollectorMessage_Ack:
		return s.takeAck(k.Ack)
	case *lapwingv1.CollectorMessage_Policy:
		s.takePolicy(ctx, k.Policy)
	case *lapwingv1.CollectorMessage_RenewalHint:
		s.renew(ctx)
	case *lapwingv1.CollectorMessage_Reoffer:
		return s.takeReoffer(ctx, time.UnixMilli(k.Reoffer.GetSinceMs()))
	case *lapwingv1.CollectorMessage_Revoked:
		s.u.cfg.Log.WarnContext(ctx, "device_revoked")
		if why := k.Revoked.GetReason(); why != "" {
			return fmt.Errorf("%w: %s", errRevoked, why)
		}
		return errRevoked
	default:
		if s.u.cfg.Requests != nil {
			s.u.cfg.Requests(m)
		}
	}
	return nil
}

// takeAck settles the oldest unanswered batch of the lane. Answers of a lane
// come in the order of its batches.
func (s *session) takeAck(a *lapwingv1.Ack) error {
	if a.GetServerTimeMs() > 0 {
		s.u.cfg.Clock.Observe(time.UnixMilli(a.GetServerTimeMs()))
	}
	if a.GetUpto() == 0 && a.GetRetryAfterMs() == 0 {
		return nil // it tells the time, and answers no batch
	}
	l := spool.Lane(a.GetLane())
	fl := &s.lanes[l-1]
	if a.GetUpto() > 0 {
		switch err := s.u.cfg.Spool.Ack(l, a.GetUpto()); {
		case errors.Is(err, spool.ErrNotLeased):
			return errBadAck
		case err != nil:
			// Remembered in memory; at worst it is sent again after a restart.
			s.u.cfg.Log.Warn("acknowledgement_not_saved", "error", err)
		}
	}
	s.u.update(func(st *Status) {
		st.LastAck, st.ServerTime = time.Now(), time.UnixMilli(a.GetServerTimeMs())
		st.Refused += uint64(a.GetRefused())
	})
	switch {
	case fl.stale > 0:
		fl.stale--
	case len(fl.sent) > 0:
		b := fl.sent[0]
		fl.sent = fl.sent[1:]
		fl.again = fl.again || a.GetUpto() < b.last
		if a.GetUpto() >= b.last {
			s.u.paces[l-1].grow(b)
		}
	}
	s.listen()
	if wait := time.Duration(a.GetRetryAfterMs()) * time.Millisecond; wait > 0 {
		s.wait(wait)
	} else if fl.again && s.pausedUntil.IsZero() {
		s.takeBack(l)
	}
	return s.settleSkipped(l)
}

// listen sets the timer that ends a stream without answers.
func (s *session) listen() {
	if len(s.lanes[0].sent)+len(s.lanes[1].sent)+s.lanes[0].stale+s.lanes[1].stale == 0 {
		s.silence.Stop()
		return
	}
	s.silence.Reset(ackPatience)
}

// wait stops sending for as long as the collector asked, and a little more, so
// that devices told the same do not come back together.
func (s *session) wait(d time.Duration) {
	d += time.Duration(s.u.cfg.Jitter() * float64(min(d, firstBackoff)))
	if until := time.Now().Add(d); until.After(s.pausedUntil) {
		s.pausedUntil = until
		s.pause.Reset(d)
		s.u.update(func(st *Status) {
			st.State, st.RetryAt, st.Detail = Waiting, until, "the collector asked to wait"
		})
	}
}

// resume begins to send again, from the first record that was put off.
func (s *session) resume() {
	s.pausedUntil = time.Time{}
	s.u.update(func(st *Status) { st.State, st.RetryAt, st.Detail = Connected, time.Time{}, "" })
	for _, l := range spool.Lanes() {
		if s.lanes[l-1].again {
			s.takeBack(l)
		}
	}
}

// takeBack makes everything of a lane that is not acknowledged go out again.
func (s *session) takeBack(l spool.Lane) {
	fl := &s.lanes[l-1]
	fl.stale += len(fl.sent)
	fl.sent, fl.again, fl.skipped = nil, false, 0
	s.u.cfg.Spool.Rollback(l)
}

func (s *session) takePolicy(ctx context.Context, p *lapwingv1.SignedPolicy) {
	err := s.u.cfg.Policy.Apply(p)
	s.u.update(func(st *Status) {
		st.PolicyError = ""
		if err != nil {
			st.PolicyError = err.Error()
		}
	})
	if err != nil {
		s.u.cfg.Log.ErrorContext(ctx, "policy_refused", "error", err)
		return
	}
	s.u.cfg.Log.InfoContext(ctx, "policy_applied", "version", s.u.cfg.Policy.Version())
	// The collector learns the version in force from the next heartbeat.
	s.heartbeat.Reset(max(0, heartbeatGap-time.Since(s.lastBeat)))
}

// takeReoffer queues what the collector has acknowledged and lost after all.
// Their numbers are acknowledged already, so answers to them change nothing.
func (s *session) takeReoffer(ctx context.Context, since time.Time) error {
	s.again = nil
	err := s.u.cfg.Spool.Reoffer(since, func(e spool.Entry) error {
		s.again = append(s.again, e)
		return nil
	})
	if err != nil {
		return fmt.Errorf("offer again: %w", err)
	}
	s.u.cfg.Log.InfoContext(ctx, "records_offered_again", "records", len(s.again))
	return nil
}

// renewIfDue renews when it is time: the time may have become known since the
// timer was set.
func (s *session) renewIfDue(ctx context.Context) {
	if in := s.u.cfg.Link.RenewIn(); in > 0 {
		s.renewal.Reset(in)
		return
	}
	s.renew(ctx)
}

// renew asks for a new certificate beside the stream.
func (s *session) renew(ctx context.Context) {
	if s.renewing {
		return
	}
	s.renewing = true
	go func() { s.renewed <- s.u.cfg.Link.Renew(ctx, s.cc) }()
}

func (s *session) finishRenewal(ctx context.Context, err error) {
	s.renewing = false
	if errors.Is(err, identity.ErrUnsaved) {
		s.u.cfg.Log.WarnContext(ctx, "certificate_not_stored", "error", err)
		err = nil
	}
	if err != nil {
		s.u.cfg.Log.WarnContext(ctx, "certificate_not_renewed", "error", err)
		// Ten days are left at two thirds: an hour is soon enough.
		s.renewal.Reset(time.Hour + time.Duration(s.u.cfg.Jitter()*float64(time.Hour)))
		return
	}
	s.u.cfg.Log.InfoContext(ctx, "certificate_renewed", "expired", false)
	// A clock that is wrong by years may ask again at once.
	s.renewal.Reset(max(s.u.cfg.Link.RenewIn(), renewGap))
}
