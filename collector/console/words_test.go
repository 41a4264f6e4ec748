package console

import (
	"testing"
	"time"
)

func TestLocalPath(t *testing.T) {
	for _, good := range []string{"/", "/cases", "/cases?severity=high&show=mine", "/cases/7ZZZ7ZZZ#note"} {
		if got := localPath(good); got != good {
			t.Errorf("%q: %q", good, got)
		}
	}
	for _, bad := range []string{"", "cases", "//evil.example", "///evil.example", "https://evil.example/", "https:/cases", `/\evil.example`, "/a\r\nb", "/a\x00", "javascript:alert(1)", "/" + string(make([]byte, 300))} {
		if got := localPath(bad); got != "" {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 11, 12, 8, 7, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{0: "less than a minute", 3 * time.Second: "less than a minute", 59 * time.Second: "less than a minute", time.Minute: "1 minute", 61 * time.Second: "2 minutes",
		22 * time.Minute: "22 minutes", time.Hour: "1 hour", 100 * time.Minute: "1 hour 40", 3 * time.Hour: "3 hours", 25 * time.Hour: "25 hours", 118 * 24 * time.Hour: "118 days"} {
		if got := inWords(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	for at, want := range map[time.Duration]due{
		-7 * time.Minute: {"7 minutes late", "due 8:00am", "late"}, -26 * time.Hour: {"26 hours late", "due Wed 11 Nov", "late"},
		-3 * time.Second: {"less than a minute late", "due 8:06am", "late"}, 3 * time.Second: {"in less than a minute", "by 8:07am", "soon"},
		38 * time.Minute: {"in 38 minutes", "by 8:45am", "soon"}, 100 * time.Minute: {"in 1 hour 40", "by 9:47am", ""},
		7 * time.Hour: {"today", "by 3:07pm", ""}, 20 * time.Hour: {"tomorrow", "by 4:07am", ""}, 5 * 24 * time.Hour: {"this week", "by Tue 17 Nov", ""}, 20 * 24 * time.Hour: {"later", "by Wed 2 Dec", ""},
	} {
		if got := dueWords(now.Add(at), now, at < 0); got != want {
			t.Errorf("%s: %+v, want %+v", at, got, want)
		}
	}
	// Across midnight the time stands, under 12 hours either way.
	night := time.Date(2026, 11, 21, 23, 20, 0, 0, time.UTC)
	for at, want := range map[time.Duration]due{
		62 * time.Minute: {"in 1 hour 2", "by 12:22am", ""}, 12*time.Hour - time.Minute: {"tomorrow", "by 11:19am", ""},
		50 * time.Minute: {"in 50 minutes", "by 12:10am", "soon"}, 34 * time.Hour: {"this week", "by Mon 23 Nov", ""},
	} {
		if got := dueWords(night.Add(at), night, false); got != want {
			t.Errorf("%s before midnight and %s ahead: %+v, want %+v", night, at, got, want)
		}
	}
	small := time.Date(2026, 11, 22, 0, 10, 0, 0, time.UTC)
	for by, want := range map[time.Duration]due{
		20 * time.Minute: {"20 minutes late", "due 11:50pm", "late"}, 12*time.Hour - time.Minute: {"11 hours late", "due 12:11pm", "late"},
		12 * time.Hour: {"12 hours late", "due Sat 21 Nov", "late"},
	} {
		if got := dueWords(small.Add(-by), small, true); got != want {
			t.Errorf("%s after midnight and %s late: %+v, want %+v", small, by, got, want)
		}
	}
	for since, want := range map[time.Duration]string{0: "just now", 3 * time.Minute: "3 min ago", time.Hour: "1 hour ago", 20 * time.Hour: "11 Nov, 12:07pm", 400 * 24 * time.Hour: "8 Oct 2025, 8:07am"} {
		if got := ago(now.Add(-since), now); got != want {
			t.Errorf("%s ago: %q, want %q", since, got, want)
		}
	}
	if got := ago(time.Time{}, now); got != "never" {
		t.Errorf("never: %q", got)
	}
	// The clocks go back on 25 October 2026: a day of 25 hours is one day.
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	if got := daysApart(time.Date(2026, 10, 26, 0, 30, 0, 0, london), time.Date(2026, 10, 25, 0, 30, 0, 0, london)); got != 1 {
		t.Errorf("over the change of clocks: %d days", got)
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
