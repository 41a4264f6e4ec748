//go:build linux

package machine

import (
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/conditions"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

const session1 = "org.freedesktop.login1.Session"

// hint sets a hint of somebody's session, as a desktop does.
func (w *world) hint(name, method string, value string) {
	w.t.Helper()
	// A session's object is its id with every character that is no letter, and a
	// leading digit, as _ and two hexadecimal digits.
	id := w.session(name)
	path := w.run("busctl", "call", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "GetSession", "s", id)
	path = strings.Trim(strings.TrimPrefix(path, "o "), "\"\n")
	w.run("busctl", "call", "org.freedesktop.login1", path, session1, method, "b", value)
}

// TestLogindLock: what logind says of the lock of a real session ends capture,
// and begins it again; a request to lock that nothing follows is no lock.
func TestLogindLock(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	w.agent("service", "install")
	w.agent("service", "start")
	pupil := w.logOn("pupil", "user")
	w.awaitWatchers("pupil")
	w.await("the lock sensor", func() error { return w.covered("lock", "ok", "") })
	w.run("loginctl", "lock-session", w.session("pupil"))
	w.types(pupil, pupilPhrase)
	w.awaitEvent("pupil", pupilPhrase)
	w.hint("pupil", "SetLockedHint", "true")
	w.types(pupil, unseenPhrase)
	w.hint("pupil", "SetLockedHint", "false")
	w.types(pupil, otherPhrase)
	w.awaitEvent("pupil", otherPhrase)
	for _, e := range w.captures() {
		if strings.Contains(e.GetCapture().GetExcerpt(), "tomorrow") {
			t.Errorf("captured behind the lock: %q", e.GetCapture().GetExcerpt())
		}
	}
}

// TestIdleHint: on Wayland logind's hint is all that says whether somebody is
// there. The policy allows a minute.
func TestIdleHint(t *testing.T) {
	w := newWorld(t)
	w.limit = &lapwingv1.LockPolicy{UnattendedMinutes: 1}
	w.policy()
	w.enrol()
	w.agent("service", "install")
	w.agent("service", "start")
	w.swayLogOn()
	w.awaitWatchers("pupil")
	w.await("the lock sensor", func() error { return w.covered("lock", "limited", conditions.IdleSourceMissing) })
	w.hint("pupil", "SetIdleHint", "true")
	w.await("the lock sensor", func() error { return w.covered("lock", "ok", "") })
	w.run("sleep", "62") // the stretch itself, not a wait for the agent
	w.hint("pupil", "SetIdleHint", "false")
	var got *lapwingv1.Unattended
	w.awaitCollector("the breach", func() bool {
		for _, e := range w.collector.Events() {
			if u := e.GetUnattended(); u != nil {
				got = u
			}
		}
		return got != nil
	})
	if got.LimitSeconds != 60 || got.Seconds < 60 || got.Seconds > 90 {
		t.Errorf("told %v", got)
	}
	// Minutes are told when the session ends, at the latest.
	w.run("systemctl", "stop", "desktop-pupil")
	w.awaitCollector("the minutes", func() bool {
		for _, e := range w.collector.Events() {
			if e.GetLockMinutes() != nil {
				return true
			}
		}
		return false
	})
}
