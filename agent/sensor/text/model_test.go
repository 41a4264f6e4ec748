package text

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
	"github.com/lapwing-schools/lapwing/internal/detect"
)

// world is an application with a text field and a password field, in one
// thread: it handles keys and questions in order, and at times is busy.
type world struct {
	now     time.Time
	busy    time.Time // handles nothing before
	focus   atspi.Object
	pending []event
	fields  *Fields
	machine *capture.Machine
	texts   []string
}

type event struct {
	at time.Time
	do func()
}

func (w *world) Match(text string, _ detect.Options) []detect.Hit {
	w.texts = append(w.texts, text)
	return nil
}

func newWorld() *world {
	w := &world{now: start, focus: editorText}
	w.machine = capture.New(capture.Config{}, w)
	w.machine.SetTold(true, time.Time{})
	w.fields = NewFields(func(in capture.Input) { w.machine.Step(in) }, func(uint32) bool { return true }, shows)
	w.fields.Bus(start, true)
	w.fields.Window(start, editor())
	return w
}

func (w *world) later(at time.Time, do func()) { w.pending = append(w.pending, event{at, do}) }

// advance lets everything happen until a time, in its order.
func (w *world) advance(until time.Time) {
	for {
		if q, ok := w.fields.Due(w.now); ok {
			w.ask(q)
		}
		next := until
		if at, ok := w.fields.Deadline(); ok && at.Before(next) {
			next = at
		}
		slices.SortStableFunc(w.pending, func(a, b event) int { return a.at.Compare(b.at) })
		if len(w.pending) > 0 && w.pending[0].at.Before(next) {
			next = w.pending[0].at
		}
		w.now = next
		if len(w.pending) > 0 && !w.pending[0].at.After(next) {
			e := w.pending[0]
			w.pending = w.pending[1:]
			e.do()
			continue
		}
		if at, ok := w.fields.Deadline(); ok && !at.After(next) {
			continue
		}
		if !next.Before(until) {
			return
		}
	}
}

// handled is when the application gets to what comes now.
func (w *world) handled() time.Time {
	if w.busy.After(w.now) {
		return w.busy
	}
	return w.now
}

func (w *world) ask(q Query) {
	asked := w.now
	at := w.handled().Add(2 * time.Millisecond)
	w.later(at, func() {
		o := w.focus
		if q.Ref != (atspi.Ref{}) && q.Ref != o.Ref {
			// The old object lives, without the focus.
			o = atspi.Object{Ref: q.Ref, Role: 61}.WithStates(atspi.StateEditable)
		}
		w.fields.Answer(w.now, q, o, w.now.Sub(asked), nil)
	})
}

// tab moves the focus when the application handles it; its event takes a
// while on the bus.
func (w *world) tab(bus time.Duration) {
	w.fields.Suspect(w.now)
	w.later(w.handled(), func() {
		w.focus = map[atspi.Ref]atspi.Object{editorText.Ref: secret, secret.Ref: editorText}[w.focus.Ref]
		ref := w.focus.Ref
		w.later(w.now.Add(bus), func() { w.fields.Focused(w.now, ref, editorPID) })
	})
}

func (w *world) key(r rune) {
	w.machine.Step(capture.Input{At: w.now, Kind: capture.Typed, Rune: r})
}

// TestPasswordNeverBecomesText types into both fields of applications of every
// speed. Upper case is what goes into the password.
func TestPasswordNeverBecomesText(t *testing.T) {
	captured := 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		w.advance(w.now.Add(time.Second))
		inSecret := false // where keys go, once the application has handled them
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"type", "type", "type", "tab", "wait", "busy"}).Draw(t, "step") {
			case "type":
				r := 'a'
				if inSecret {
					r = 'S'
				}
				w.key(r)
				w.advance(w.now.Add(time.Duration(rapid.IntRange(1, 150).Draw(t, "pause")) * time.Millisecond))
			case "tab":
				w.tab(time.Duration(rapid.IntRange(1, 150).Draw(t, "bus")) * time.Millisecond)
				inSecret = !inSecret
			case "wait":
				w.advance(w.now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "wait")) * time.Millisecond))
			case "busy":
				w.busy = w.handled().Add(time.Duration(rapid.IntRange(1, 2000).Draw(t, "busy")) * time.Millisecond)
			}
		}
		for _, text := range w.texts {
			if strings.Contains(text, "S") {
				t.Fatalf("the password was matched in %q", text)
			}
		}
		captured += len(w.texts)
	})
	if captured == 0 {
		t.Error("nothing at all was captured: this test cannot fail")
	}
}

// TestCalmTextIsNotLost: what is typed while nothing is unclear is captured,
// and so is what follows a Tab that did not move the focus.
func TestCalmTextIsNotLost(t *testing.T) {
	w := newWorld()
	w.advance(after(1000))
	for _, r := range "abc" {
		w.key(r)
		w.advance(w.now.Add(50 * time.Millisecond))
	}
	w.fields.Suspect(w.now)
	for _, r := range "def" {
		w.key(r)
		w.advance(w.now.Add(50 * time.Millisecond))
	}
	w.advance(w.now.Add(time.Second))
	longest := slices.MaxFunc(w.texts, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	if !slices.Contains(w.texts, "abc") || !slices.Contains(w.texts, "def") {
		t.Errorf("captured %q, longest %q", w.texts, longest)
	}
}
