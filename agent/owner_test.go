package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// A laptop that moves to another school takes no event along; one that is
// enrolled anew with its own school keeps them all.
func TestAnotherSchoolGetsNothingOfTheFirst(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	first, second := &fakecollector.Collector{Address: "127.0.0.1:0"}, &fakecollector.Collector{Address: "127.0.0.1:0"}
	first.Start(t)
	second.Start(t)
	enrol := func(c *fakecollector.Collector) *identity.Identity {
		t.Helper()
		id, err := identity.Enrol(t.Context(), dir, c.Enrolment(), identity.Facts{Hostname: "pc1", OS: "linux", Arch: "amd64"},
			identity.Options{Clock: tlsx.SystemClock, Force: true})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	waiting := func(put bool) uint64 {
		t.Helper()
		s, err := spool.Open(spool.Config{Dir: filepath.Join(dir, "spool"), MinFree: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if put {
			if _, err := s.Append(spool.Event{Lane: spool.Urgent, Payload: []byte("x"), Wall: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		return s.Stats().Urgent.Records
	}
	for i, step := range []struct {
		with *fakecollector.Collector
		want uint64
	}{{first, 0}, {first, 1}, {second, 0}, {second, 1}, {first, 0}} {
		if err := claimSpool(dir, enrol(step.with), log); err != nil {
			t.Fatal(err)
		}
		if n := waiting(false); n != step.want {
			t.Fatalf("step %d: %d events wait, want %d", i, n, step.want)
		}
		waiting(true)
	}
	b, err := os.ReadFile(filepath.Join(dir, ownerFile))
	if err != nil || bytes.Contains(b, []byte(fakecollector.School)) {
		t.Errorf("the owner's file says %q, %v", b, err)
	}
}
