package session

import (
	"sync"

	"github.com/lapwing-schools/lapwing/agent/canary"
)

// selfTest is the typing of a canary on an X desktop; its fields are the desktop's.
type selfTest struct {
	busy    bool
	window  uint32      // of the agent's own; 0 while none is open
	windows chan uint32 // tells the desktop of it, and of its end
	known   chan struct{}
	typing  sync.WaitGroup
}

// front reports whether a window is the agent's own, and tells the typist that
// the sensor knows it.
func (t *selfTest) front(id uint32) bool {
	if t.window == 0 || id != t.window {
		return false
	}
	if t.known != nil {
		close(t.known)
		t.known = nil
	}
	return true
}

// opened takes the typist's window, 0 when it is done.
func (t *selfTest) opened(id uint32) { t.window, t.busy = id, id != 0 }

func (t *selfTest) wait() { t.typing.Wait() }

// typeTest types a canary if nobody can be typing: the screen is open, and the
// focus certainly in no text field.
func (d *desktop) typeTest(t typing) {
	codes, ok := d.x.Keyboard.Codes(t.phrase)
	switch {
	case d.lock.Locked():
		t.typed <- errLocked
		return
	case !d.fields.Idle() || d.test.busy:
		t.typed <- canary.ErrInUse
		return
	case !ok:
		t.typed <- canary.ErrUnable
		return
	}
	ctx, windows, known := d.ctx, make(chan uint32, 2), make(chan struct{})
	d.test.busy, d.test.windows, d.test.known = true, windows, known
	d.test.typing.Go(func() {
		t.typed <- canary.Type(ctx, canary.Typing{
			Display: d.cfg.Desktop.Display, Quiet: d.cfg.Canary.Quiet, Codes: codes, Front: known,
			Opened: func(id uint32) { windows <- id },
		})
		windows <- 0
	})
}
