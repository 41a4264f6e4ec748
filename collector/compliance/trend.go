package compliance

import (
	"time"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

// Trend is one control by week, the oldest first: twelve, or what was kept.
type Trend struct {
	ID, Title, Source string
	Weeks             []Point
}

// Point is one week of a control. Known is false where nothing was kept, or no
// device was enrolled. Silent devices are in no other state.
type Point struct {
	Monday                          time.Time
	Known                           bool
	Of, Pass, Fail, Unknown, Silent int
}

// Trends are those of all controls: first what all checks come to, what Lapwing
// itself sees and what test phrases proved, then check by check.
func Trends(weeks []store.WeekRollup, now time.Time) []Trend {
	all := []Trend{
		{ID: checks.EveryStandard, Title: "Every standard met", Source: "All checks of a device together"},
		{ID: TypedText, Title: "Typed text seen", Source: "DfE monitoring standard"},
		{ID: checks.ProvedMonitored, Title: "Proved by a test phrase that week", Source: "DfE monitoring standard"},
	}
	for _, c := range checks.All() {
		all = append(all, Trend{ID: c.ID, Title: c.Plural, Source: c.Control})
	}
	for _, at := range mondays(weeks, store.MondayOf(now)) {
		var r Report
		var of map[string]store.StateCount
		for _, w := range weeks {
			if w.Monday.Equal(at) {
				r = Report{}
				of = fold(&r, w.Groups)
			}
		}
		for i := range all {
			n := of[all[i].ID]
			if all[i].ID == checks.EveryStandard {
				n = r.Standard
			}
			p := Point{Monday: at, Known: r.Devices > 0, Of: r.Devices, Pass: n.Pass, Fail: n.Fail, Unknown: n.Unknown, Silent: r.Silent}
			all[i].Weeks = append(all[i].Weeks, p)
		}
	}
	return all
}

// mondays are the weeks to show: from the oldest that was kept on, at most weeksShown.
func mondays(weeks []store.WeekRollup, last time.Time) (all []time.Time) {
	oldest := last
	for _, w := range weeks {
		if w.Monday.Before(oldest) {
			oldest = w.Monday.UTC()
		}
	}
	for at := last.AddDate(0, 0, -7*(weeksShown-1)); !at.After(last); at = at.AddDate(0, 0, 7) {
		if !at.Before(oldest) {
			all = append(all, at)
		}
	}
	return all
}

func trend(weeks []store.WeekRollup, monday time.Time) (all []Week) {
	for _, at := range mondays(weeks, monday) {
		week := Week{Monday: at}
		for _, w := range weeks {
			if !w.Monday.Equal(at) {
				continue
			}
			var r Report
			fold(&r, w.Groups)
			if r.Devices > 0 {
				week.Known, week.Share, week.Seen, week.Of = true, r.Text.Pass*1000/r.Devices, r.Text.Pass, r.Devices
				week.Meet = r.Standard.Pass
			}
		}
		all = append(all, week)
	}
	return all
}
