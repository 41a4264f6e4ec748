package console

import (
	"fmt"
	"strconv"
	"time"
)

// when.go writes times as people here say them: 8:45am, 12 November, in 38
// minutes, 7 minutes late. All take the school's zone from their times.

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func clock(t time.Time) string { return t.Format("3:04pm") }

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// daysApart counts calendar days from now to t, in their zone.
func daysApart(t, now time.Time) int {
	a := time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC)
	b := time.Date(now.Year(), now.Month(), now.Day(), 12, 0, 0, 0, time.UTC)
	return int(a.Sub(b) / (24 * time.Hour))
}

// moment is "8:45am" today, else "9 Nov, 8:45am", with the year when it differs.
func moment(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "never"
	case sameDay(t, now):
		return clock(t)
	case t.Year() == now.Year():
		return t.Format("2 Jan, 3:04pm")
	}
	return t.Format("2 Jan 2006, 3:04pm")
}

// day is "Today, Thursday 12 November".
func day(t, now time.Time) string {
	s := t.Format("Monday 2 January")
	switch {
	case sameDay(t, now):
		return "Today, " + s
	case daysApart(t, now) == -1:
		return "Yesterday, " + s
	case t.Year() != now.Year():
		return t.Format("Monday 2 January 2006")
	}
	return s
}

// ago is "just now", "3 min ago", "2 hours ago", then the day.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d/time.Minute))
	case d < 12*time.Hour:
		return plural(int(d/time.Hour), "hour", "hours") + " ago"
	}
	return moment(t, now)
}

// inWords is a length of time to the minute: "22 minutes", "1 hour 40",
// "3 hours", "2 days". Under a minute it is "less than a minute".
func inWords(d time.Duration) string {
	if d < time.Minute {
		return "less than a minute"
	}
	m := int((d + time.Minute - 1) / time.Minute)
	switch {
	case m < 60:
		return plural(m, "minute", "minutes")
	case m < 3*60 && m%60 != 0:
		return plural(m/60, "hour", "hours") + " " + strconv.Itoa(m%60)
	case m < 48*60:
		return plural(m/60, "hour", "hours")
	}
	return plural(m/(24*60), "day", "days")
}

// due is the due column: a short word and the date or time below it, and how
// pressing its bar looks.
type due struct {
	Word, Date string
	Kind       string // late, soon or ""
}

// clockFor is how near a time is told by the clock alone, though another day
// begins before it.
const clockFor = 12 * time.Hour

func dueWords(at, now time.Time, late bool) due {
	left := at.Sub(now)
	on := at.Format("Mon 2 Jan")
	if sameDay(at, now) || left.Abs() < clockFor {
		on = clock(at)
	}
	switch {
	case late:
		return due{Word: inWords(-left) + " late", Date: "due " + on, Kind: "late"}
	case left < time.Hour:
		return due{Word: "in " + inWords(left), Date: "by " + on, Kind: "soon"}
	case left < 3*time.Hour:
		return due{Word: "in " + inWords(left), Date: "by " + on}
	case sameDay(at, now):
		return due{Word: "today", Date: "by " + on}
	case daysApart(at, now) == 1:
		return due{Word: "tomorrow", Date: "by " + clock(at)}
	case daysApart(at, now) < 7:
		return due{Word: "this week", Date: "by " + on}
	}
	return due{Word: "later", Date: "by " + on}
}
