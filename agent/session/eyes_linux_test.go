package session

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/coverage"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/detect"
	testdesktop "github.com/lapwing-schools/lapwing/internal/testkit/desktop"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testBound is far above what any wait here was seen to need.
const testBound = 15 * time.Second

// eyes runs the sensors of a desktop into a real capture.Machine, and keeps
// every text that the machine gave to its matcher: what is not there was not
// captured.
type eyes struct {
	t     *testing.T
	d     *testdesktop.Desktop
	board *coverage.Board
	// systemBus is its address, when the desktop's own is not to be used.
	systemBus string

	mu     sync.Mutex
	cond   *sync.Cond
	there  *attendance
	locks  []*lapwingv1.LockReport
	texts  []string
	inputs []capture.Input
}

func (e *eyes) Match(text string, _ detect.Options) []detect.Hit {
	e.texts = append(e.texts, text)
	return nil
}

func startEyes(t *testing.T, o testdesktop.Options) *eyes {
	t.Helper()
	e := newEyes(t, o)
	e.start()
	e.await("the lock sources", func() bool { return !e.isLocked() && e.inputs != nil })
	return e
}

func newEyes(t *testing.T, o testdesktop.Options) *eyes {
	t.Helper()
	d, err := testdesktop.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	e := &eyes{t: t, d: d, board: coverage.NewBoard(time.Now, sensor.Text, sensor.Window, sensor.Lock)}
	e.cond = sync.NewCond(&e.mu)
	e.there = newAttendance(time.Now(), func(r *lapwingv1.LockReport) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.locks = append(e.locks, r)
		e.cond.Broadcast()
	})
	return e
}

// isLocked is what the last input about the lock said.
func (e *eyes) isLocked() bool {
	for _, in := range slices.Backward(e.inputs) {
		if in.Kind == capture.ScreenLocked || in.Kind == capture.ScreenUnlocked {
			return in.Kind == capture.ScreenLocked
		}
	}
	return false
}

func (e *eyes) start() {
	cfg := Config{Desktop: DesktopOf(e.d.Getenv), Log: slog.New(slog.DiscardHandler), Now: time.Now}
	if e.systemBus != "" {
		cfg.Desktop.SystemBus = e.systemBus
	}
	ctx, cancel := context.WithCancel(context.Background())
	inputs := make(chan capture.Input, maxInputs)
	var wg sync.WaitGroup
	wg.Go(func() { watch(ctx, cfg, e.there, e.board, inputs, nil) })
	wg.Go(func() { e.feed(ctx, inputs) })
	e.t.Cleanup(func() { cancel(); wg.Wait() })
	e.awaitStatus(sensor.Window, "COVERAGE_STATE_OK", "")
}

func (e *eyes) feed(ctx context.Context, inputs <-chan capture.Input) {
	m := capture.New(capture.Config{}, e)
	m.SetTold(true, time.Now())
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		in := capture.Input{Kind: capture.Tick}
		select {
		case in = <-inputs:
		case in.At = <-tick.C:
		case <-ctx.Done():
			return
		}
		e.mu.Lock()
		m.Step(in)
		if in.Kind != capture.Tick {
			e.inputs = append(e.inputs, in)
		}
		e.cond.Broadcast()
		e.mu.Unlock()
	}
}

// await waits until ok is true of what has happened so far.
func (e *eyes) await(what string, ok func() bool) {
	e.t.Helper()
	late := time.AfterFunc(testBound, e.cond.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(testBound)
	e.mu.Lock()
	defer e.mu.Unlock()
	for !ok() {
		if time.Now().After(deadline) {
			e.t.Fatalf("waited in vain for %s; texts %q; inputs %+v", what, e.texts, e.inputs[max(0, len(e.inputs)-20):])
		}
		e.cond.Wait()
	}
}

// awaitText waits until exactly this text was matched.
func (e *eyes) awaitText(want string) {
	e.t.Helper()
	e.await("text "+want, func() bool { return slices.Contains(e.texts, want) })
}

// awaitField waits until the present field satisfies ok.
func (e *eyes) awaitField(what string, ok func(capture.Field) bool) {
	e.t.Helper()
	e.await(what, func() bool {
		for _, in := range slices.Backward(e.inputs) {
			if in.Kind == capture.FieldChanged {
				return ok(in.Field)
			}
		}
		return false
	})
}

func (e *eyes) awaitRole(app string, role capture.Role) {
	e.t.Helper()
	e.awaitField(app+" with a role", func(f capture.Field) bool { return f.App == app && f.Role == role })
}

func (e *eyes) awaitStatus(name, state, code string) {
	e.t.Helper()
	e.await(name+" "+state+" "+code, func() bool {
		for _, row := range e.board.Rows() {
			if row.Sensor == name {
				return row.State.String() == state && row.Code == code
			}
		}
		return false
	})
}

// never checks that a secret, or its start, was nowhere captured.
func (e *eyes) never(secret string) {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, text := range e.texts {
		if strings.Contains(text, secret) {
			e.t.Errorf("the secret %q was captured in %q", secret, text)
		}
	}
}

func (e *eyes) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

// open starts a program, waits for its window and gives it the focus.
func (e *eyes) open(class, name string, args ...string) (*testdesktop.Proc, string) {
	e.t.Helper()
	p, err := e.d.Start(name, args...)
	e.must(err)
	w, err := e.d.Window(e.t.Context(), class)
	e.must(err)
	e.must(e.d.Activate(e.t.Context(), w))
	return p, w
}

func (e *eyes) typed(text string) {
	e.t.Helper()
	e.must(e.d.Type(e.t.Context(), text))
}

func (e *eyes) keys(keys ...string) {
	e.t.Helper()
	e.must(e.d.Key(e.t.Context(), keys...))
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "testdata", name)
}

func (e *eyes) openForm() {
	// Debian's own Python: it has the GTK bindings.
	e.open("form.py", "/usr/bin/python3", testdata(e.t, "form.py"))
}

func (e *eyes) openChromium() { e.openPage("page.html") }

func (e *eyes) openPage(name string) {
	e.open("chromium", "chromium", "--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-background-networking",
		"--user-data-dir="+filepath.Join(e.d.Dir(), "profile"), "file://"+testdata(e.t, name))
}
