package session

import (
	"slices"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	testdesktop "github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

// paste puts a text on the clipboard and presses Ctrl+V.
func (e *eyes) paste(text string) {
	e.t.Helper()
	_, err := e.d.Run(e.t.Context(), "sh", "-c", "printf '"+text+"' | xclip -selection clipboard >/dev/null 2>&1")
	e.must(err)
	e.keys("ctrl+v")
}

// fragments are the texts that were matched, each at its longest, without titles.
// The caller holds e.mu.
func (e *eyes) fragments() []string {
	var all []string
	for _, text := range e.texts {
		title := slices.ContainsFunc(e.inputs, func(in capture.Input) bool { return in.Kind == capture.TitleShown && in.Text == text })
		switch n := len(all); {
		case title:
		case n > 0 && strings.HasPrefix(text, all[n-1]):
			all[n-1] = text
		default:
			all = append(all, text)
		}
	}
	return all
}

// reported is all that the sensor reported as typed or inserted. The caller holds e.mu.
func (e *eyes) reported() string {
	var b strings.Builder
	for _, in := range e.inputs {
		switch in.Kind {
		case capture.Typed:
			b.WriteRune(in.Rune)
		case capture.Inserted:
			b.WriteString(in.Text)
		}
	}
	return b.String()
}

// seesEachTextOnce types into an editor that has the focus, pastes what is longer
// than that, and types on in the next line: nothing may be lost, nothing may come
// twice. The last text is there so that what comes twice late is seen for all
// that matters.
func (e *eyes) seesEachTextOnce() {
	e.t.Helper()
	e.typed("One ")
	e.awaitText("One ")
	e.paste("from elsewhere")
	e.awaitText("from elsewhere")
	e.typed(" and on")
	e.awaitText("from elsewhere and on")
	e.keys("Return")
	want := []string{"One ", "from elsewhere and on", ""}
	for _, more := range []string{"Line two", " ends"} {
		e.typed(more)
		want[len(want)-1] += more
		e.awaitText(want[len(want)-1])
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if got := e.fragments(); !slices.Equal(got, want) {
		e.t.Errorf("captured %q, want %q", got, want)
	}
	if got, want := e.reported(), strings.Join(want, ""); got != want {
		e.t.Errorf("reported %q, want %q", got, want)
	}
}

// TestEditorsOfOtherToolkits: GTK 4 and Qt 5, whose tabs and frames say that they
// have the focus when the text has it.
func TestEditorsOfOtherToolkits(t *testing.T) {
	for _, program := range []string{"gnome-text-editor", "featherpad"} {
		t.Run(program, func(t *testing.T) {
			e := startEyes(t, testdesktop.Options{})
			e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
			e.open(program, program)
			e.awaitRole(program, capture.RoleText)
			e.seesEachTextOnce()
		})
	}
}

// TestPasswordsOfOtherToolkits: typed at once after Tab, pasted, and while shown.
func TestPasswordsOfOtherToolkits(t *testing.T) {
	for _, form := range []string{"form_gtk4.py", "form_qt.py"} {
		t.Run(form, func(t *testing.T) {
			e := startEyes(t, testdesktop.Options{})
			e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
			e.open(form, "/usr/bin/python3", testdata(t, form))
			e.awaitRole(form, capture.RoleText)
			e.typed("name")
			e.awaitText("name")
			e.keys("Tab", "s", "e", "s", "a", "m", "e")
			e.awaitRole(form, capture.RolePassword)
			e.typed("opendoor")
			e.keys("F8")
			e.typed("quick")
			e.awaitRole(form, capture.RolePassword)
			e.typed("zebra")
			e.paste("hunter2")
			e.keys("Tab")
			e.awaitRole(form, capture.RoleText)
			e.typed("after")
			e.awaitText("after")
			for _, secret := range []string{"s", "open", "q", "z", "hunt", "••"} {
				e.never(secret)
			}
		})
	}
}
