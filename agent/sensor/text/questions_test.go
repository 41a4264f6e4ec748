package text

import (
	"context"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
)

var pane = atspi.Object{Ref: atspi.Ref{Sender: ":1.7", Path: "/pane"}, Role: 46}.WithStates(atspi.StateFocused)

// TestAReplacedQuestionSaysNothing: a focus event comes while the window's focus is
// searched for, which is then broken off. The event's answer stands: featherpad
// was taken for a program without a text field half a second later.
func TestAReplacedQuestionSaysNothing(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    atspi.Object
		err  error
	}{
		{"broken off", atspi.Object{}, context.Canceled},
		{"answered all the same", button, nil},
		{"a field that the focus has left", editorText, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench()
			b.Window(start, editor())
			search, _ := b.Due(start)
			b.Focused(after(5), secret.Ref, editorPID)
			b.Answer(after(6), search, tc.o, time.Millisecond, tc.err)
			b.wantRole(t, capture.RolePending)
			b.answer(t, 7, secret, nil)
			b.wantRole(t, capture.RolePassword)
			for ms := 8; ms < 5000; ms += 100 {
				if q, ok := b.Due(after(ms)); ok && q.Ref == (atspi.Ref{}) {
					t.Fatalf("searches for the focus again after %d ms", ms)
				}
			}
		})
	}
}

// TestWhatHoldsTheFieldIsNotTheField: LibreOffice says that its root pane has
// the focus after it said so of the paragraph.
func TestWhatHoldsTheFieldIsNotTheField(t *testing.T) {
	for _, tc := range []struct {
		name   string
		within atspi.Object
		err    error
		want   capture.Role
	}{
		{"text", editorText, nil, capture.RoleText},
		{"password", secret, nil, capture.RolePassword},
		{"nothing else", pane, nil, capture.RoleDenied},
		{"nothing is found", atspi.Object{}, atspi.ErrNoFocus, capture.RoleDenied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := settled(t)
			b.Focused(after(100), pane.Ref, editorPID)
			b.answer(t, 101, pane, nil)
			b.wantRole(t, capture.RolePending)
			if q := b.answer(t, 102, tc.within, tc.err); q.Ref != (atspi.Ref{}) {
				t.Errorf("asked for %v", q.Ref)
			}
			b.wantRole(t, tc.want)
			if tc.want != capture.RoleDenied {
				return
			}
			b.answer(t, 700, editorText, nil) // the paragraph has it again
			b.wantRole(t, capture.RoleText)
		})
	}
}

// A button is no holder: nothing is searched for each time one has the focus.
func TestAButtonIsTakenAtItsWord(t *testing.T) {
	b := settled(t)
	b.Focused(after(100), button.Ref, editorPID)
	b.answer(t, 101, button, nil)
	b.wantRole(t, capture.RoleDenied)
	if q, ok := b.Due(after(5000)); ok {
		t.Errorf("asks %+v", q)
	}
}

// TestAPasswordIsAskedAgainWhereItStands: Firefox does not know at first. Where
// the password field was known to stand, a field elsewhere is not taken for it.
func TestAPasswordIsAskedAgainWhereItStands(t *testing.T) {
	b := settled(t)
	b.Focused(after(100), secret.Ref, editorPID)
	b.answer(t, 101, secret, nil)
	placed := secret
	placed.Place = atspi.Place{X: 10, Y: 10, Width: 100, Height: 20}
	if q := b.answer(t, 700, placed, nil); q.Ref != secret.Ref {
		t.Errorf("asked for %v", q.Ref)
	}
	b.wantRole(t, capture.RolePassword)
	if _, ok := b.Due(after(5000)); ok {
		t.Error("asks on although the place is known")
	}
	next := editorText
	next.Place = atspi.Place{X: 10, Y: 80, Width: 100, Height: 20}
	b.Focused(after(6000), next.Ref, editorPID)
	b.answer(t, 6001, next, nil)
	b.wantRole(t, capture.RoleText)
}

// TestTextThatGoesNowhereIsTold: a program may be on the bus and name something
// else than its text as what has the focus; a device like that is not well.
func TestTextThatGoesNowhereIsTold(t *testing.T) {
	write := func(b *bench, n int) {
		for range n {
			b.Typed()
		}
	}
	b := settled(t)
	write(b, 100)
	if b.Unseen() {
		t.Error("text that is seen is told as unseen")
	}
	b.Focused(after(100), button.Ref, editorPID)
	b.answer(t, 101, button, nil)
	write(b, 5) // the first letters of a name in a list
	if b.Unseen() {
		t.Error("a few keys are told")
	}
	b.Suspect(after(200)) // Enter
	write(b, 15)
	b.answer(t, 500, button, nil)
	if !b.Unseen() {
		t.Error("text that went to a button is not told")
	}
	b.Focused(after(600), editorText.Ref, editorPID)
	if !b.Unseen() {
		t.Error("told as seen before the field is known")
	}
	b.answer(t, 601, editorText, nil)
	if b.Unseen() {
		t.Error("still told after a field of text got the focus")
	}
	b.Away(after(700))
	write(b, 100)
	if b.Unseen() {
		t.Error("told of a window that does not have the keys")
	}
	b.Back(after(800))
	b.Window(after(900), editor())
	if b.Unseen() {
		t.Error("told of the window before")
	}
}

// TestAnAddressThatComesLateIsAskedForAgain: without it a helpline is no harbour.
func TestAnAddressThatComesLateIsAskedForAgain(t *testing.T) {
	b := newBench()
	b.Window(start, Window{ID: 1, PID: editorPID, App: "firefox", Title: "One"})
	b.Focused(after(1), editorText.Ref, editorPID)
	b.answer(t, 1, editorText, nil)
	b.wantRole(t, capture.RoleText)
	id := b.field.ID
	found := editorText
	found.Address = "https://one.example/"
	b.answer(t, 501, found, nil)
	b.wantRole(t, capture.RoleText)
	if b.field.Address != found.Address || b.field.ID != id {
		t.Errorf("field %+v", b.field)
	}
	if _, ok := b.Due(after(5000)); ok {
		t.Error("asks on although the address is known")
	}
	// The program told of this field; one that follows soon proves nothing wrong.
	b.Focused(after(600), button.Ref, editorPID)
	for _, in := range b.inputs {
		if in.Field.Role == capture.RolePassword {
			t.Error("what was typed is withdrawn")
		}
	}
}

// TestTheFieldAfterAPasswordIsPlaced: a field of which it is not known yet where
// it stands may be the password, shown; when it is known, it is the next field,
// and no key that waited for that was dropped.
func TestTheFieldAfterAPasswordIsPlaced(t *testing.T) {
	b := settled(t)
	placed := secret
	placed.Place = atspi.Place{X: 10, Y: 10, Width: 100, Height: 20}
	b.Focused(after(100), secret.Ref, editorPID)
	b.answer(t, 101, placed, nil)
	b.Suspect(after(2000)) // Tab
	id := b.field.ID
	next := atspi.Object{Ref: atspi.Ref{Sender: ":1.7", Path: "/next"}, Role: 79, Place: atspi.Place{X: -1, Y: -1, Width: -1, Height: -1}}.
		WithStates(atspi.StateEditable, atspi.StateFocused)
	b.Focused(after(2010), next.Ref, editorPID)
	b.answer(t, 2015, next, nil)
	b.wantRole(t, capture.RolePending)
	next.Place = atspi.Place{X: 10, Y: 60, Width: 100, Height: 20}
	b.answer(t, 2099, next, nil)
	b.wantRole(t, capture.RoleText)
	if b.field.ID != id {
		t.Error("the keys that waited were of another field")
	}
}

// TestAPasteWhileItIsAskedWhatHoldsTheText: the paragraph tells of it, and was the
// text before and after.
func TestAPasteWhileItIsAskedWhatHoldsTheText(t *testing.T) {
	b := settled(t)
	b.Focused(after(100), pane.Ref, editorPID)
	id := b.field.ID
	if !b.Takes(editorText.Ref, editorPID) {
		t.Error("text of the field before is not taken")
	}
	if b.Takes(button.Ref, editorPID) {
		t.Error("text of any other object is taken")
	}
	b.answer(t, 101, pane, nil)
	b.answer(t, 102, editorText, nil)
	b.wantRole(t, capture.RoleText)
	if b.field.ID != id {
		t.Error("what was pasted belongs to another field")
	}
	b.Focused(after(200), secret.Ref, editorPID)
	b.answer(t, 201, secret, nil)
	b.Suspect(after(300))
	if b.Takes(editorText.Ref, editorPID) {
		t.Error("text of a field before the password is taken")
	}
}

// Reading may be put off only where nothing but an event can tell more of the
// field, and never where each key is looked at beside the echo of its moment.
func TestSettled(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*bench)
		want bool
	}{
		{"text", func(b *bench) { b.Focused(after(5), editorText.Ref, editorPID); b.answer(t, 5, editorText, nil) }, true},
		{"not known yet", func(*bench) {}, false},
		{"after Tab", func(b *bench) {
			b.Focused(after(5), editorText.Ref, editorPID)
			b.answer(t, 5, editorText, nil)
			b.Suspect(after(900))
		}, false},
		{"a question is open", func(b *bench) {
			b.Focused(after(5), button.Ref, editorPID)
			b.answer(t, 5, button, nil)
			b.ask(after(900), Query{})
		}, false},
		{"a terminal", func(b *bench) { b.Window(after(5), Window{ID: 1, PID: 8, App: "xterm"}) }, false},
		{"a terminal whose echo is not known", func(b *bench) {
			b.Fields.echo = func(uint32, bool) (off, known bool) { return false, false }
			b.Window(after(5), Window{ID: 1, PID: 8, App: "xterm"})
		}, false},
		{"a program that may still join the bus", func(b *bench) { b.Window(after(5), Window{ID: 1, PID: 8, App: "game"}) }, false},
	} {
		b := newBench()
		b.Window(start, editor())
		tc.do(b)
		if got := b.Settled(); got != tc.want {
			t.Errorf("%s: settled %v, want %v", tc.name, got, tc.want)
		}
	}
}
