package text

import (
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
)

var start = time.Unix(1_700_000_000, 0)

func after(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

var (
	editorText = atspi.Object{Ref: atspi.Ref{Sender: ":1.7", Path: "/text"}, Role: 61}.WithStates(atspi.StateEditable, atspi.StateFocused)
	secret     = atspi.Object{Ref: atspi.Ref{Sender: ":1.7", Path: "/secret"}, Role: atspi.RolePasswordText, Password: true}.WithStates(atspi.StateEditable, atspi.StateFocused)
	button     = atspi.Object{Ref: atspi.Ref{Sender: ":1.7", Path: "/button"}, Role: 43}.WithStates(atspi.StateFocused)
	vte        = atspi.Object{Ref: atspi.Ref{Sender: ":1.7", Path: "/vte"}, Role: atspi.RoleTerminal}.WithStates(atspi.StateFocused)
)

const editorPID = 7

func editor() Window {
	return Window{ID: 10, PID: editorPID, App: "editor", Class: "Editor", Title: "a file"}
}

// bench is a Fields with the bus up and process 7 on it.
type bench struct {
	*Fields
	inputs []capture.Input
	onBus  map[uint32]bool
	// echoOff and notTerminal are what the echo says.
	echoOff, notTerminal bool
}

// shows is the echo of a terminal that shows what is typed.
func shows(uint32, bool) (off, known bool) { return false, true }

func newBench() *bench {
	b := &bench{onBus: map[uint32]bool{editorPID: true}}
	b.Fields = NewFields(func(in capture.Input) { b.inputs = append(b.inputs, in) }, func(pid uint32) bool { return b.onBus[pid] },
		func(uint32, bool) (off, known bool) { return b.echoOff, !b.notTerminal })
	b.Bus(start, true)
	return b
}

// answer lets the next question be asked at a time, and answers it at once.
func (b *bench) answer(t *testing.T, ms int, o atspi.Object, err error) Query {
	t.Helper()
	q, ok := b.Due(after(ms))
	if !ok {
		t.Fatalf("no question is due at %d ms", ms)
	}
	b.Answer(after(ms), q, o, time.Millisecond, err)
	return q
}

func (b *bench) wantRole(t *testing.T, want capture.Role) {
	t.Helper()
	if b.field.Role != want {
		t.Errorf("role %d, want %d", b.field.Role, want)
	}
	last := b.inputs[len(b.inputs)-1]
	if last.Kind != capture.FieldChanged || last.Field != b.field {
		t.Errorf("last input %+v does not report the field %+v", last, b.field)
	}
}

// settled is a bench with the text field of the editor known.
func settled(t *testing.T) *bench {
	t.Helper()
	b := newBench()
	b.Window(start, editor())
	b.Focused(after(5), editorText.Ref, editorPID)
	b.answer(t, 5, editorText, nil)
	b.wantRole(t, capture.RoleText)
	return b
}
