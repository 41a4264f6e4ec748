//go:build linux

// Package e2e proves the first flight on the real programs: a real X server,
// window manager, editor and browser, real key events, both programs as they
// are built for people, and the console driven in Chromium.
//
// It imports internal/testkit and what drives a browser; from Lapwing's own
// packages nothing that the programs are made of, so that it sees them from outside.
package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
	"github.com/lapwing-schools/lapwing/internal/testkit/stack"
)

// bin is where TestMain built the programs.
var bin string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		fmt.Println("e2e: left out with -short; make test runs it")
		return 0
	}
	dir, err := os.MkdirTemp("", "lapwing-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	for _, program := range []string{"agent", "collector"} {
		build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(bin, "lapwing-"+program), "../"+program)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", program, err, out)
			return 1
		}
	}
	return m.Run()
}

// flight is a whole Lapwing with the desktop that its agent watches.
type flight struct {
	*stack.Stack
	desktop *desktop.Desktop
	dir     string
}

// takeOff starts a desktop with an editor in front, a collector and an agent,
// and waits until the agent's sensors work. Everything ends with the test.
func takeOff(t testing.TB) *flight {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir() // made first, so that it is removed when nothing writes in it any more
	d, err := desktop.Start(ctx, desktop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	f := &flight{desktop: d, dir: dir}
	f.openEditor(t)
	f.Stack, err = stack.Start(ctx, stack.Options{Bin: bin, Dir: f.dir, Env: d.Env(), Out: t.Output()})
	if err != nil {
		f.printLogs(t)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			f.printLogs(t)
		}
	})
	f.readNotice(t)
	f.waitForSensors(t)
	return f
}

// readNotice answers the notice as a person does who uses keys alone, and goes
// back to the editor.
func (f *flight) readNotice(t testing.TB) {
	t.Helper()
	f.focus(t, noticeClass)
	f.key(t, "Tab", "Return")
	f.noNotice(t)
	f.focus(t, "mousepad")
}

// noticeClass is the class of the notice's window.
const noticeClass = "lapwing-notice"

func (f *flight) openEditor(t testing.TB) {
	t.Helper()
	if _, err := f.desktop.Start("mousepad", "--disable-server"); err != nil {
		t.Fatal(err)
	}
	f.focus(t, "mousepad")
}

// focus brings the window of a class to the front.
func (f *flight) focus(t testing.TB, class string) {
	t.Helper()
	window, err := f.desktop.Window(t.Context(), class)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.desktop.Activate(t.Context(), window); err != nil {
		t.Fatal(err)
	}
}

func (f *flight) typeText(t testing.TB, text string) {
	t.Helper()
	if err := f.desktop.Type(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

func (f *flight) key(t testing.TB, keys ...string) {
	t.Helper()
	if err := f.desktop.Key(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
}

func (f *flight) printLogs(t testing.TB) {
	for _, name := range []string{"collector.log", "agent.log"} {
		if log, err := os.ReadFile(filepath.Join(f.dir, name)); err == nil {
			t.Logf("%s:\n%s", name, log)
		}
	}
}

// device is a line of `devices list --json`.
type device struct {
	ID       string `json:"id"`
	Host     string `json:"host"`
	Coverage map[string]struct {
		State string `json:"state"`
		Code  string `json:"code"`
	} `json:"coverage"`
}

// caseLine is a line of `cases list --json`.
type caseLine struct {
	ID       string `json:"id"`
	Person   string `json:"person"`
	Audience string `json:"audience"`
	Device   string `json:"device"`
	Category string `json:"category"`
	Severity string `json:"severity"`
	Level    string `json:"level"`
	State    string `json:"state"`
	Captures int    `json:"captures"`
	Excerpt  string `json:"excerpt"`
}

func (f *flight) devices(t testing.TB) []device {
	t.Helper()
	return list[device](t, f, "devices", "list", "--json")
}

func (f *flight) cases(t testing.TB, reason string) []caseLine {
	t.Helper()
	args := []string{"cases", "list", "--json"}
	if reason != "" {
		args = append(args, "--reason", reason)
	}
	return list[caseLine](t, f, args...)
}

func list[T any](t testing.TB, f *flight, args ...string) []T {
	t.Helper()
	out, err := f.Collector(t.Context(), append(args, "--data", f.CollectorDir())...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	var rows []T
	for line := range strings.Lines(out) {
		var row T
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v printed %q: %v", args, line, err)
		}
		rows = append(rows, row)
	}
	return rows
}

// waitForSensors waits until the collector knows that text and window work.
func (f *flight) waitForSensors(t testing.TB) {
	t.Helper()
	await(t, "the text and window sensors", func() error {
		ds := f.devices(t)
		if len(ds) != 1 {
			return fmt.Errorf("%d devices", len(ds))
		}
		for _, sensor := range []string{"text", "window", "lock"} {
			if c := ds[0].Coverage[sensor]; c.State != "ok" && c.State != "limited" {
				return fmt.Errorf("%s is %q (%s)", sensor, c.State, c.Code)
			}
		}
		return nil
	})
}

// await asks again until condition is nil; what a person would wait for, with
// a bound that only something broken reaches.
func await(t testing.TB, what string, condition func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s: %v", what, err)
		}
	}
}

// awaitCases waits until the cases are as wanted, and returns them.
func (f *flight) awaitCases(t testing.TB, what string, ok func([]caseLine) bool) []caseLine {
	t.Helper()
	var cases []caseLine
	await(t, what, func() error {
		cases = f.cases(t, "end-to-end test")
		if !ok(cases) {
			return errors.New(fmt.Sprint(cases))
		}
		return nil
	})
	return cases
}
