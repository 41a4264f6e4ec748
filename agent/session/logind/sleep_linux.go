package logind

import (
	"context"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
)

// sleepPatience is how long a machine is held awake at most. logind would let
// it go after InhibitDelayMaxSec, by default 5 s (logind.conf(5)).
const sleepPatience = 3 * time.Second

// delaySleep asks logind to wait for a word of ours before it sleeps. Where it
// refuses, it announces a sleep all the same, and does not wait.
func (w *watch) delaySleep(ctx context.Context) {
	if w.cfg.OnSleep == nil || w.delay != nil {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, connectBound)
	defer cancel()
	var fd dbus.UnixFD
	err := w.conn.Object(busName, managerPath).CallWithContext(bounded, manager+"Inhibit", 0,
		"sleep", "Lapwing", "The school is told that this computer sleeps", "delay").Store(&fd)
	if err == nil {
		w.delay = os.NewFile(uintptr(fd), "sleep inhibitor")
	}
}

// letSleep lets go of the machine.
func (w *watch) letSleep() {
	if w.delay != nil {
		_ = w.delay.Close() // nothing was written to it
		w.delay = nil
	}
}

// sleep takes logind's signal before a sleep (true) and after it (false).
func (w *watch) sleep(ctx context.Context, s *dbus.Signal) {
	if w.cfg.OnSleep == nil || len(s.Body) != 1 {
		return
	}
	switch s.Body[0] {
	case true:
		bounded, cancel := context.WithTimeout(ctx, sleepPatience)
		defer cancel()
		w.cfg.OnSleep(bounded)
		w.letSleep()
	case false:
		w.cfg.OnWake()
		w.delaySleep(ctx)
	}
}
