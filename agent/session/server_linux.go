package session

import (
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/agent/sensor/window"
	"github.com/lapwing-schools/lapwing/agent/sensor/x11"
)

// read acts on what the X server has said by now.
func (d *desktop) read() error {
	events, err := d.x.Events()
	if err != nil {
		return err
	}
	for _, p := range events {
		if err := d.packet(p); err != nil {
			return err
		}
	}
	return nil
}

// held looks, when a key would begin to repeat, whether it is still down, and
// only then has its release told: while somebody types, releases would wake
// this process as often again as the keys themselves.
func (d *desktop) held(now time.Time) error {
	if d.repeatAt.IsZero() || now.Before(d.repeatAt) {
		return nil
	}
	d.repeatAt = time.Time{}
	code, ok := d.typist.Held()
	if !ok {
		return nil
	}
	// Select first, then ask: a release between the two is told as well.
	if err := d.x.WatchReleases(true); err != nil {
		return err
	}
	down, err := d.x.KeyDown(code)
	if err != nil {
		return err
	}
	d.typist.StillDown(down)
	if !down {
		return d.x.WatchReleases(false)
	}
	return nil
}

// packet acts on one event of the X server.
func (d *desktop) packet(p []byte) error {
	ev, err := d.x.Decode(p)
	if err != nil || ev == nil {
		return err
	}
	now := d.cfg.Now()
	switch ev := ev.(type) {
	case x11.KeyPress:
		d.watched.back()
		d.key(now, ev)
		return nil
	case x11.KeyRelease:
		if !d.lock.Locked() {
			d.typist.Release(now, ev, d.x.Keyboard.Repeats)
		}
		return d.x.WatchReleases(d.typist.Repeating())
	case x11.PointerUsed:
		d.watched.back()
		return nil
	case x11.ButtonPress:
		d.watched.back()
		const firstWheel, lastWheel = 4, 7
		if !d.lock.Locked() && (ev.Button < firstWheel || ev.Button > lastWheel) {
			d.typist.Click(now)
		}
		return nil
	case x11.FocusOut:
		if uint32(ev.Window) == d.window.Current().ID {
			d.fields.Away(now)
		}
		return nil
	case x11.FocusIn:
		if uint32(ev.Window) == d.window.Current().ID {
			d.fields.Back(now)
		}
		return nil
	}
	if locked, err := d.screen.Handle(ev); err != nil {
		return err
	} else if locked != nil {
		return d.setLock(*locked)
	}
	change, err := d.window.Handle(ev)
	if err != nil {
		return err
	}
	switch change {
	case window.Activated:
		d.board.Report(sensor.Window, sensor.Status{State: sensor.OK})
		d.activated(now)
	case window.Renamed:
		d.fields.Title(now, d.window.Current().Title)
		d.title(now)
	case window.Nothing:
	}
	return nil
}

// key hands a key on, unless the screen is locked: what is typed then is not
// even translated.
func (d *desktop) key(now time.Time, ev x11.KeyPress) {
	if d.lock.Locked() {
		return
	}
	k := d.x.Keyboard.Translate(ev.Code)
	if x11.Modifier(k.Keysym) {
		return
	}
	// A prompt comes after Enter, or while nothing is typed.
	d.fields.Echo(now, d.enter || now.Sub(d.lastKey) > time.Second, late(ev.Time))
	d.enter = x11.Enter(k.Keysym)
	d.lastKey = now
	d.typist.Press(now, ev, k, d.x.Keyboard.Repeats)
	d.repeatAt = time.Time{}
	if delay, ok := d.x.Keyboard.RepeatDelay(ev.Code); ok {
		d.repeatAt = now.Add(delay)
	}
}
