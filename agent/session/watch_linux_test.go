package session

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	testdesktop "github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

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
	e.await("the lock", e.isLocked)
	e.typed("letmein9")
	e.keys("Return")
	i3lock.Kill()
	e.await("the end of the lock", func() bool { return !e.isLocked() })
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

// TestShownPasswordInChromium: what a page does when a password is to be seen
// opens nothing, neither a field of another type nor another element.
func TestShownPasswordInChromium(t *testing.T) {
	for _, key := range []string{"F8", "F9", "click"} {
		t.Run(key, func(t *testing.T) {
			e := startEyes(t, testdesktop.Options{})
			e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
			e.openPage("show.html")
			e.awaitRole("chromium", capture.RoleText)
			e.typed("pupil")
			e.awaitText("pupil")
			e.keys("Tab")
			e.awaitRole("chromium", capture.RolePassword)
			e.typed("qqzz")
			if key == "click" {
				_, err := e.d.Run(t.Context(), "sh", "-c", `w=$(xdotool getactivewindow) && eval "$(xdotool getwindowgeometry --shell $w)" &&
					xdotool mousemove --window $w $((WIDTH/2)) $((HEIGHT-HEIGHT/10)) click 1 key --delay 12 q z q z`)
				e.must(err)
			} else {
				e.keys(key)
			}
			e.typed("qzqzqz")
			// Long enough for the new object to be asked, and found to be one.
			e.awaitRole("chromium", capture.RolePassword)
			e.typed("zqzq")
			e.keys("Tab")
			e.awaitRole("chromium", capture.RoleText)
			e.typed("after")
			e.awaitText("after")
			e.never("q")
			e.never("z")
		})
	}
}

// TestSilentPromptInTmux: the outer terminal only says that it is raw.
func TestSilentPromptInTmux(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	ready := filepath.Join(e.d.Dir(), "ready")
	e.open("xterm", "xterm", "-e", "bash --norc")
	e.awaitRole("xterm", capture.RoleNone)
	e.typed("seen in bash")
	e.awaitText("seen in bash")
	e.keys("ctrl+u")
	e.typed("tmux -f /dev/null -S " + filepath.Join(e.d.Dir(), "tmux") + " new bash -c 'touch " + ready + "; read -s x; rm " + ready + "'")
	e.keys("Return")
	e.awaitFile(ready, true)
	e.typed("qwertyqwerty")
	e.keys("Return")
	e.awaitFile(ready, false)
	e.never("qw")
}

// TestTextThatKeysDoNotShow: a paste counts once, and typed text too, though
// the field tells of both.
func TestTextThatKeysDoNotShow(t *testing.T) {
	for _, program := range []string{"mousepad", "chromium"} {
		t.Run(program, func(t *testing.T) {
			e := startEyes(t, testdesktop.Options{})
			e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
			if program == "chromium" {
				e.openChromium()
			} else {
				e.open("mousepad", "mousepad")
			}
			e.awaitRole(program, capture.RoleText)
			_, err := e.d.Run(t.Context(), "sh", "-c", "printf 'from elsewhere' | xclip -selection clipboard >/dev/null 2>&1")
			e.must(err)
			e.typed("typed ")
			e.awaitText("typed ")
			e.keys("ctrl+v")
			e.awaitText("from elsewhere")
			e.typed(" and on")
			e.awaitText("from elsewhere and on")
			e.never("ttyped")
			e.never("onon")
			if program == "chromium" {
				e.keys("Tab")
				e.awaitRole("chromium", capture.RolePassword)
				_, err := e.d.Run(t.Context(), "sh", "-c", "printf 'hunter2' | xclip -selection clipboard >/dev/null 2>&1")
				e.must(err)
				e.keys("ctrl+v")
				e.keys("Tab")
				e.awaitRole("chromium", capture.RoleText)
				e.typed("after")
				e.awaitText("after")
				e.never("hunter2")
				e.never("••")
			}
		})
	}
}
