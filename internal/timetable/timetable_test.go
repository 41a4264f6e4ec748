package timetable

import (
	"testing"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func school() *lapwingv1.Schedule {
	s := &lapwingv1.Schedule{Zone: "Europe/London", Terms: []*lapwingv1.Dates{{First: 20260901, Last: 20261218}, {First: 20270104, Last: 20270326}},
		Closed: []*lapwingv1.Dates{{First: 20261026, Last: 20261030}}}
	for day := uint32(1); day <= 5; day++ {
		s.Hours = append(s.Hours, &lapwingv1.Hours{Day: day, Start: 8*60 + 30, End: 15*60 + 30})
	}
	return s
}

// TestChangeAndTerm: when school next begins or ends, over nights, weekends and
// holidays, and when the term began.
func TestChangeAndTerm(t *testing.T) {
	zone := Zone(school())
	const layout = "2006-01-02 15:04"
	for _, c := range []struct{ now, change, term string }{
		{"2026-11-12 09:00", "2026-11-12 15:30", "2026-09-01 00:00"},
		{"2026-11-12 15:30", "2026-11-13 08:30", "2026-09-01 00:00"},
		{"2026-11-13 15:31", "2026-11-16 08:30", "2026-09-01 00:00"}, // Friday
		{"2026-10-23 16:00", "2026-11-02 08:30", "2026-09-01 00:00"}, // half term, and the clocks go back
		{"2026-12-18 23:00", "2027-01-04 08:30", "2026-09-01 00:00"},
		{"2027-01-04 00:00", "2027-01-04 08:30", "2027-01-04 00:00"},
		{"2026-08-20 10:00", "2026-09-01 08:30", "0001-01-01 00:00"},
		{"2027-04-01 10:00", "0001-01-01 00:00", "2027-01-04 00:00"}, // nothing is known after that
	} {
		now, err := time.ParseInLocation(layout, c.now, zone)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := Change(school(), now.UTC())
		term := TermStart(school(), now.UTC())
		if !at.IsZero() {
			at = at.In(zone)
		}
		if at.Format(layout) != c.change || term.Format(layout) != c.term {
			t.Errorf("%s: change %s, term %s; want %s and %s", c.now, at.Format(layout), term.Format(layout), c.change, c.term)
		}
	}
	for now, began := range map[string]string{
		"2026-11-12 08:29": "2026-11-11 08:30", "2026-11-12 08:30": "2026-11-12 08:30", "2026-11-12 23:00": "2026-11-12 08:30", "2026-11-16 07:00": "2026-11-13 08:30",
		"2026-11-01 12:00": "2026-10-23 08:30", "2027-01-03 12:00": "2026-12-18 08:30", "2026-08-20 10:00": "",
	} {
		at, err := time.ParseInLocation(layout, now, zone)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if b, ok := Began(school(), at.UTC()); ok {
			got = b.In(zone).Format(layout)
		}
		if got != began {
			t.Errorf("at %s: began %q, want %q", now, got, began)
		}
	}
	for _, always := range []*lapwingv1.Schedule{nil, {Zone: "UTC"}} {
		if at, ok := Began(always, time.Now()); ok {
			t.Errorf("began %v where it is always on", at)
		}
	}
	if _, ok := Change(nil, time.Now()); ok || !TermStart(nil, time.Now()).IsZero() {
		t.Error("a change or a term without a timetable")
	}
	if _, ok := Change(&lapwingv1.Schedule{Zone: "UTC"}, time.Now()); ok {
		t.Error("a change where it is always the same")
	}
}
