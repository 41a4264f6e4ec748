package text

import (
	"errors"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
	"github.com/lapwing-schools/lapwing/agent/sensor/x11"
)

func TestSuspicionHoldsAtOnce(t *testing.T) {
	b := settled(t)
	before := b.field.ID
	b.Suspect(after(100))
	b.wantRole(t, capture.RolePending)
	if b.field.ID == before {
		t.Error("a new field may be the old one")
	}
	if _, ok := b.Due(after(299)); ok {
		t.Error("asked before the application had time to tell")
	}
	b.answer(t, 300, editorText, nil)
	b.wantRole(t, capture.RoleText)
}

// Enter is text where there are many lines, and may move the focus where there
// is one. Only what is known to be text counts as such.
func TestEnterInManyLines(t *testing.T) {
	many := editorText.WithStates(atspi.StateEditable, atspi.StateFocused, atspi.StateMultiLine)
	hidden := secret.WithStates(atspi.StateEditable, atspi.StateFocused, atspi.StateMultiLine)
	tests := []struct {
		name   string
		object atspi.Object
		key    x11.Key
		want   capture.Role
	}{
		{"many lines", many, x11.Key{Keysym: x11.KeyReturn}, capture.RoleText},
		{"many lines, line feed", many, x11.Key{Keysym: x11.KeyLinefeed}, capture.RoleText},
		{"many lines, with Ctrl", many, x11.Key{Keysym: x11.KeyReturn, Control: true}, capture.RolePending},
		{"many lines, Tab", many, x11.Key{Keysym: x11.KeyTab}, capture.RolePending},
		{"one line", editorText, x11.Key{Keysym: x11.KeyReturn}, capture.RolePending},
		{"a password of many lines", hidden, x11.Key{Keysym: x11.KeyReturn}, capture.RolePending},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			b.Window(start, editor())
			b.answer(t, 300, tt.object, nil)
			typist := NewTypist(func(capture.Input) {}, b.Fields)
			typist.Press(after(400), x11.KeyPress{}, tt.key, nil)
			b.wantRole(t, tt.want)
		})
	}
}

func TestFocusEventEndsSuspicion(t *testing.T) {
	b := settled(t)
	b.Suspect(after(100))
	b.Focused(after(110), secret.Ref, editorPID)
	b.wantRole(t, capture.RolePending)
	b.answer(t, 110, secret, nil)
	b.wantRole(t, capture.RolePassword)
}

func TestSilenceOfABusyApplicationMeansNothing(t *testing.T) {
	b := settled(t)
	b.Suspect(after(100))
	q, _ := b.Due(after(300))
	b.Answer(after(380), q, editorText, 80*time.Millisecond, nil)
	b.wantRole(t, capture.RolePending)
	b.answer(t, 380, editorText, nil)
	b.wantRole(t, capture.RoleText)
}

// GTK tells of the object that lost the focus first: that too says that what was
// typed since the suspicion went elsewhere.
func TestLateLossOfFocusTakesTheFieldBack(t *testing.T) {
	for _, tt := range []struct {
		ms   int
		want capture.Role
	}{{310, capture.RolePassword}, {2100, capture.RoleText}} {
		b := settled(t)
		b.Suspect(after(100))
		b.answer(t, 300, editorText, nil)
		suspected := b.field.ID
		b.Blurred(after(tt.ms), editorText.Ref, editorPID)
		b.wantRole(t, capture.RolePending)
		var last capture.Field
		for _, in := range b.inputs {
			if in.Field.ID == suspected {
				last = in.Field
			}
		}
		if last.Role != tt.want || b.field.ID == suspected {
			t.Errorf("after %d ms the field has the role %d at last, want %d", tt.ms, last.Role, tt.want)
		}
	}
}

func TestLateFocusEventTakesTheFieldBack(t *testing.T) {
	b := settled(t)
	b.Suspect(after(100))
	b.answer(t, 300, editorText, nil)
	id := b.field.ID
	n := len(b.inputs)
	b.Focused(after(900), secret.Ref, editorPID)
	if got := b.inputs[n].Field; got.ID != id || got.Role != capture.RolePassword {
		t.Errorf("the first report is %+v, want the same field as a password", got)
	}
	b.wantRole(t, capture.RolePending)
	if b.field.ID == id {
		t.Error("the new field has the old one's id")
	}
}

func TestOldFocusThatWasLostIsNotTrusted(t *testing.T) {
	b := settled(t)
	b.Suspect(after(100))
	unfocused := atspi.Object{Ref: editorText.Ref, Role: 61}.WithStates(atspi.StateEditable)
	b.answer(t, 300, unfocused, nil)
	b.wantRole(t, capture.RolePending)
	q, ok := b.Due(after(300))
	if !ok || q.Ref != (atspi.Ref{}) {
		t.Fatalf("question %+v %v, want one for whatever has the focus", q, ok)
	}
	b.Answer(after(301), q, secret, time.Millisecond, nil)
	b.wantRole(t, capture.RolePassword)
}

func TestPasswordStaysOne(t *testing.T) {
	b := settled(t)
	b.Focused(after(100), secret.Ref, editorPID)
	b.answer(t, 100, secret, nil)
	shown := atspi.Object{Ref: secret.Ref, Role: 79}.WithStates(atspi.StateEditable, atspi.StateFocused)
	b.Suspect(after(1000)) // the click on "show password"
	b.answer(t, 1200, shown, nil)
	b.wantRole(t, capture.RolePassword)
}

func TestStaleAnswersAreIgnored(t *testing.T) {
	b := newBench()
	b.Window(start, editor())
	q, _ := b.Due(start)
	b.Suspect(after(10))
	b.Answer(after(20), q, editorText, time.Millisecond, nil)
	b.wantRole(t, capture.RolePending)
}

func TestOtherProgramsDoNotMoveTheField(t *testing.T) {
	b := settled(t)
	n := len(b.inputs)
	b.Focused(after(50), atspi.Ref{Sender: ":1.9", Path: "/x"}, 9)
	b.Blurred(after(60), atspi.Ref{Sender: ":1.9", Path: "/x"}, 9)
	b.Focused(after(70), editorText.Ref, editorPID) // GTK says it twice
	if len(b.inputs) != n {
		t.Errorf("reported %+v", b.inputs[n:])
	}
}

func TestUnansweredStaysShut(t *testing.T) {
	b := newBench()
	b.Window(start, editor())
	for ms := 0; ms < 60_000; ms += 100 {
		if q, ok := b.Due(after(ms)); ok {
			b.Answer(after(ms), q, atspi.Object{}, time.Millisecond, errors.New("no answer"))
		}
		b.wantRole(t, capture.RolePending)
	}
	if _, ok := b.Deadline(); ok {
		t.Error("asks for ever")
	}
}

func TestEventOfAnEarlierTabIsNotTakenForTheLater(t *testing.T) {
	b := settled(t)
	b.Suspect(after(100))
	b.Suspect(after(120))
	b.Focused(after(125), editorText.Ref, editorPID) // of which of the two?
	if q, ok := b.Due(after(319)); ok {
		t.Fatalf("asked %+v before the later one settled", q)
	}
	b.wantRole(t, capture.RolePending)
	b.answer(t, 320, editorText, nil)
	b.wantRole(t, capture.RoleText)
}

// What a field says of itself after Tab was pressed in it is not text of the
// field that gets the focus then; of one known as a password it is nobody's.
func TestTextOfTheFieldBeforeIsNotTaken(t *testing.T) {
	b := settled(t)
	b.Focused(after(100), secret.Ref, editorPID)
	b.Suspect(after(105)) // Tab, before it is known what the field is
	pending := b.field.ID
	if !b.Takes(secret.Ref, editorPID) {
		t.Fatal("a field that may turn out to be text takes nothing")
	}
	b.Focused(after(110), editorText.Ref, editorPID)
	if b.field.ID == pending {
		t.Error("what the password field said stays with the next field")
	}
	b.answer(t, 120, editorText, nil)
	b.wantRole(t, capture.RoleText)

	b.Focused(after(200), secret.Ref, editorPID)
	b.answer(t, 210, secret, nil)
	b.wantRole(t, capture.RolePassword)
	b.Suspect(after(300))
	if b.Takes(secret.Ref, editorPID) {
		t.Error("text of a known password field is taken")
	}
}
