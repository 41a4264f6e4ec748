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
