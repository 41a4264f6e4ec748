// Package timetable reads a school's timetable: which days are days of school,
// and when school is on. The agent asks it what may be looked at, the collector
// when a device is expected and when a canary is due.
//
// It is pure, and may import the messages of proto/lapwing/v1 and the standard
// library.
package timetable

import (
	"slices"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

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
		return h.Day == Weekday(local) && minute >= h.Start && minute < h.End
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
	return len(s.GetHours()) == 0 || slices.ContainsFunc(s.Hours, func(h *lapwingv1.Hours) bool { return h.Day == Weekday(local) })
}

// Weekday is 1 for Monday to 7 for Sunday.
func Weekday(t time.Time) uint32 { return uint32(t.Weekday()+6)%7 + 1 }

// Zone is the timetable's, UTC when there is none or this machine does not know
// it: policies are checked before they are signed.
func Zone(s *lapwingv1.Schedule) *time.Location {
	if s == nil {
		return time.UTC
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// maxAhead is how far Change looks, in days: over any holiday.
const maxAhead = 400

// Change is when school is next on, if it is off at now, or off, if it is on;
// by the school's clock. There is none where it is always the same.
func Change(s *lapwingv1.Schedule, now time.Time) (at time.Time, ok bool) {
	if s == nil {
		return time.Time{}, false
	}
	local := now.In(Zone(s))
	on := School(s, local)
	for day := range maxAhead {
		midnight := time.Date(local.Year(), local.Month(), local.Day()+day, 0, 0, 0, 0, local.Location())
		edges := []time.Time{midnight}
		for _, h := range s.Hours {
			for _, minute := range []uint32{h.Start, h.End} {
				edges = append(edges, time.Date(midnight.Year(), midnight.Month(), midnight.Day(), 0, int(minute), 0, 0, local.Location()))
			}
		}
		slices.SortFunc(edges, time.Time.Compare)
		for _, e := range edges {
			if e.After(local) && School(s, e) != on {
				return e, true
			}
		}
	}
	return time.Time{}, false
}

// Began is when school last began, at or before now, if it ever has. Where it
// is always on there is no such moment.
func Began(s *lapwingv1.Schedule, now time.Time) (at time.Time, ok bool) {
	if s == nil {
		return time.Time{}, false
	}
	local := now.In(Zone(s))
	for day := range maxAhead {
		date := func(minute uint32) time.Time {
			return time.Date(local.Year(), local.Month(), local.Day()-day, 0, int(minute), 0, 0, local.Location())
		}
		edges := []time.Time{date(0)}
		for _, h := range s.Hours {
			edges = append(edges, date(h.Start))
		}
		slices.SortFunc(edges, func(a, b time.Time) int { return b.Compare(a) })
		for _, e := range edges {
			if !e.After(local) && School(s, e) && !School(s, e.Add(-time.Minute)) {
				return e, true
			}
		}
	}
	return time.Time{}, false
}

// TermStart is when the term began in which now is, or that was last; the zero
// time where there are no terms, or none has begun.
func TermStart(s *lapwingv1.Schedule, now time.Time) time.Time {
	var start time.Time
	zone := Zone(s)
	for _, d := range s.GetTerms() {
		first := time.Date(int(d.First/10_000), time.Month(d.First/100%100), int(d.First%100), 0, 0, 0, 0, zone)
		if !first.After(now) && first.After(start) {
			start = first
		}
	}
	return start
}
