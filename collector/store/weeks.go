package store

import "time"

// WeekRollup is the roll-up of one week; Monday is its first day.
type WeekRollup struct {
	Monday time.Time
	Kept   time.Time // when it was last kept
	Groups []GroupRollup
	// Media counts what came in that week, of the school and of each group, whenever
	// the rest was kept. A device counts in the group that it was in then.
	Media   MediaCount
	ByGroup []GroupMedia
}

// GroupMedia is a group's part of a week's MediaCount.
type GroupMedia struct {
	Group string
	MediaCount
}

// MediaCount counts the visits of one week, by permission and by what a scan
// found, and how often and for how many minutes screens stood open with nobody
// there. Visits of which no scan was asked are neither clean nor not scanned.
type MediaCount struct {
	Permitted, NotPermitted, Infected, Unattended int
	// OpenMinutes of all devices; UseMinutes are those with somebody there.
	OpenMinutes, UseMinutes int
	Clean, NotScanned       int
}

// Add adds another week's.
func (n *MediaCount) Add(o MediaCount) {
	n.Permitted += o.Permitted
	n.NotPermitted += o.NotPermitted
	n.Infected += o.Infected
	n.Unattended += o.Unattended
	n.OpenMinutes += o.OpenMinutes
	n.UseMinutes += o.UseMinutes
	n.Clean += o.Clean
	n.NotScanned += o.NotScanned
}

// Happening is one of the things that MediaCount counts, and that a list of
// devices can be narrowed to.
type Happening uint8

// Happenings; the zero value is none.
const (
	MediaPermitted Happening = iota + 1
	MediaNotPermitted
	MediaClean
	MediaInfected
	MediaNotScanned
	LeftOpen     // for longer than the policy allows
	LeftOpenMins // minutes with nobody there
	happenings
)

// Happenings is how many there are, with none.
const Happenings = int(happenings)

// Of is how often h happened.
func (n MediaCount) Of(h Happening) int {
	switch h {
	case MediaPermitted:
		return n.Permitted
	case MediaNotPermitted:
		return n.NotPermitted
	case MediaClean:
		return n.Clean
	case MediaInfected:
		return n.Infected
	case MediaNotScanned:
		return n.NotScanned
	case LeftOpen:
		return n.Unattended
	case LeftOpenMins:
		return n.OpenMinutes
	}
	return 0
}

// CountedFrom is the first day of the four weeks whose media and open screens
// are counted at now: this one and the three before.
func CountedFrom(now time.Time) time.Time { return MondayOf(now).AddDate(0, 0, -21) }

// MondayOf is the first day of t's week.
func MondayOf(t time.Time) time.Time {
	t = t.UTC()
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}
