package session

import (
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/agent/sensor/lock"
	"github.com/lapwing-schools/lapwing/agent/sensor/wayland"
)

func (w *waylandDesktop) lockEvent(ev lockEvent) {
	if ev.bus != "" {
		w.buses[ev.bus] = ev.state
		if len(w.buses) < len(w.locks.buses) {
			return
		}
		defer w.reportLock()
		ev.Event = lock.Event{Source: starting}
	}
	if ev.Idle != nil {
		w.hinted(ev.Idle)
		return
	}
	w.setLock(ev.Event)
}

// setLock stops everything on lock, and looks afresh on unlock.
func (w *waylandDesktop) setLock(ev lock.Event) {
	if !w.lock.Set(ev.Source, ev.Locked) {
		return
	}
	now := w.cfg.Now()
	w.watched.again()
	w.merge.Drop()
	if w.lock.Locked() {
		w.emit(capture.Input{At: now, Kind: capture.ScreenLocked})
		return
	}
	w.emit(capture.Input{At: now, Kind: capture.ScreenUnlocked})
	w.shown = wayland.Front{}
	w.title(now, w.front)
	if w.window.PID != 0 {
		w.fields.Window(now, w.window)
	}
}

// hinted takes logind's hint. A desktop that has never set it says nothing by
// leaving it as it was.
func (w *waylandDesktop) hinted(hint *lock.Idle) {
	if !hint.Away && w.idle == nil {
		return
	}
	w.idle, w.watched.blind = hint, false
	w.watched.again()
	w.reportLock()
}

// attend takes somebody's presence as the hint says it: the desktop sets it
// when nobody was there for its own while, which counts from then.
func (w *waylandDesktop) attend(now time.Time) {
	if now.Before(w.watched.due) {
		return
	}
	p := presence{locked: w.lock.Locked(), known: w.idle != nil, heard: true} // see hinted
	if p.known && w.idle.Away {
		p.idle = max(now.Sub(w.idle.Since), 0)
	}
	w.watched.due, w.watched.over = w.there.see(now, p)
}

func (w *waylandDesktop) reportLock() {
	if len(w.buses) == len(w.locks.buses) {
		w.board.Report(sensor.Lock, withIdle(lockStatus(w.buses), w.watched.blind))
	}
}
