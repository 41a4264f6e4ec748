package console

import (
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/policy"
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
		{at(16, 9, 0), at(13, 15, 20), "uninstall", plan, "The agent was uninstalled", "nothing is monitored there since 13 Nov", ""},
		{at(16, 9, 0), at(13, 15, 20), "restart", plan, "Silent since 13 Nov, 3:20pm", "expected on since 8:30am; its agent was stopped or restarted, and did not come back", "good-bye"},
		{at(30, 9, 0), at(13, 15, 20), "shutdown", plan, "Silent since 13 Nov", "it was shut down, and was not heard of since", "good-bye"},
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
	// Out of hours, silence since the last lessons is nothing to worry about; one
	// that missed all of them is.
	plans := &timetables{known: map[policy.Group]*lapwingv1.Schedule{{Name: "7A"}: plan, {Name: "holidays"}: {Zone: "Europe/London", Terms: []*lapwingv1.Dates{{First: 20270104, Last: 20270326}}}}}
	for now, want := range map[time.Time]time.Time{at(16, 9, 0): {}, at(16, 15, 30): at(16, 8, 30), at(14, 9, 0): at(13, 8, 30), at(16, 8, 29): at(13, 8, 30)} {
		if got := plans.awaySince(now)(store.GroupName{Name: "7A"}); !got.Equal(want) {
			t.Errorf("at %v: away since %v, want %v", now, got, want)
		}
	}
	if got := plans.awaySince(at(16, 9, 0))(store.GroupName{Name: "holidays"}); got.IsZero() {
		t.Error("expected on before there was a term")
	}
	if got := plans.awaySince(at(14, 3, 0))(store.GroupName{Name: "without a timetable"}); !got.IsZero() {
		t.Error("a group without a timetable is not expected on")
	}
	for seconds, want := range map[uint64]string{0: "none", 1: "under half an hour", 1800: "under half an hour", 1801: "under 1 hour", 3601: "under 2 hours", 7200: "under 2 hours"} {
		if got := unlookedWord(seconds); !strings.HasPrefix(got, want+" since") {
			t.Errorf("%d seconds: %q", seconds, got)
		}
	}
}
