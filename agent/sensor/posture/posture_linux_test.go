package posture

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// unpack writes a captured tree below a folder of the test's own. Its files
// stand in one text, because names such as 8:2 do not exist on every system.
func unpack(t *testing.T, name string) string {
	t.Helper()
	all, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for part := range strings.SplitSeq("\n"+string(all), "\n-- ") {
		path, content, ok := strings.Cut(part, " --\n")
		if !ok {
			continue
		}
		if strings.HasPrefix(filepath.Base(path), "SecureBoot") {
			content = strings.TrimSuffix(content, "\n")
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, path), []byte(content + "\n")[:len(content)], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// readAll reads the whole table of a tree.
func readAll(t *testing.T, root string, p *lapwingv1.PosturePolicy) (string, *lapwingv1.PostureReport) {
	t.Helper()
	s := New(Config{Root: root, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
		Health: func() Reading { return pass("all works") }})
	s.SetPolicy(p)
	m := s.machine()
	m.run = func(_ context.Context, name string, _ ...string) (string, error) {
		if name == "apt-get" {
			return "Inst vim [1] (2 Debian:12/stable [amd64])\nConf vim\n", nil
		}
		return "", exec.ErrNotFound
	}
	m.get = func(context.Context, string) (int, string, error) { return 403, "blocked by the filter", nil }
	for _, r := range s.rows {
		s.keep(r.id, s.read(t.Context(), m, r))
	}
	s.facts, s.ran = factsOf(t.Context(), m), true
	report := s.Report()
	if err := report.Validate(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, c := range report.Checks {
		fmt.Fprintf(&out, "%-16s %-28s %s\n", c.Id, c.State, c.Detail)
	}
	for _, f := range report.Facts {
		if f.Id != "processors" {
			fmt.Fprintf(&out, "fact %-11s %s\n", f.Id, f.Value)
		}
	}
	return out.String(), report
}

func TestCapturedTrees(t *testing.T) {
	for name, policy := range map[string]*lapwingv1.PosturePolicy{
		"in-order":  {AllowedSoftware: []string{"gimp"}, FilterTestUrl: "http://test.example/", FilterTestMarker: "not blocked"},
		"neglected": {AllowedSoftware: []string{"gimp"}, DeniedSoftware: []string{"nmap"}},
		"hostile":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := readAll(t, unpack(t, name), policy)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestNothingPassesByDefault: on a system that says nothing, hardly anything may pass.
func TestNothingPassesByDefault(t *testing.T) {
	_, report := readAll(t, t.TempDir(), nil)
	for _, c := range report.Checks {
		switch c.Id {
		case checks.AgentHealth: // what the test says
		case checks.Autorun, checks.AutoLogin, checks.GuestAccount: // nothing is there that could start, log in or be offered
		case checks.UpdatesPending:
			if c.State == lapwingv1.CheckState_CHECK_STATE_PASS {
				t.Errorf("%s passes on an empty system: %s", c.Id, c.Detail)
			}
		default:
			if c.State == lapwingv1.CheckState_CHECK_STATE_PASS {
				t.Errorf("%s passes on an empty system: %s", c.Id, c.Detail)
			}
		}
	}
}

// TestNoAccountIsNamed: what is read of accounts is how many there are.
func TestNoAccountIsNamed(t *testing.T) {
	got, _ := readAll(t, unpack(t, "neglected"), nil)
	for _, name := range []string{"pupil", "teacher", "itadmin"} {
		if strings.Contains(got, name) {
			t.Errorf("%s is named:\n%s", name, got)
		}
	}
}

// TestThisSystem reads the machine that the test runs on.
func TestThisSystem(t *testing.T) {
	s := New(Config{Now: time.Now, Log: slog.New(slog.DiscardHandler), Health: func() Reading { return pass("all works") }})
	s.Read(t.Context(), false)
	report := s.Report()
	if err := report.Validate(); err != nil {
		t.Fatal(err)
	}
	found := map[string]*lapwingv1.Check{}
	for _, c := range report.Checks {
		found[c.Id] = c
		t.Logf("%-16s %-8s %s", c.Id, strings.TrimPrefix(c.State.String(), "CHECK_STATE_"), c.Detail)
	}
	if c := found[checks.OSSupported]; c == nil || c.Detail == "the system does not say what it is" {
		t.Errorf("os: %v", c)
	}
	if c := found[checks.UpdatesPending]; c.Detail != "not read yet" {
		t.Errorf("a slow check was read with the quick ones: %v", c)
	}
	facts := map[string]string{}
	for _, f := range report.Facts {
		facts[f.Id] = f.Value
	}
	if facts["memory"] == "" || facts["disk_free"] == "" {
		t.Errorf("facts %v", facts)
	}
}

// TestAHangIsCutOff: a reading that does not come back cannot tell, and is not
// started a second time while it hangs.
func TestAHangIsCutOff(t *testing.T) {
	s := New(Config{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	release := make(chan struct{})
	var started atomic.Int32
	r := row{id: "x", linux: func(context.Context, *machine) Reading {
		started.Add(1)
		<-release
		return pass("late")
	}}
	m := s.machine()
	m.patience = time.Millisecond
	if got := s.read(t.Context(), m, r); got.State != checks.Unknown || !strings.Contains(got.Detail, "cut off") {
		t.Errorf("hanging: %v", got)
	}
	if got := s.read(t.Context(), m, r); got.State != checks.Unknown || started.Load() != 1 {
		t.Errorf("hanging still: %v, started %d times", got, started.Load())
	}
	close(release)
	m.patience = time.Minute
	for s.read(t.Context(), m, r).State != checks.Pass { // once the first has come back
	}
	if got := s.read(t.Context(), m, row{id: "y", linux: func(context.Context, *machine) Reading { panic("a fault") }}); got.State != checks.Unknown {
		t.Errorf("a fault: %v", got)
	}
	if got := s.read(t.Context(), m, row{id: "z"}); got.State != checks.Unknown {
		t.Errorf("not built: %v", got)
	}
}

func TestRunReadsAtOnceAndOnANewPolicy(t *testing.T) {
	s := New(Config{Root: unpack(t, "in-order"), Now: time.Now, Log: slog.New(slog.DiscardHandler), SlowEvery: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, func(sensor.Status) {}) }()
	state := func(id string) lapwingv1.CheckState {
		for {
			<-s.Changed()
			for _, c := range s.Report().GetChecks() {
				if c.Id == id {
					return c.State
				}
			}
		}
	}
	if got := state(checks.Software); got != lapwingv1.CheckState_CHECK_STATE_UNKNOWN {
		t.Errorf("without a list: %v", got)
	}
	s.SetPolicy(&lapwingv1.PosturePolicy{DeniedSoftware: []string{"gimp"}})
	for state(checks.Software) != lapwingv1.CheckState_CHECK_STATE_FAIL {
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestFirstRoundIsTold: whoever took a check's change before the round was over
// found no report, and must hear that there is one.
func TestFirstRoundIsTold(t *testing.T) {
	s := New(Config{Root: unpack(t, "in-order"), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	found := Reading{State: checks.Pass}
	s.rows = []row{{id: checks.Software, linux: func(context.Context, *machine) Reading { return found }}}
	s.last = map[string]stated{checks.Software: {Reading: found}}
	s.Read(t.Context(), false)
	select {
	case <-s.Changed():
	default:
		t.Error("nobody was told that there is a report")
	}
	if s.Report() == nil {
		t.Error("no report after the first round")
	}
}

func TestTableHasEveryCheck(t *testing.T) {
	rows := table()
	if len(rows) != len(checks.All()) {
		t.Fatalf("%d rows for %d checks", len(rows), len(checks.All()))
	}
	for i, c := range checks.All() {
		if rows[i].id != c.ID {
			t.Errorf("row %d is %s, want %s", i, rows[i].id, c.ID)
		}
	}
}

func TestPendingUpdatesOfRealApt(t *testing.T) {
	m := New(Config{Now: time.Now}).machine()
	if got := linuxUpdatesPending(t.Context(), m); !strings.Contains(got.Detail, "wait") {
		t.Errorf("apt here: %v", got)
	}
}
