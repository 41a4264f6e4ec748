package main

import (
	"context"
	"net"
	"net/netip"
	"time"
	_ "time/tzdata" // a schedule is in the school's zone, and Windows has no zone files

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/agent/beat"
	"github.com/lapwing-schools/lapwing/agent/schedule"
	"github.com/lapwing-schools/lapwing/agent/session/supervise"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// followSchedule tells every session what the school's timetable lets it look
// at: by the corrected clock, whenever that or the policy changes.
func (s *service) followSchedule(ctx context.Context, to *supervise.Group) error {
	policies, stop := s.policy.Subscribe()
	defer stop()
	var plan *lapwingv1.Schedule
	var told *lapwingv1.Watch
	timer, look := time.NewTimer(time.Hour), beat.Every(time.Minute)
	defer timer.Stop()
	defer look.Stop()
	for {
		select {
		case p := <-policies:
			plan = p.Policy.Schedule
		case <-timer.C:
		case <-look.C: // the clock may have been set, the network changed
		case <-ctx.Done():
			return ctx.Err()
		}
		now := time.Now().Add(-s.skew())
		a := schedule.At(plan, now, addresses())
		if !proto.Equal(a.Watch, told) {
			told = a.Watch
			s.log.InfoContext(ctx, "schedule", "inside", a.Inside, "away", a.Away, "scope", a.Watch.Scope.String())
			s.view.scheduled(a.Watch.Scope)
			to.SetWatch(told)
		}
		timer.Reset(max(a.Until.Sub(now), time.Second))
	}
}

// skew is how far this device's clock is ahead of the collector's, 0 if unknown.
func (s *service) skew() time.Duration {
	if st := s.uplink.Status(); st.SkewKnown {
		return st.Skew
	}
	return 0
}

// addresses are those of this device, but for the loopback's; none when they
// cannot be read, which counts as away.
func addresses() []netip.Addr {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var found []netip.Addr
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() {
			found = append(found, p.Addr())
		}
	}
	return found
}
