package badgerstore

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

// aboutDevice folds an arrival that makes no case into what is known of its
// device. The arrival itself has been found new.
func (t *tx) aboutDevice(sc *school, a triage.Arrival) error {
	id := sc.info.ID
	switch a.Kind {
	case triage.KindMedia:
		return t.media(sc, a)
	case triage.KindUnattended:
		save(t, prefix(id, tBreach, hashed(string(a.Device)), beTime(a.At), a.Event[:]), store.Breach{At: a.At, Unattended: *a.Unattended}, breachFields)
		if err := t.countWeek(sc, a, a.At, func(n *store.MediaCount) { n.Unattended++ }); err != nil {
			return err
		}
		return t.lockDay(sc, a, dayOf(a.At), func(d *store.LockDay) { d.Breaches++ })
	case triage.KindCanary:
		return t.canary(sc, a)
	case triage.KindLockMinutes:
		err := t.countWeek(sc, a, timeOf(a.Lock.Day), func(n *store.MediaCount) {
			n.OpenMinutes += int(a.Lock.Unattended)
			n.UseMinutes += int(a.Lock.InUse)
		})
		if err != nil {
			return err
		}
		return t.lockDay(sc, a, a.Lock.Day, func(d *store.LockDay) {
			d.InUse += a.Lock.InUse
			d.Locked += a.Lock.Locked
			d.LockMinutes.Unattended += a.Lock.Unattended
		})
	}
	return nil
}

func dayOf(at time.Time) uint32 {
	y, m, d := at.Date()
	return uint32(y*10000 + int(m)*100 + d)
}

// timeOf is the noon of a day.
func timeOf(day uint32) time.Time {
	return time.Date(int(day/10_000), time.Month(day/100%100), int(day%100), 12, 0, 0, 0, time.UTC)
}

func (t *tx) lockDay(sc *school, a triage.Arrival, day uint32, change func(*store.LockDay)) error {
	key := binary.BigEndian.AppendUint32(prefix(sc.info.ID, tLockDay, hashed(string(a.Device))), day)
	d, err := load(t.get, key, lockDayFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	d.Day = day
	change(&d)
	save(t, key, d, lockDayFields)
	return nil
}

// media folds one step into its visit. Steps may arrive late or twice; a later
// one stands, and the first says when it arrived.
func (t *tx) media(sc *school, a triage.Arrival) error {
	id, m := sc.info.ID, *a.Media
	place := prefix(id, tVisit, hashed(string(a.Device)), m.Visit[:])
	first, err := load(t.get, place, momentFields)
	isNew := errors.Is(err, store.ErrNotFound)
	if err != nil && !isNew {
		return err
	}
	if isNew {
		first.At = a.At
		save(t, place, first, momentFields)
	}
	key := prefix(id, tMedia, hashed(string(a.Device)), beTime(first.At), m.Visit[:])
	old, err := load(t.get, key, mediaVisitFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if !isNew && m.Step < old.Step {
		return nil
	}
	v := store.MediaVisit{Media: m, Device: a.Device, Group: old.Group, Arrived: first.At, Latest: a.At}
	if isNew {
		v.Group = t.groupOf(sc, a)
	}
	save(t, key, v, mediaVisitFields)
	if bad(m) {
		save(t, prefix(id, tBadMedia, []byte(a.Device)), momentRow{a.At}, momentFields)
		t.changeFleet(sc, a.Device, func(e *fleetEntry) { e.badMedia = a.At })
	}
	return t.countIn(sc, a, v.Group, first.At, func(n *store.MediaCount) {
		if !isNew {
			countVisit(n, old.Media, -1)
		}
		countVisit(n, m, 1)
	})
}

// countVisit counts a visit in, or out of what it counted as before.
func countVisit(n *store.MediaCount, m triage.Media, by int) {
	if m.Permitted {
		n.Permitted += by
	} else {
		n.NotPermitted += by
	}
	switch m.Scan {
	case triage.ScanClean:
		n.Clean += by
	case triage.ScanInfected:
		n.Infected += by
	case triage.ScanNotScanned:
		n.NotScanned += by
	}
}

// groupOf is the group of an arrival's device; empty for a device that is not enrolled.
func (t *tx) groupOf(sc *school, a triage.Arrival) string {
	if e := t.fleetEntry(sc, a.Device); e != nil {
		return e.group
	}
	return ""
}

func (t *tx) countWeek(sc *school, a triage.Arrival, at time.Time, change func(*store.MediaCount)) error {
	return t.countIn(sc, a, t.groupOf(sc, a), at, change)
}

// countIn changes the counts of a week: the school's, the group's and the device's.
func (t *tx) countIn(sc *school, a triage.Arrival, group string, at time.Time, change func(*store.MediaCount)) error {
	monday := store.MondayOf(at)
	key := prefix(sc.info.ID, tWeekCount, beTime(monday))
	n, err := load(t.get, key, mediaCountFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	change(&n)
	save(t, key, n, mediaCountFields)
	if group == "" {
		return nil
	}
	key = prefix(sc.info.ID, tGroupWeek, beTime(monday), hashed(group))
	g, err := load(t.get, key, groupMediaFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	g.Group = group
	change(&g.MediaCount)
	save(t, key, g, groupMediaFields)
	return t.countOnDevice(sc, a, monday, change)
}

// weeksOfDevice is how many weeks of a device's counts are kept: those that are
// counted, and room for a clock that is ahead.
const weeksOfDevice = 6

func (t *tx) countOnDevice(sc *school, a triage.Arrival, monday time.Time, change func(*store.MediaCount)) error {
	key := prefix(sc.info.ID, tDeviceWeek, []byte(a.Device))
	kept, err := load(t.get, key, deviceWeeksFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	week := weekOf(monday)
	i := slices.IndexFunc(kept.Weeks, func(w deviceWeek) bool { return w.Week >= week })
	if i < 0 {
		i = len(kept.Weeks)
	}
	if i == len(kept.Weeks) || kept.Weeks[i].Week != week {
		if i == 0 && len(kept.Weeks) == weeksOfDevice {
			return nil // too long ago to matter
		}
		kept.Weeks = slices.Insert(kept.Weeks, i, deviceWeek{Week: week})
	}
	change(&kept.Weeks[i].MediaCount)
	kept.Weeks = kept.Weeks[max(len(kept.Weeks)-weeksOfDevice, 0):]
	save(t, key, kept, deviceWeeksFields)
	t.changeFleet(sc, a.Device, func(e *fleetEntry) { e.happened = kept.happened() })
	return nil
}

// happened is the latest week of each happening; 0 for never.
type happened [store.Happenings]uint16

func (w deviceWeeks) happened() (h happened) {
	for _, one := range w.Weeks {
		for i := range h {
			if one.Of(store.Happening(i)) > 0 {
				h[i] = uint16(one.Week)
			}
		}
	}
	return h
}

// weekOf is a Monday as the number of its week since 1970, within what fits.
func weekOf(monday time.Time) uint32 {
	days := monday.Unix() / (24 * 60 * 60)
	return uint32(min(max((days+3)/7, 0), 1<<16-1))
}
