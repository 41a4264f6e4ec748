package ingest

import (
	"context"
	"crypto/rand"
	"hash/fnv"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/timetable"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// canarySpread is over how long a school's devices are asked after the time in
// its policy, so that 600 of them do not answer in one second.
const canarySpread = 5 * time.Minute

// canaryOf reads a valid answer. Results have the same values on both sides; a
// test holds it.
func canaryOf(c *lapwingv1.CanarySeen) *triage.Canary {
	return &triage.Canary{Nonce: [16]byte(c.Nonce), Result: triage.CanaryResult(c.Result), TookMillis: c.TookMs, Code: c.Code}
}

// Prove asks connected devices for a canary and returns how many are asked; those
// that are not connected are not: their silence says more.
func (s *Server) Prove(school store.SchoolID, ids []caseflow.DeviceID, by audit.Who) (asked int) {
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	for _, id := range ids {
		st := s.live.streams[deviceKey{school, id}]
		if st == nil {
			continue
		}
		select {
		case st.proofs <- by:
			asked++
		default: // it is being asked
		}
	}
	return asked
}

// prove keeps the request, then sends it: an answer always finds what was asked.
func (st *stream) prove(ctx context.Context, by audit.Who) error {
	c := store.Canary{Device: st.device.ID, Asked: st.server.cfg.Now(), By: by}
	if _, err := rand.Read(c.Nonce[:]); err != nil {
		return err
	}
	if err := st.tenant.AskCanary(ctx, c); err != nil {
		// The device goes on; a canary that was not asked for proves nothing.
		st.server.cfg.Log.ErrorContext(ctx, "canary not asked for", "device", string(st.device.ID), "error", err)
		return nil
	}
	st.server.metrics.canaries.Inc()
	req := &lapwingv1.CanaryRequest{Nonce: c.Nonce[:]}
	return st.wire.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Canary{Canary: req}})
}

// untilCanary is how long until the device's next canary by its group's policy,
// or until the policy is to be looked at again.
func (st *stream) untilCanary() (wait time.Duration, due bool) {
	now := st.server.cfg.Now()
	plan, err := st.server.cfg.Policies.Timetable(st.tenant.Info().Slug, policy.Group{Name: st.device.Group, Audience: st.device.Audience})
	if err != nil || plan == nil {
		return time.Hour, false
	}
	next, ok := nextCanary(plan, now, spreadOf(string(st.device.ID)))
	if !ok {
		return time.Hour, false
	}
	return next.Sub(now), true
}

// spreadOf gives each device its own place within canarySpread, always the same.
func spreadOf(device string) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(device))
	return time.Duration(h.Sum32()) % canarySpread
}

// nextCanary is the first of the plan's times after now on a day of school
// within a week, by the school's clock; false when there is none.
func nextCanary(p *lapwingv1.Policy, now time.Time, spread time.Duration) (time.Time, bool) {
	local := now.In(timetable.Zone(p.Schedule))
	for day := range 8 {
		y, m, d := local.AddDate(0, 0, day).Date()
		if !timetable.Day(p.Schedule, time.Date(y, m, d, 12, 0, 0, 0, local.Location())) {
			continue
		}
		for _, minute := range p.GetCanary().GetMinutes() {
			at := time.Date(y, m, d, 0, int(minute), 0, 0, local.Location()).Add(spread)
			if at.After(now) {
				return at, true
			}
		}
	}
	return time.Time{}, false
}
