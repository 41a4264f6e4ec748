package text

import (
	"errors"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
	"github.com/lapwing-schools/lapwing/agent/sensor/x11"
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

func TestRoleOfAWindow(t *testing.T) {
	onBus := func(b *bench) {}
	busDown := func(b *bench) { b.Bus(start, false) }
	for _, tc := range []struct {
		name    string
		window  Window
		prepare func(*bench)
		want    capture.Role
	}{
		{"no window", Window{}, onBus, capture.RoleDenied},
		{"accessible, not known yet", editor(), onBus, capture.RolePending},
		{"accessible, bus down", editor(), busDown, capture.RoleDenied},
		{"terminal", Window{ID: 1, PID: 8, App: "xterm"}, onBus, capture.RoleNone},
		{"terminal, bus down", Window{ID: 1, PID: 8, App: "xterm"}, busDown, capture.RoleNone},
		{"terminal by its class only", Window{ID: 1, PID: 8, App: "wrapper", Class: "XTerm"}, onBus, capture.RoleNone},
		{"browser that is not on the bus", Window{ID: 1, PID: 8, App: "chromium"}, onBus, capture.RoleDenied},
		{"browser by its class only", Window{ID: 1, PID: 8, App: "notes", Class: "Firefox"}, onBus, capture.RoleDenied},
		{"browser that calls itself a terminal", Window{ID: 1, PID: 8, App: "chromium", Class: "XTerm"}, onBus, capture.RoleDenied},
		{"unknown program, may still join", Window{ID: 1, PID: 8, App: "game"}, onBus, capture.RolePending},
		{"unknown program, bus down", Window{ID: 1, PID: 8, App: "game"}, busDown, capture.RoleDenied},
		{"window of another machine", Window{ID: 1, App: "xterm", Remote: true}, onBus, capture.RoleDenied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench()
			tc.prepare(b)
			b.Window(start, tc.window)
			b.wantRole(t, tc.want)
		})
	}
}

func TestPromptIsKnown(t *testing.T) {
	b := newBench()
	b.Window(start, Window{ID: 1, PID: editorPID, App: "pinentry-gtk-2"})
	if !b.field.PromptKnown {
		t.Error("a password prompt is not known as one")
	}
}

func TestRoleOfAnObject(t *testing.T) {
	for _, tc := range []struct {
		name   string
		object atspi.Object
		want   capture.Role
	}{
		{"text", editorText, capture.RoleText},
		{"password", secret, capture.RolePassword},
		{"button", button, capture.RoleDenied},
		{"terminal widget, by its echo", vte, capture.RoleNone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench()
			b.Window(start, editor())
			b.Focused(after(5), tc.object.Ref, editorPID)
			b.answer(t, 5, tc.object, nil)
			b.wantRole(t, tc.want)
		})
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

func TestToolkitThatIsNotOnTheBusIsDenied(t *testing.T) {
	b := newBench()
	b.Window(start, Window{ID: 1, PID: 8, App: "unbridged"})
	b.Due(after(250))
	b.wantRole(t, capture.RoleDenied)
	if !b.Unseen() {
		t.Error("coverage does not tell")
	}
}

func TestLateJoinerIsTakenForAccessible(t *testing.T) {
	b := newBench()
	b.Window(start, Window{ID: 1, PID: 8, App: "game", Plain: true})
	if _, ok := b.Due(after(250)); ok {
		t.Error("asked a program that is not on the bus")
	}
	b.wantRole(t, capture.RoleNone)
	b.onBus[8] = true
	b.Joined(after(400), 8)
	b.wantRole(t, capture.RolePending)
}

func TestAwayIsDenied(t *testing.T) {
	b := settled(t)
	b.Away(after(100))
	b.wantRole(t, capture.RoleDenied)
	b.Focused(after(110), editorText.Ref, editorPID)
	b.wantRole(t, capture.RoleDenied)
	b.Back(after(200))
	b.wantRole(t, capture.RolePending)
}

func TestLostBusDenies(t *testing.T) {
	b := settled(t)
	b.Bus(after(100), false)
	b.wantRole(t, capture.RoleDenied)
	b.Bus(after(200), true)
	b.wantRole(t, capture.RolePending)
}

func TestEchoBeginsAField(t *testing.T) {
	b := newBench()
	b.Window(start, Window{ID: 1, PID: 8, App: "xterm", Title: "sh"})
	before := b.field
	b.Echo(after(10), false) // still shown
	if b.field != before {
		t.Error("no change began a field")
	}
	b.echoOff = true
	b.Echo(after(20), false)
	if !b.field.EchoOff || b.field.ID == before.ID || b.field.Role != capture.RoleNone || b.field.Title != "sh" {
		t.Errorf("field %+v", b.field)
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

// TestOnlyTerminalsHaveNoRole: a program without accessible objects is captured
// only when it holds a pseudo-terminal that shows what is typed.
func TestOnlyTerminalsHaveNoRole(t *testing.T) {
	for _, app := range []string{"xterm", "xfreerdp", "vncviewer", "game"} {
		t.Run(app, func(t *testing.T) {
			b := newBench()
			b.notTerminal = true
			b.Window(start, Window{ID: 1, PID: 8, App: app, Plain: true})
			b.Due(after(300))
			b.wantRole(t, capture.RoleDenied)
			if !b.Unseen() {
				t.Error("coverage does not tell")
			}
			b.Echo(after(400), true)
			b.wantRole(t, capture.RoleDenied)
			b.notTerminal = false // its pseudo-terminal is there now
			b.Echo(after(500), true)
			b.wantRole(t, capture.RoleNone)
		})
	}
}

// TestHeldKeysOfATerminalMeetItsEcho: keys that waited for the role are not
// let go into a prompt that came meanwhile.
func TestHeldKeysOfATerminalMeetItsEcho(t *testing.T) {
	b := newBench()
	b.Window(start, editor())
	b.echoOff = true
	b.Focused(after(5), vte.Ref, editorPID)
	b.answer(t, 5, vte, nil)
	b.wantRole(t, capture.RoleNone)
	if !b.field.EchoOff {
		t.Error("a silent prompt is taken for text")
	}
}

// TestOnlyWhatHasTheFocusIsText: an object that was found, and then says that
// it has no focus, is not text; and it is not asked for ever.
func TestOnlyWhatHasTheFocusIsText(t *testing.T) {
	b := newBench()
	b.Window(start, editor())
	unfocused := atspi.Object{Ref: editorText.Ref, Role: 61}.WithStates(atspi.StateEditable)
	asked := 0
	for ms := 0; ms < 60_000; ms += 100 {
		if q, ok := b.Due(after(ms)); ok {
			asked++
			b.Answer(after(ms), q, unfocused, time.Millisecond, nil)
		}
		b.wantRole(t, capture.RolePending)
	}
	if asked < 2 || asked > maxAsks {
		t.Errorf("asked %d times", asked)
	}
}

// TestShownPasswordInANewObject: pages put another object where the password
// field was when its text is to be shown.
func TestShownPasswordInANewObject(t *testing.T) {
	place := atspi.Place{X: 100, Y: 200, Width: 300, Height: 30}
	below := atspi.Place{X: 100, Y: 260, Width: 300, Height: 30}
	for _, tc := range []struct {
		name    string
		after   int // ms since the password field was left
		label   string
		place   atspi.Place
		address string
		want    capture.Role
	}{
		{"same name and place", 3000, "Password", place, "https://a.example/", capture.RolePassword},
		{"same name, moved", 3000, "Password", below, "https://a.example/", capture.RolePassword},
		{"another name, same place", 3000, "Password, visible", place, "https://a.example/", capture.RolePassword},
		{"nothing known of it", 3000, "", atspi.Place{}, "", capture.RolePassword},
		{"same name, minutes later", 5 * 60_000, "Password", place, "https://a.example/", capture.RolePassword},
		{"same place, a minute later", 60_000, "Essay", place, "https://a.example/", capture.RoleText},
		{"the next field", 3000, "Comment", below, "https://a.example/", capture.RoleText},
		{"another page", 3000, "Password", place, "https://b.example/", capture.RoleText},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := settled(t)
			was := secret
			was.Name, was.Place, was.Address = "Password", place, "https://a.example/"
			b.Focused(after(100), was.Ref, editorPID)
			if q := b.answer(t, 100, was, nil); q.Identity {
				t.Error("asked for a name where no password was: that takes time")
			}
			const left = 40_000 // typed slowly
			b.Suspect(after(left))
			shown := atspi.Object{Ref: atspi.Ref{Sender: ":1.7", Path: "/shown"}, Role: 79, Name: tc.label, Place: tc.place, Address: tc.address}.
				WithStates(atspi.StateEditable, atspi.StateFocused)
			b.Focused(after(left+tc.after), shown.Ref, editorPID)
			if q := b.answer(t, left+tc.after, shown, nil); !q.Identity {
				t.Error("did not ask for the name")
			}
			b.wantRole(t, tc.want)
			// And it stays what it was taken for.
			b.Suspect(after(left + 900_000))
			b.answer(t, left+900_200, shown, nil)
			b.wantRole(t, tc.want)
		})
	}
}

// TestPromptLastsUntilEnter: the terminal may echo again before the last keys
// of the password have been looked at.
func TestPromptLastsUntilEnter(t *testing.T) {
	b := newBench()
	b.echoOff = true
	b.Window(start, Window{ID: 1, PID: 8, App: "xterm"})
	b.echoOff = false
	b.Echo(after(10), false)
	if !b.field.EchoOff {
		t.Error("the rest of the password is taken for text")
	}
	b.Echo(after(20), true)
	if b.field.EchoOff {
		t.Error("what follows is not taken for text")
	}
}

// TestABrowsersTitleAsksForTheAddressAnew: a new title may be another page, and
// the keys of a field that stays go on.
func TestABrowsersTitleAsksForTheAddressAnew(t *testing.T) {
	b := newBench()
	b.Window(start, Window{ID: 1, PID: editorPID, App: "chromium", Title: "One"})
	at := func(address string) atspi.Object { o := editorText; o.Address = address; return o }
	if q := b.answer(t, 1, at("https://one.example/"), nil); !q.Address {
		t.Error("the address is not asked for")
	}
	b.wantRole(t, capture.RoleText)
	if b.field.Address != "https://one.example/" || !b.field.Web {
		t.Fatalf("at first: %+v", b.field)
	}
	b.Title(after(10), "Two")
	b.wantRole(t, capture.RoleText)
	if b.field.Address != "" || b.field.Title != "Two" {
		t.Errorf("with another title: %+v", b.field)
	}
	id := b.field.ID
	b.answer(t, 11, at("https://two.example/"), nil)
	b.wantRole(t, capture.RoleText)
	if b.field.Address != "https://two.example/" || b.field.ID != id {
		t.Errorf("asked again: %+v", b.field)
	}
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
