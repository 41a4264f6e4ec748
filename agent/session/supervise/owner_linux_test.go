package supervise_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/session/supervise"
	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

// TestRunsAsTheDisplaysOwner: root gives the session process to the person
// whose desktop it is, and that person may not look into it.
func TestRunsAsTheDisplaysOwner(t *testing.T) {
	ctx := t.Context()
	// Without the accessibility bus: this desktop's session bus is root's.
	d, err := desktop.Start(ctx, desktop.Options{NoAccessibility: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop()
	owner := os.Geteuid()
	if owner == 0 {
		owner = 65534 // nobody
		for _, path := range []string{d.Dir(), d.Getenv("XAUTHORITY")} {
			if err := os.Chown(path, owner, owner); err != nil {
				t.Fatal(err)
			}
		}
	}
	target, err := supervise.DisplayTarget(d.Env())
	if err != nil {
		t.Fatal(err)
	}
	target.Env = append(target.Env, childMode+"=real")
	s := newService(t)
	sup, err := supervise.New(supervise.Config{
		Command: []string{copyOfThisTest(t)}, Target: target,
		OnHit: s.hit, OnLock: s.lock, OnStatus: s.status, OnCanary: s.canary, OnTamper: s.tamper,
		Stderr: os.Stderr, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	running, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = sup.Run(running) })
	defer func() { cancel(); wg.Wait() }()
	sup.SetPolicy(policy(t, 1))
	s.await("a status with all sensors", func() bool { return s.settled() })

	proc := fmt.Sprintf("/proc/%d", s.childPID("real"))
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("Uid:\t%d\t%[1]d\t%[1]d\t%[1]d\n", owner); !bytes.Contains(status, []byte(want)) {
		t.Errorf("the process does not run as %d:\n%s", owner, status)
	}
	// The kernel gives the files of a process that is not dumpable to root.
	if mem := ownerOf(t, proc+"/mem"); mem != 0 {
		t.Errorf("memory belongs to %d, want root", mem)
	}
}

func ownerOf(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Uid
}

// copyOfThisTest puts the test binary where every user can run it: go test
// builds it in a folder that only its own user can enter.
func copyOfThisTest(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lapwing-session-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	path := filepath.Join(dir, "session")
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
