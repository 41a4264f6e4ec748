package session

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/agent/sensor/lock"
	"github.com/lapwing-schools/lapwing/agent/sensor/x11"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// starting is the source that says locked until the buses are listened on.
const starting = "starting"

func (d *desktop) lockEvent(ev lockEvent) {
	if ev.bus != "" {
		d.buses[ev.bus] = ev.state
		if len(d.buses) < len(d.locks.buses) {
			return
		}
		defer d.reportLock()
		ev.Event = lock.Event{Source: starting}
	}
	if ev.Idle != nil {
		return // the X server knows better
	}
	// An error here is a lost display; the next packet says so too.
	if err := d.setLock(ev.Event); err != nil {
		d.cfg.Log.Warn("lock state not applied", "error", err)
	}
}

// lockStatus is limited when no bus is listened on (lockers that only cover the
// screen are still seen), or not one that this system has.
func lockStatus(buses map[string]lockState) sensor.Status {
	states := slices.Collect(maps.Values(buses))
	if slices.Contains(states, lockMissing) || !slices.Contains(states, lockListening) {
		return sensor.Status{State: sensor.Limited, Code: conditions.LockSourceMissing}
	}
	return sensor.Status{State: sensor.OK}
}

// setLock stops everything on lock, and looks afresh on unlock.
func (d *desktop) setLock(ev lock.Event) error {
	if !d.lock.Set(ev.Source, ev.Locked) {
		return nil
	}
	now := d.cfg.Now()
	d.watched.again()
	d.typist.Drop()
	d.merge.Drop()
	if d.lock.Locked() {
		d.emit(capture.Input{At: now, Kind: capture.ScreenLocked})
		return nil
	}
	d.emit(capture.Input{At: now, Kind: capture.ScreenUnlocked})
	if _, err := d.window.Refresh(); err != nil {
		return fmt.Errorf("look after unlock: %w", err)
	}
	d.activated(now)
	return nil
}

// attended is when somebody's presence is to be looked at again.
type attended struct {
	due   time.Time
	over  bool // nobody was there for long
	blind bool // the desktop does not say whether somebody is
}

// again has the next look at once.
func (a *attended) again() { a.due = time.Time{} }

// back has it at once if somebody's return is waited for.
func (a *attended) back() {
	if a.over {
		a.again()
	}
}

// attend looks, when that is due, for how long nobody was there.
func (d *desktop) attend(now time.Time) error {
	if now.Before(d.watched.due) {
		return nil
	}
	idle, err := d.x.Idle()
	if err != nil && !errors.Is(err, x11.ErrNoIdle) {
		return err
	}
	was := d.watched.blind
	d.watched.blind = err != nil
	d.watched.due, d.watched.over = d.there.see(now, presence{locked: d.lock.Locked(), known: err == nil, idle: idle, heard: d.x.Touch})
	// Keys and buttons are told anyway; moves would wake the process all day.
	if err := d.x.WatchPointer(d.watched.over); err != nil {
		return err
	}
	if was != d.watched.blind {
		d.reportLock()
	}
	return nil
}

// reportLock says how the sensor does, once every bus has answered.
func (d *desktop) reportLock() {
	if len(d.buses) == len(d.locks.buses) {
		d.board.Report(sensor.Lock, withIdle(lockStatus(d.buses), d.watched.blind))
	}
}

// withIdle is limited when nobody says whether somebody is there.
func withIdle(s sensor.Status, blind bool) sensor.Status {
	if blind && s.State == sensor.OK {
		return sensor.Status{State: sensor.Limited, Code: conditions.IdleSourceMissing}
	}
	return s
}
