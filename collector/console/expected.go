package console

import (
	"time"

	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/timetable"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// timetables are those of groups of one school, each asked for once.
type timetables struct {
	ask   func(school string, g policy.Group) (*lapwingv1.Policy, error)
	slug  string
	known map[policy.Group]*lapwingv1.Schedule
}

func (c *Console) timetables(t store.Tenant) *timetables {
	return &timetables{ask: c.timetable, slug: t.Info().Slug, known: map[policy.Group]*lapwingv1.Schedule{}}
}

// of is a device's; nil, which is always on, where none can be read.
func (t *timetables) of(d store.Device) *lapwingv1.Schedule {
	return t.ofGroup(policy.Group{Name: d.Group, Audience: d.Audience})
}

// awaySince is what store.DeviceQuery asks at now. Out of hours a device may be
// silent since the last hours began: one that was not heard of in all of them
// was missing when it was expected, and stays silent.
func (t *timetables) awaySince(now time.Time) func(store.GroupName) time.Time {
	return func(g store.GroupName) time.Time {
		plan := t.ofGroup(policy.Group{Name: g.Name, Audience: g.Audience})
		if timetable.School(plan, now.In(timetable.Zone(plan))) {
			return time.Time{}
		}
		if at, ok := timetable.Began(plan, now); ok {
			return at
		}
		return time.Unix(1, 0) // it never was expected on
	}
}

func (t *timetables) ofGroup(g policy.Group) *lapwingv1.Schedule {
	plan, known := t.known[g]
	if !known && t.ask != nil {
		if p, err := t.ask(t.slug, g); err == nil {
			plan = p.GetSchedule()
		}
		t.known[g] = plan
	}
	return plan
}

// expect says of a device that fell silent without a good-bye whether its
// group's timetable has it on now. Why it is silent cannot be told: one that was
// shut down, went to sleep or was uninstalled in good order has said so.
func (row *deviceRow) expect(d store.Device, plan *lapwingv1.Schedule, now time.Time) {
	if row.rank != rankSilent {
		return
	}
	row.Wrong = "Silent since " + moment(d.Report.Seen.In(now.Location()), now)
	local := now.In(timetable.Zone(plan))
	if timetable.School(plan, local) {
		row.Detail = "expected on" + sinceBell(plan, local) + "; " + lastWord(d.Report) + ": off the network, without power, or its agent stopped"
		return
	}
	row.Detail = "not expected on now; " + lastWord(d.Report)
	if next, ok := timetable.Change(plan, now); ok {
		row.Detail = "not expected on before " + moment(next.In(now.Location()), now) + "; " + lastWord(d.Report)
	}
}

// sinceBell is when today's hours began that are on now, where there are hours.
func sinceBell(plan *lapwingv1.Schedule, local time.Time) string {
	minute := uint32(local.Hour()*60 + local.Minute())
	for _, h := range plan.GetHours() {
		if h.Day == timetable.Weekday(local) && minute >= h.Start && minute < h.End {
			y, m, d := local.Date()
			return " since " + clock(time.Date(y, m, d, 0, int(h.Start), 0, 0, local.Location()))
		}
	}
	return ""
}

// unlookedWord is coarse on purpose: nobody is to watch on this page who sits on
// a helpline's page now.
func unlookedWord(seconds uint64) string {
	const step = 30 * 60
	switch n := (seconds + step - 1) / step; n {
	case 0:
		return "none since it was started"
	case 1:
		return "under half an hour since it was started"
	default:
		return "under " + plural(int(n+1)/2, "hour", "hours") + " since it was started"
	}
}
