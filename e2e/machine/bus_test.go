//go:build linux

package machine

import (
	"fmt"
	"strings"
	"testing"
)

// TestBusRestarts: logind and the system bus are restarted under a running
// service, as updates do. The person is watched by the same process all the
// while, and the service hears of a log-out and a log-on afterwards.
func TestBusRestarts(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	w.agent("service", "install")
	w.agent("service", "start")
	pupil := w.logOn("pupil", "user")
	w.awaitWatchers("pupil")
	w.await("the lock sensor", func() error { return w.covered("lock", "ok", "") })
	watcher := w.run("pgrep", "-f", program+" session")
	listened := w.listens()
	for _, restart := range []string{
		"systemctl restart systemd-logind",
		"systemctl restart dbus.service",
		"systemctl stop dbus.socket dbus.service; sleep 5; systemctl start dbus.socket dbus.service",
	} {
		w.run("sh", "-c", restart)
		w.await("logind", func() error {
			_, err := w.m.Run(t.Context(), "loginctl", "list-sessions")
			return err
		})
		if strings.Contains(restart, "dbus") {
			w.await("the service to listen again", func() error {
				if n := w.listens(); n <= listened {
					return fmt.Errorf("it has done so %d times", n)
				}
				return nil
			})
			listened = w.listens()
		}
		w.await("the lock sensor", func() error { return w.covered("lock", "ok", "") })
		if got := w.run("pgrep", "-f", program+" session"); got != watcher {
			t.Errorf("after %s the session process is %s, and was %s", restart, got, watcher)
			watcher = got
		}
	}
	w.types(pupil, pupilPhrase)
	w.awaitEvent("pupil", pupilPhrase)
	w.logOff(pupil)
	w.awaitWatchers()
	w.logOn("other", "user")
	w.awaitWatchers("other")
}

// listens is how often the service has found the desktops.
func (w *world) listens() int {
	w.t.Helper()
	return strings.Count(w.run("journalctl", "--no-pager", "-u", "lapwing-agent"), "msg=desktops ")
}
