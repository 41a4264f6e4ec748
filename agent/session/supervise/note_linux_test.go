package supervise_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TestThePersonIsToldOfAMedium runs the real session process on a real display
// with a real notification service and a real locker. The word does not take
// the focus, is no capture, waits for a locked screen, and goes by itself.
func TestThePersonIsToldOfAMedium(t *testing.T) {
	d, err := desktop.Start(t.Context(), desktop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) string {
		t.Helper()
		out, err := d.Run(t.Context(), name, args...)
		must(err)
		return out
	}
	printed := filepath.Join(d.Dir(), "dunst")
	_, err = d.Start("sh", "-c", "exec dunst -config /dev/null -print >"+printed)
	must(err)
	run("timeout", "20", "sh", "-c", "until dunstctl is-paused; do sleep 0.05; done")
	_, err = d.Start("xterm", "-e", "cat")
	must(err)
	window, err := d.Window(t.Context(), "xterm")
	must(err)
	must(d.Activate(t.Context(), window))
	front := run("xdotool", "getwindowfocus")
	awaitShown := func(n string) {
		t.Helper()
		run("timeout", "40", "sh", "-c", "until [ \"$(dunstctl count displayed)\" = "+n+" ]; do sleep 0.05; done")
	}

	s := newService(t)
	sup, stop := s.run(d.Env(), "real")
	defer stop()
	sup.NoteMedium(&lapwingv1.MediaNote{Kind: lapwingv1.MediaKind_MEDIA_KIND_STICK, Reason: lapwingv1.MediaNote_REASON_BLOCKED, Why: checks.USBNoPermit})
	sup.SetPolicy(policy(t, 1))
	awaitShown("1")
	if now := run("xdotool", "getwindowfocus"); now != front {
		t.Errorf("the focus went from %s to %s", front, now)
	}

	l, err := d.Lock(t.Context(), "i3lock", "letmein")
	must(err)
	defer l.Close()
	locked := func() bool { return len(s.statuses) > 0 && s.statuses[len(s.statuses)-1].GetLocked() }
	s.await("the lock", locked)
	sup.NoteMedium(&lapwingv1.MediaNote{Kind: lapwingv1.MediaKind_MEDIA_KIND_PHONE, Reason: lapwingv1.MediaNote_REASON_UNPERMITTED, Why: checks.USBNobody})
	awaitShown("0") // the first went by itself, and the second was not shown
	must(l.Unlock(t.Context(), "letmein"))
	unlocked := time.Now()
	awaitShown("1")
	t.Logf("shown %.2f s after the lock went", time.Since(unlocked).Seconds())
	run("timeout", "20", "sh", "-c", "until grep -q 'IT support' "+printed+" && grep -q phone "+printed+"; do sleep 0.05; done")

	stop()
	said, err := os.ReadFile(printed)
	must(err)
	for _, want := range []string{"This USB memory stick cannot be used here", "This phone or camera must not be used here", "ask your school’s IT support"} {
		if strings.Count(string(said), want) == 0 {
			t.Errorf("dunst was not told %q:\n%s", want, said)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.hits) != 0 {
		t.Errorf("captured: %v", s.hits)
	}
}
