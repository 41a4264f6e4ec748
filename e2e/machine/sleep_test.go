//go:build linux

package machine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TestSleep: a real logind suspends the machine, twice. It waits for the agent,
// which tells the school first, and comes back by itself afterwards. Only the
// kernel's part is left out: the file that would put it to sleep is a plain one.
func TestSleep(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	w.agent("service", "install")
	w.agent("service", "start")
	w.run("sh", "-c", "echo 'freeze mem' > /run/power-state && mount --bind /run/power-state /sys/power/state")
	for n := 1; n <= 2; n++ {
		w.await("a connection", func() error { return count("connections", len(w.collector.Hellos()), n) })
		w.await("logind to be asked to wait", func() error {
			if list, err := w.m.Run(t.Context(), "systemd-inhibit", "--list", "--no-legend"); err != nil || !strings.Contains(list, "Lapwing") {
				return fmt.Errorf("inhibitors %q, %w", list, err)
			}
			return nil
		})
		w.run("systemctl", "suspend")
		w.await("a goodbye", func() error { return count("goodbyes", len(w.collector.Goodbyes()), n) })
	}
	w.await("a connection", func() error { return count("connections", len(w.collector.Hellos()), 3) })
	sleep := lapwingv1.Goodbye_REASON_SLEEP
	if got := w.collector.Goodbyes(); !slices.Equal(got, []lapwingv1.Goodbye_Reason{sleep, sleep}) {
		t.Errorf("goodbyes %v", got)
	}
	if state := w.run("cat", "/run/power-state"); strings.TrimSpace(state) == "freeze mem" {
		t.Error("the machine was never put to sleep")
	}
}

func count(what string, got, want int) error {
	if got != want {
		return fmt.Errorf("%d %s, want %d", got, what, want)
	}
	return nil
}

// TestPowerOff: a machine that is shut down says so, which is told apart from a
// service that is stopped on a machine that stays on.
func TestPowerOff(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	w.agent("service", "install")
	w.agent("service", "start")
	w.awaitConnected()
	w.run("systemctl", "--no-block", "poweroff")
	w.awaitCollector("the goodbye of a shutdown", func() bool {
		return slices.Equal(w.collector.Goodbyes(), []lapwingv1.Goodbye_Reason{lapwingv1.Goodbye_REASON_SHUTDOWN})
	})
}
