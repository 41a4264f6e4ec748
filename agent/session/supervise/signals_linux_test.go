package supervise_test

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/session/supervise"
)

// TestEverySignalThatEndsASessionCounts: kill and pkill send SIGTERM, which the
// agent's own program takes for a wish to stop, and Go exits with a status of its
// own after others. All of them are kills.
func TestEverySignalThatEndsASessionCounts(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGSEGV} {
		t.Run(sig.String(), func(t *testing.T) {
			s := newService(t)
			sup, _ := s.run(append(os.Environ(), "DISPLAY="), "real")
			sup.SetPolicy(policy(t, 1)) // with which it begins to watch, and to speak
			for n := range supervise.TamperKills {
				s.await("a status", func() bool { return len(s.statuses) > 0 && s.statuses[len(s.statuses)-1] != nil })
				if err := syscall.Kill(s.childPID("real"), sig); err != nil {
					t.Fatal(err)
				}
				s.await("its end", func() bool { return s.ends > n })
			}
			s.await("tampering", func() bool { return s.tampered == supervise.TamperKills })
		})
	}
}

// TestAHaltedSessionIsStartedAgain: one that SIGSTOP has stopped lives, and sees
// nothing; that counts as a kill.
func TestAHaltedSessionIsStartedAgain(t *testing.T) {
	s := newService(t)
	s.look = 100 * time.Millisecond
	s.run(os.Environ(), "obedient")
	for n := range supervise.TamperKills {
		s.await("a status", func() bool { return len(s.statuses) > 0 && s.statuses[len(s.statuses)-1] != nil })
		if err := syscall.Kill(s.childPID("obedient"), syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		s.await("its end", func() bool { return s.ends > n })
	}
	s.await("tampering", func() bool { return s.tampered == supervise.TamperKills })
}

// TestAStoppingServiceWaitsForNoDisk: a session process that is gone has left a
// hit which cannot be kept.
func TestAStoppingServiceWaitsForNoDisk(t *testing.T) {
	s := newService(t)
	s.failures = 1000
	_, stop := s.run(os.Environ(), "last words")
	s.await("the hit", func() bool { return s.failures < 1000 })
	stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.hits) != 0 {
		t.Errorf("%d hits were kept", len(s.hits))
	}
}

// TestKillsCountOverStarts: who switches to a console and back, or has his
// desktop found elsewhere, does not get two kills anew.
func TestKillsCountOverStarts(t *testing.T) {
	s := newService(t)
	g := supervise.NewGroup(func(target supervise.Target) supervise.Config {
		return supervise.Config{
			Command: []string{os.Args[0]}, Target: target,
			OnHit: s.hit, OnLock: s.lock, OnStatus: s.status, OnCanary: s.canary, OnTamper: s.tamper,
			Stderr: os.Stderr, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for n := range supervise.TamperKills {
		id := "console-" + strconv.Itoa(n)
		g.SetTargets([]supervise.Target{{ID: id, UID: uint32(os.Geteuid()), Env: []string{childMode + "=obedient"}}})
		var ends int
		s.await("a status", func() bool { ends = s.ends; return len(s.statuses) > 0 && s.statuses[len(s.statuses)-1] != nil })
		if err := syscall.Kill(s.childPID("obedient"), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.await("its end", func() bool { return s.ends > ends })
		g.SetTargets(nil)
	}
	s.await("tampering", func() bool { return s.tampered == supervise.TamperKills })
}
