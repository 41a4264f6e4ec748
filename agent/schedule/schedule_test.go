package schedule

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

const (
	all     = lapwingv1.Outside_OUTSIDE_ALL
	urgent  = lapwingv1.Outside_OUTSIDE_URGENT
	nothing = lapwingv1.Outside_OUTSIDE_NOTHING
)

var london, _ = time.LoadLocation("Europe/London")

func autumn() *lapwingv1.Schedule {
	s := &lapwingv1.Schedule{Zone: "Europe/London", Terms: []*lapwingv1.Dates{{First: 20260901, Last: 20261218}},
		Closed: []*lapwingv1.Dates{{First: 20261026, Last: 20261030}}, Outside: urgent, OffSite: urgent,
		SiteNetworks: []string{"10.20.0.0/16", "2001:db8::/32"}, Categories: []string{"illegal"}}
	for day := uint32(1); day <= 5; day++ {
		s.Hours = append(s.Hours, &lapwingv1.Hours{Day: day, Start: 8*60 + 30, End: 15*60 + 30})
	}
	return s
}

func TestMonitoringFollowsTheTimetable(t *testing.T) {
	site, home := []netip.Addr{netip.MustParseAddr("10.20.3.4")}, []netip.Addr{netip.MustParseAddr("192.168.1.7")}
	for _, c := range []struct {
		when      string
		addresses []netip.Addr
		want      lapwingv1.Outside
		until     string
	}{
		{"2026-11-12 09:00", site, all, "09:05"},
		{"2026-11-12 08:29", site, urgent, "08:30"},
		{"2026-11-12 08:30", site, all, "08:35"},
		{"2026-11-12 15:29", site, all, "15:30"},
		{"2026-11-12 15:30", site, urgent, "15:35"},
		{"2026-11-12 23:58", site, urgent, "00:00"},
		{"2026-11-14 10:00", site, urgent, "10:05"}, // Saturday
		{"2026-10-28 10:00", site, urgent, "10:05"}, // half term
		{"2026-12-21 10:00", site, urgent, "10:05"}, // after term
		{"2026-11-12 09:00", home, urgent, "09:05"},
		{"2026-11-12 09:00", nil, urgent, "09:05"},
		{"2026-11-12 09:00", []netip.Addr{netip.MustParseAddr("::ffff:10.20.1.1")}, all, "09:05"},
		{"2026-10-23 09:00", site, all, "09:05"}, // summer time
	} {
		now, err := time.ParseInLocation("2006-01-02 15:04", c.when, london)
		if err != nil {
			t.Fatal(err)
		}
		a := At(autumn(), now.UTC(), c.addresses)
		if a.Watch.Scope != c.want || a.Until.In(london).Format("15:04") != c.until {
			t.Errorf("%s: %v until %s, want %v until %s", c.when, a.Watch.Scope, a.Until.In(london).Format("15:04"), c.want, c.until)
		}
		if want := map[bool]int{true: 1}[c.want == all]; len(a.Watch.Categories) != want {
			t.Errorf("%s: categories %v", c.when, a.Watch.Categories)
		}
		if err := a.Watch.Validate(); err != nil {
			t.Error(err)
		}
	}
	if a := At(nil, time.Now(), nil); a.Watch.Scope != all || !a.Inside {
		t.Errorf("without a schedule: %v", a)
	}
}

// TestAnswersStandUntilTheySay: no moment before Until has another answer, and
// being away never widens what is looked at.
func TestAnswersStandUntilTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := autumn()
		s.Outside = rapid.SampledFrom([]lapwingv1.Outside{all, urgent, nothing}).Draw(t, "outside")
		s.OffSite = rapid.SampledFrom([]lapwingv1.Outside{all, urgent, nothing}).Draw(t, "off site")
		now := time.Unix(rapid.Int64Range(1_788_000_000, 1_800_000_000).Draw(t, "now"), 0)
		site := []netip.Addr{netip.MustParseAddr("10.20.3.4")}
		a := At(s, now, site)
		left := a.Until.Sub(now)
		if left <= 0 || left > recheck {
			t.Fatalf("stands for %v", left)
		}
		later := now.Add(time.Duration(rapid.Int64Range(0, int64(left)-1).Draw(t, "later")))
		if b := At(s, later, site); b.Watch.Scope != a.Watch.Scope {
			t.Fatalf("at %v %v, and at %v %v already", now, a.Watch.Scope, later, b.Watch.Scope)
		}
		if away := At(s, now, nil); away.Watch.Scope < a.Watch.Scope {
			t.Fatalf("away %v, on site %v", away.Watch.Scope, a.Watch.Scope)
		}
	})
}
