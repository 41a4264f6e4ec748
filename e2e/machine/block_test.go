//go:build linux

package machine

import (
	"strings"
	"testing"
)

// TestBlockMedia: the unit lets the service reach the kernel's switches of USB
// devices only when it was installed for that. (That the switch works is shown
// on a kernel of its own, agent/sensor/usb/vmtest.)
func TestBlockMedia(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	w.run("mount", "-o", "remount,bind,rw", "/sys") // as on a machine that is no container
	for _, tc := range []struct {
		install []string
		option  string
	}{
		{[]string{"service", "install"}, "ro"},
		{[]string{"service", "install", "--block-media"}, "rw"},
		{[]string{"service", "install"}, "ro"},
	} {
		w.agent(tc.install...)
		w.agent("service", "stop")
		w.agent("service", "start")
		w.awaitConnected()
		pid := w.unit("MainPID")
		options := w.run("findmnt", "--task", pid, "--target", "/sys/devices", "--noheadings", "--output", "OPTIONS")
		if first, _, _ := strings.Cut(strings.TrimSpace(options), ","); first != tc.option {
			t.Errorf("after %v the service has /sys/devices %s, want %s", tc.install, options, tc.option)
		}
	}
}
