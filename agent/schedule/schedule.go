// Package schedule decides what a device may look at now: by the school's
// timetable, its corrected clock, and whether the device is on the school's
// site. It is pure: time and addresses come with the question.
//
// It may import internal/timetable, the messages of proto/lapwing/v1 and the
// standard library.
package schedule

import (
	"net/netip"
	"time"

	"github.com/lapwing-schools/lapwing/internal/timetable"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// recheck bounds how long an answer stands: the device may be carried away.
const recheck = 5 * time.Minute

// Answer is what may be looked at, and until when that stands.
type Answer struct {
	Watch *lapwingv1.Watch
	// Inside says that school is on, wherever the device is; Away that the
	// device is not on the school's site.
	Inside, Away bool
	Until        time.Time
}

// At answers for a moment of the corrected clock. Without a schedule everything
// is looked at, always. A zone that this machine does not know is read as UTC:
// policies are checked before they are signed.
func At(s *lapwingv1.Schedule, now time.Time, addresses []netip.Addr) Answer {
	if s == nil {
		return Answer{Watch: &lapwingv1.Watch{Scope: lapwingv1.Outside_OUTSIDE_ALL}, Inside: true, Until: now.Add(recheck)}
	}
	local := now.In(timetable.Zone(s))
	a := Answer{Inside: timetable.School(s, local), Away: !onSite(s.SiteNetworks, addresses), Until: boundary(s, local)}
	scope := lapwingv1.Outside_OUTSIDE_ALL
	if !a.Inside {
		scope = s.Outside
	}
	if a.Away {
		scope = max(scope, s.OffSite) // the narrower of the two
	}
	a.Watch = &lapwingv1.Watch{Scope: scope}
	if scope == lapwingv1.Outside_OUTSIDE_ALL {
		a.Watch.Categories = s.Categories
	}
	return a
}

func onSite(networks []string, addresses []netip.Addr) bool {
	if len(networks) == 0 {
		return true
	}
	for _, n := range networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			continue
		}
		for _, a := range addresses {
			if p.Contains(a.Unmap()) {
				return true
			}
		}
	}
	return false
}

// boundary is when the answer may next be another: the next start or end of
// hours today, midnight, or recheck, whichever comes first.
func boundary(s *lapwingv1.Schedule, local time.Time) time.Time {
	y, m, d := local.Date()
	next := local.Add(recheck)
	earlier := func(t time.Time) {
		if t.After(local) && t.Before(next) {
			next = t
		}
	}
	earlier(time.Date(y, m, d+1, 0, 0, 0, 0, local.Location()))
	for _, h := range s.Hours {
		if h.Day == timetable.Weekday(local) {
			earlier(time.Date(y, m, d, 0, int(h.Start), 0, 0, local.Location()))
			earlier(time.Date(y, m, d, 0, int(h.End), 0, 0, local.Location()))
		}
	}
	return next
}
