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

	mu     sync.Mutex
	cond   *sync.Cond
	texts  []string
	inputs []capture.Input
}

func (e *eyes) Match(text string, _ detect.Options) []detect.Hit {
	e.texts = append(e.texts, text)
	return nil
}

func startEyes(t *testing.T, o testdesktop.Options) *eyes {
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
	e.start()
	return e
}

func (e *eyes) start() {
	cfg := Config{Desktop: DesktopOf(e.d.Getenv), Log: slog.New(slog.DiscardHandler), Now: time.Now}
	ctx, cancel := context.WithCancel(context.Background())
	inputs := make(chan capture.Input, maxInputs)
	var wg sync.WaitGroup
	wg.Go(func() { watch(ctx, cfg, e.board, inputs) })
	wg.Go(func() { e.feed(ctx, inputs) })
	e.t.Cleanup(func() { cancel(); wg.Wait() })
	e.awaitStatus(sensor.Window, "COVERAGE_STATE_OK", "")
}

func (e *eyes) feed(ctx context.Context, inputs <-chan capture.Input) {
	m := capture.New(capture.Config{}, e)
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

func (e *eyes) openChromium() {
	e.open("chromium", "chromium", "--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-background-networking",
		"--user-data-dir="+filepath.Join(e.d.Dir(), "profile"), "file://"+testdata(e.t, "page.html"))
}

func TestTypedTextIsExact(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.open("xterm", "xterm", "-e", "cat")
	e.awaitRole("xterm", capture.RoleNone)
	for _, tc := range []struct {
		name string
		do   func()
		want string
	}{
		{"shift and pound", func() { e.typed(`Hello World! "quoted" £5 @home #tag ~x |`) }, `Hello World! "quoted" £5 @home #tag ~x |`},
		{"backspace", func() { e.typed("abcx"); e.keys("BackSpace"); e.typed("d") }, "abcd"},
		{"caps lock", func() { e.keys("Caps_Lock"); e.keys("a", "b"); e.keys("Caps_Lock"); e.keys("c") }, "ABc"},
		{"AltGr", func() { e.typed("€æß") }, "€æß"},
		{"keypad", func() { e.keys("KP_1", "KP_Add", "KP_2") }, "1+2"},
		{"shortcuts are not text", func() { e.typed("ab"); e.keys("ctrl+l"); e.typed("cd") }, "cd"},
		{"arrows break the text", func() { e.typed("ab"); e.keys("Left"); e.typed("cd") }, "cd"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e.t = t
			e.keys("Return")
			tc.do()
			e.awaitText(tc.want)
		})
	}
	e.t = t
}

func TestLayoutChangesLive(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.open("xterm", "xterm", "-e", "cat")
	e.awaitRole("xterm", capture.RoleNone)
	run := func(args ...string) {
		_, err := e.d.Run(t.Context(), "setxkbmap", args...)
		e.must(err)
	}
	run("-layout", "fr")
	e.keys("Return")
	// The physical keys of q w e r on a British keyboard, by their codes.
	e.keys("24", "25", "26", "27")
	e.awaitText("azer")
	run("-layout", "gb,ru", "-option", "grp:shifts_toggle")
	e.keys("Return")
	e.typed("qй") // xdotool switches to the second layout for the second key
	e.awaitText("qй")
	run("-layout", "us", "-variant", "intl", "-option", "")
	e.keys("Return", "dead_acute", "e")
	e.awaitText("é")
	run("-layout", "gb")
	e.keys("Return")
	e.typed("£")
	e.awaitText("£")
}

func TestHeldKeyRepeats(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	out := filepath.Join(e.d.Dir(), "typed")
	e.open("xterm", "xterm", "-e", "cat > "+out)
	e.awaitRole("xterm", capture.RoleNone)
	_, err := e.d.Run(t.Context(), "xset", "r", "rate", "100", "50")
	e.must(err)
	_, err = e.d.Run(t.Context(), "xdotool", "keydown", "o", "sleep", "0.5", "keyup", "o")
	e.must(err)
	e.keys("Return", "ctrl+d")
	e.await("Return", func() bool {
		return slices.ContainsFunc(e.inputs, func(in capture.Input) bool { return in.Kind == capture.Enter })
	})
	got, err := e.d.Run(t.Context(), "sh", "-c", "until [ -s "+out+" ]; do sleep 0.02; done; cat "+out)
	e.must(err)
	var sensed int
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, in := range e.inputs {
		if in.Kind == capture.Typed && in.Rune == 'o' {
			sensed++
		}
	}
	// The server's repeat timer is late on a loaded machine, so the two numbers
	// only agree roughly; without the repeats there would be one.
	if n := len(got); sensed*2 < n || sensed > n*2 || n < 4 {
		t.Errorf("sensed %d, the terminal got %d", sensed, n)
	}
}

func TestTitles(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	shown := func(title string) func() bool {
		return func() bool {
			return slices.ContainsFunc(e.inputs, func(in capture.Input) bool {
				return in.Kind == capture.TitleShown && in.Text == title && in.Field.App == "xterm"
			})
		}
	}
	e.open("xterm", "xterm", "-T", "First title", "-e", `sh -c 'read x; printf "\033]0;Renamed – ünï\007"; cat'`)
	e.await("the first title", shown("First title"))
	e.awaitRole("xterm", capture.RoleNone)
	e.keys("Return")
	e.await("the new title", shown("Renamed – ünï"))
	e.awaitField("the field's new title", func(f capture.Field) bool { return f.Title == "Renamed – ünï" })
}

func TestTerminalWithoutEcho(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.open("xterm", "xterm", "-e", "bash --norc")
	e.awaitRole("xterm", capture.RoleNone)
	ready := filepath.Join(e.d.Dir(), "ready")
	e.typed("echo visible")
	e.awaitText("echo visible")
	e.keys("Return")
	e.typed("touch " + ready + "; read -s x; rm " + ready)
	e.keys("Return")
	e.awaitFile(ready, true)
	e.typed("hunter2secret")
	e.keys("Return")
	e.awaitFile(ready, false)
	e.typed("echo again")
	e.awaitText("echo again")
	e.never("hun")
}

func (e *eyes) awaitFile(path string, there bool) {
	e.t.Helper()
	cond := "until [ -e " + path + " ]; do sleep 0.02; done"
	if !there {
		cond = "while [ -e " + path + " ]; do sleep 0.02; done"
	}
	_, err := e.d.Run(e.t.Context(), "timeout", "20", "sh", "-c", cond)
	e.must(err)
}

func TestGTKPasswordIsNeverText(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
	e.openForm()
	e.awaitField("the text field", func(f capture.Field) bool { return f.App == "form.py" && f.Role == capture.RoleText })
	e.typed("name")
	e.awaitText("name")
	// Without a pause: the password's first key follows Tab at once.
	e.keys("Tab", "s", "e", "s", "a", "m", "e")
	e.awaitRole("form.py", capture.RolePassword)
	e.typed("opendoor")
	e.keys("Tab")
	e.awaitRole("form.py", capture.RoleText)
	e.typed("after")
	e.awaitText("after")
	for _, secret := range []string{"s", "ses", "open", "door"} {
		e.never(secret)
	}
}

func TestChromiumPasswordIsNeverText(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
	e.openChromium()
	e.awaitField("the page's text field with its address", func(f capture.Field) bool {
		return f.App == "chromium" && f.Role == capture.RoleText && strings.HasSuffix(f.Address, "page.html")
	})
	e.typed("pupil")
	e.awaitText("pupil")
	e.keys("Tab", "q", "w", "x", "y", "z")
	e.awaitRole("chromium", capture.RolePassword)
	e.typed("hunter2")
	e.keys("Tab")
	e.awaitRole("chromium", capture.RoleText)
	e.typed("Essay text")
	e.awaitText("Essay text")
	for _, secret := range []string{"q", "w", "z", "hunt", "2"} {
		e.never(secret)
	}
}

func TestNothingWhileLocked(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.open("xterm", "xterm", "-e", "cat")
	e.awaitRole("xterm", capture.RoleNone)
	e.typed("before")
	e.awaitText("before")
	i3lock, err := e.d.Start("i3lock", "--nofork", "--color=000000")
	e.must(err)
	locked := func(kind capture.InputKind) func() bool {
		return func() bool {
			return slices.ContainsFunc(e.inputs, func(in capture.Input) bool { return in.Kind == kind })
		}
	}
	e.await("the lock", locked(capture.ScreenLocked))
	e.typed("letmein9")
	e.keys("Return")
	i3lock.Kill()
	e.await("the end of the lock", locked(capture.ScreenUnlocked))
	e.typed("after")
	e.awaitText("after")
	e.never("let")
	e.mu.Lock()
	defer e.mu.Unlock()
	var open bool
	for _, in := range e.inputs {
		switch in.Kind {
		case capture.ScreenLocked:
			open = true
		case capture.ScreenUnlocked:
			open = false
		case capture.Typed, capture.Enter, capture.Backspace:
			if open {
				t.Errorf("a key came out while locked: %+v", in)
			}
		}
	}
}

func TestFailsClosedWithoutTheBus(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
	e.openForm()
	e.awaitRole("form.py", capture.RoleText)
	e.typed("seen")
	e.awaitText("seen")
	pid, err := e.d.Run(t.Context(), "pgrep", "-f", "-n", "-P", e.launcher(), "dbus-daemon")
	e.must(err)
	_, err = e.d.Run(t.Context(), "kill", "-9", pid)
	e.must(err)
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_LIMITED", "a11y_bus_lost")
	e.awaitRole("form.py", capture.RoleDenied)
	e.typed("unseen")
	e.open("xterm", "xterm", "-e", "cat")
	e.awaitRole("xterm", capture.RoleNone)
	e.typed("terminal")
	e.awaitText("terminal")
	e.never("un")
}

// launcher returns the process that started the accessibility bus.
func (e *eyes) launcher() string {
	e.t.Helper()
	out, err := e.d.Run(e.t.Context(), "sh", "-c", `for p in $(pgrep at-spi-bus-laun); do tr '\0' '\n' < /proc/$p/environ | grep -qx "DISPLAY=`+e.d.Display()+`" && echo $p; done; true`)
	e.must(err)
	if len(strings.Fields(out)) != 1 {
		e.t.Fatalf("launchers of this desktop: %q", out)
	}
	return out
}

func TestNoAccessibilityBusAtAll(t *testing.T) {
	e := startEyes(t, testdesktop.Options{NoAccessibility: true})
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_LIMITED", "a11y_bus_missing")
	e.open("mousepad", "mousepad")
	e.awaitRole("mousepad", capture.RoleDenied)
	e.typed("unseen")
	e.open("xterm", "xterm", "-e", "cat")
	e.awaitRole("xterm", capture.RoleNone)
	e.typed("seen")
	e.awaitText("seen")
	e.never("un")
}

func TestMousepadText(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
	e.open("mousepad", "mousepad")
	e.awaitRole("mousepad", capture.RoleText)
	e.typed("first line")
	e.awaitText("first line")
	// What follows Enter at once is held until the field is confirmed, not lost.
	e.keys("Return", "x", "y", "z")
	e.awaitText("xyz")
	e.typed(" one two")
	e.keys("ctrl+BackSpace")
	e.typed("three")
	e.awaitText("xyz one three")
}

// TestClickIntoAPassword: the mouse moves the focus, and typing follows at once.
func TestClickIntoAPassword(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
	e.openForm()
	e.awaitRole("form.py", capture.RoleText)
	e.typed("name")
	e.awaitText("name")
	w, err := e.d.Window(t.Context(), "form.py")
	e.must(err)
	// The lower of the two fields, near the window's bottom.
	_, err = e.d.Run(t.Context(), "sh", "-c", `eval "$(xdotool getwindowgeometry --shell `+w+`)"; xdotool mousemove --window `+w+` $((WIDTH/2)) $((HEIGHT-10)) click 1 key --delay 12 q z q z`)
	e.must(err)
	e.awaitRole("form.py", capture.RolePassword)
	e.typed("qzqz")
	e.keys("Tab")
	e.awaitRole("form.py", capture.RoleText)
	e.typed("after")
	e.awaitText("after")
	e.never("q")
	e.never("z")
}

// TestToolkitWithoutItsBridge: a GTK program that keeps off the accessibility
// bus is not taken for one that has no password fields.
func TestToolkitWithoutItsBridge(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
	e.open("mousepad", "env", "NO_AT_BRIDGE=1", "GTK_MODULES=", "mousepad", "--disable-server")
	e.awaitRole("mousepad", capture.RoleDenied)
	e.typed("unseen")
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_LIMITED", "role_unavailable")
	e.never("un")
}
