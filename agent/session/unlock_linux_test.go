package session

import (
	"context"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	testdesktop "github.com/lapwing-schools/lapwing/internal/testkit/desktop"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TestUnlockPassword: a real locker, a wrong and the right password by PAM. No
// key of either gets as far as the matcher; the same words typed afterwards into
// a terminal do, so that the test would have seen them.
func TestUnlockPassword(t *testing.T) {
	for _, name := range []string{"i3lock", "xscreensaver"} {
		t.Run(name, func(t *testing.T) {
			const secret, wrong = "qwertzu9letmein", "yxcvbn8wrong"
			e := startEyes(t, testdesktop.Options{})
			e.open("xterm", "xterm", "-e", "cat")
			e.awaitRole("xterm", capture.RoleNone)
			e.typed("before")
			e.awaitText("before")
			l, err := e.d.Lock(t.Context(), name, secret)
			e.must(err)
			defer func() {
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			}()
			e.await("the lock", e.isLocked)
			e.must(l.Try(t.Context(), wrong))
			e.must(l.Unlock(t.Context(), secret))
			e.await("the end of the lock", func() bool { return !e.isLocked() })
			e.typed("after")
			e.awaitText("after")
			for _, part := range []string{secret[:3], secret[len(secret)-3:], wrong[:3], wrong[len(wrong)-3:]} {
				e.never(part)
			}
			e.nothingLocked()
			e.keys("Return")
			e.typed(secret) // the control
			e.awaitText(secret)
		})
	}
}

// nothingLocked: no input about text came between a lock and its end.
func (e *eyes) nothingLocked() {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	isLocked := false
	for _, in := range e.inputs {
		switch in.Kind {
		case capture.ScreenLocked:
			isLocked = true
		case capture.ScreenUnlocked:
			isLocked = false
		case capture.Typed, capture.Enter, capture.Backspace, capture.Inserted:
			if isLocked {
				e.t.Errorf("a key came out while locked: %+v", in)
			}
		}
	}
}

// TestLeftOpen: a real display on which nobody does anything for a minute, with
// a policy of one; then somebody moves the mouse, and nothing else.
func TestLeftOpen(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute by the clock; make test runs it")
	}
	e := startEyes(t, testdesktop.Options{})
	e.there.setPolicy(time.Now(), &lapwingv1.LockPolicy{UnattendedMinutes: 1})
	e.awaitStatus(sensor.Lock, "COVERAGE_STATE_OK", "")
	_, err := e.d.Run(t.Context(), "xdotool", "mousemove_relative", "10", "10")
	e.must(err)
	left := time.Now()
	over := func() bool { e.there.mu.Lock(); defer e.there.mu.Unlock(); return e.there.meter.Breached() }
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	for tick := time.NewTicker(200 * time.Millisecond); !over(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("no breach after a minute and a half")
		}
	}
	if took := time.Since(left); took < time.Minute {
		t.Errorf("a breach after %v", took)
	}
	_, err = e.d.Run(t.Context(), "xdotool", "mousemove_relative", "10", "10")
	e.must(err)
	e.await("the end of the breach", func() bool { return len(e.locks) > 0 })
	e.mu.Lock()
	first := e.locks[0].Unattended
	e.mu.Unlock()
	if first == nil || first.LimitSeconds != 60 || first.Seconds < 60 || first.Seconds > 90 {
		t.Errorf("told %v, want about a minute", first)
	}
}

// TestLeftOpenToTheEnd: a session that ends between two looks counts the open
// screen to its end, not to the look.
func TestLeftOpenToTheEnd(t *testing.T) {
	now := time.Now()
	var told []*lapwingv1.LockReport
	a := newAttendance(now, func(r *lapwingv1.LockReport) { told = append(told, r) })
	a.see(now, presence{known: true, heard: true})
	a.see(now.Add(6*time.Minute), presence{known: true, heard: true, idle: 6 * time.Minute})
	a.close(now.Add(6*time.Minute + 50*time.Second))
	if len(told) == 0 || told[0].Unattended.GetSeconds() != 410 {
		t.Errorf("told %v, want 410 s", told)
	}
}

// TestAttendanceTellsTheRestAtTheEnd: what a session process has counted goes
// out before it ends.
func TestAttendanceTellsTheRestAtTheEnd(t *testing.T) {
	now := time.Now()
	o := newOutbox()
	a := newAttendance(now, o.lockReport)
	a.see(now, presence{known: true})
	a.see(now.Add(4*time.Minute), presence{known: true})
	a.close(now)
	if o.empty() {
		t.Fatal("nothing waits to be sent")
	}
	m := o.next().GetLock()
	if m.GetMinutes().GetInUse() != 4 || o.empty() {
		t.Errorf("sent %v", m)
	}
	if o.next() != nil || !o.empty() {
		t.Error("it is not gone when it was sent")
	}
	select {
	case <-o.sent:
	default:
		t.Error("whoever waits is not told")
	}
}
