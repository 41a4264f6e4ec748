// Package schedule decides what a device may look at now: by the school's
// timetable, its corrected clock, and whether the device is on the school's
// site. It is pure: time and addresses come with the question.
//
// It may import the messages of proto/lapwing/v1 and the standard library.
package schedule

import (
	"net/netip"
	"slices"
	"time"

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
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		zone = time.UTC
	}
	local := now.In(zone)
	a := Answer{Inside: School(s, local), Away: !onSite(s.SiteNetworks, addresses), Until: boundary(s, local)}
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

// School reports whether school is on at a moment of the school's own clock.
func School(s *lapwingv1.Schedule, local time.Time) bool {
	if !Day(s, local) {
		return false
	}
	if len(s.GetHours()) == 0 {
		return true
	}
	minute := uint32(local.Hour()*60 + local.Minute())
	return slices.ContainsFunc(s.Hours, func(h *lapwingv1.Hours) bool {
		return h.Day == weekday(local) && minute >= h.Start && minute < h.End
	})
}

// Day reports whether the moment's day is one of school: in term, not closed,
// and with hours if there are any.
func Day(s *lapwingv1.Schedule, local time.Time) bool {
	day := uint32(local.Year()*10_000 + int(local.Month())*100 + local.Day())
	in := func(ds []*lapwingv1.Dates) bool {
		return slices.ContainsFunc(ds, func(d *lapwingv1.Dates) bool { return day >= d.First && day <= d.Last })
	}
	if len(s.GetTerms()) > 0 && !in(s.GetTerms()) || in(s.GetClosed()) {
		return false
	}
	return len(s.GetHours()) == 0 || slices.ContainsFunc(s.Hours, func(h *lapwingv1.Hours) bool { return h.Day == weekday(local) })
}

// weekday is 1 for Monday to 7 for Sunday.
func weekday(t time.Time) uint32 { return uint32(t.Weekday()+6)%7 + 1 }

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
		if h.Day == weekday(local) {
			earlier(time.Date(y, m, d, 0, int(h.Start), 0, 0, local.Location()))
			earlier(time.Date(y, m, d, 0, int(h.End), 0, 0, local.Location()))
		}
	}
	return next
}
