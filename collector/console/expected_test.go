package console

import (
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/store"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TestSilentSinceExpectedOn: silence is told apart by the timetable and the
// last good-bye, and never taken for peace.
func TestSilentSinceExpectedOn(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	plan := &lapwingv1.Schedule{Zone: "Europe/London"}
	for day := uint32(1); day <= 5; day++ {
		plan.Hours = append(plan.Hours, &lapwingv1.Hours{Day: day, Start: 8*60 + 30, End: 15*60 + 30})
	}
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, london) }
	for _, c := range []struct {
		now                   time.Time
		seen                  time.Time
		goodbye               string
		plan                  *lapwingv1.Schedule
		wrong, detail, absent string
	}{
		{at(16, 9, 0), at(13, 15, 20), "", plan, "Silent since 13 Nov, 3:20pm", "expected on since 8:30am; it said no good-bye", "not expected"},
		{at(16, 9, 0), at(16, 8, 41), "", plan, "Silent since 8:41am", "expected on since 8:30am", ""},
		{at(14, 9, 0), at(13, 15, 20), "", plan, "Silent since 13 Nov, 3:20pm", "not expected on before 16 Nov, 8:30am; it said no good-bye", ""},
		{at(14, 9, 0), at(13, 15, 20), "", nil, "Silent since", "expected on; it said no good-bye", ""},
		{at(16, 9, 0), at(13, 15, 20), "shutdown", plan, "Off", "it was shut down", "good-bye"},
		{at(16, 9, 0), at(13, 15, 20), "sleep", plan, "Off", "it went to sleep", ""},
		{at(16, 9, 0), at(13, 15, 20), "uninstall", plan, "Off", "the agent was uninstalled", ""},
		{at(16, 9, 0), at(16, 8, 59), "", plan, "", "", "silent"},
	} {
		d := store.Device{Report: store.DeviceReport{Seen: c.seen, Goodbye: c.goodbye}}
		row := newDeviceRow(d, c.now)
		row.expect(d, c.plan, c.now)
		silent := strings.HasPrefix(row.Wrong, "Silent")
		if !strings.HasPrefix(row.Wrong, c.wrong) || !strings.Contains(row.Detail, c.detail) || c.absent != "" && strings.Contains(row.Detail, c.absent) || c.wrong == "" && silent {
			t.Errorf("at %v, seen %v, good-bye %q: %q, %q", c.now, c.seen, c.goodbye, row.Wrong, row.Detail)
		}
	}
	for seconds, want := range map[uint64]string{0: "none", 1: "under half an hour", 1800: "under half an hour", 1801: "under 1 hour", 3601: "under 2 hours", 7200: "under 2 hours"} {
		if got := unlookedWord(seconds); !strings.HasPrefix(got, want+" since") {
			t.Errorf("%d seconds: %q", seconds, got)
		}
	}
}
