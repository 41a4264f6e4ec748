package supervise_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

// TestAPasswordThatIsReadLate: a session process that was held up reads what was
// typed at a terminal's prompt when the prompt has gone and the terminal shows
// again what is typed.
func TestAPasswordThatIsReadLate(t *testing.T) {
	ctx := t.Context()
	d, err := desktop.Start(ctx, desktop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop()
	s := newService(t)
	s.look = time.Hour // a process that is looked at while it is halted is started anew
	sup, stop := s.run(d.Env(), "real")
	defer stop()
	sup.SetPolicy(policy(t, 1))
	s.await("a status with all sensors", func() bool { return s.settled() })
	s.open(d, "xterm", "-e", "bash --norc")
	s.typeUntilHit(d, "i want to kill myself")

	asked := filepath.Join(d.Dir(), "asked")
	until := func(cond string) {
		t.Helper()
		if _, err := d.Run(ctx, "timeout", "20", "sh", "-c", "until [ "+cond+" "+asked+" ]; do sleep 0.02; done"); err != nil {
			t.Fatal(err)
		}
	}
	typed := func(text string) {
		t.Helper()
		if err := d.Type(ctx, text); err != nil {
			t.Fatal(err)
		}
	}
	typed("touch " + asked + "; read -s x; rm " + asked + "\n")
	until("-e")
	if err := syscall.Kill(s.childPID("real"), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	typed("i want to kill myself today\n")
	until("! -e")
	time.Sleep(time.Second) // so late is what it was typed
	if err := syscall.Kill(s.childPID("real"), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// Hits come in their order: what is typed in time now comes after it.
	count := func() (secrets, later int) {
		for _, h := range s.hits {
			switch h.Capture.Excerpt {
			case "i want to kill myself now":
				later++
			case "i want to kill myself today":
				secrets++
			}
		}
		return secrets, later
	}
	for try := 0; ; try++ {
		typed("\ni want to kill myself now\n")
		s.mu.Lock()
		secrets, later := count()
		s.mu.Unlock()
		if secrets > 0 {
			t.Fatal("a password was captured")
		}
		if later > 0 {
			return
		}
		if try == 20 {
			t.Fatal("what was typed in time was not captured")
		}
	}
}
