package text

import (
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
)

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
	b.Echo(after(10), false, false) // still shown
	if b.field != before {
		t.Error("no change began a field")
	}
	b.echoOff = true
	b.Echo(after(20), false, false)
	if !b.field.EchoOff || b.field.ID == before.ID || b.field.Role != capture.RoleNone || b.field.Title != "sh" {
		t.Errorf("field %+v", b.field)
	}
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
			b.Echo(after(400), true, false)
			b.wantRole(t, capture.RoleDenied)
			b.notTerminal = false // its pseudo-terminal is there now
			b.Echo(after(500), true, false)
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
			for ms := 0; ms < 1000; ms += 10 { // it may not know yet where it stands
				if q, ok := b.Due(after(left + tc.after + ms)); ok {
					b.Answer(after(left+tc.after+ms), q, shown, time.Millisecond, nil)
				}
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
	b.Echo(after(10), false, false)
	if !b.field.EchoOff {
		t.Error("the rest of the password is taken for text")
	}
	b.Echo(after(20), true, false)
	if b.field.EchoOff {
		t.Error("what follows is not taken for text")
	}
}

// TestALateKeyMeetsNoEcho: the prompt that a key went to may have come and gone
// before it is looked at, and what is typed behind it is of the same line.
func TestALateKeyMeetsNoEcho(t *testing.T) {
	b := newBench()
	b.Window(start, Window{ID: 1, PID: 8, App: "xterm"})
	b.Echo(after(10), false, true)
	if !b.field.EchoOff {
		t.Error("a late key is taken for text")
	}
	b.Echo(after(20), false, false)
	if !b.field.EchoOff {
		t.Error("what follows it is taken for text")
	}
	b.Echo(after(30), true, true)
	if !b.field.EchoOff {
		t.Error("another late line is taken for text")
	}
	b.Echo(after(40), true, false)
	if b.field.EchoOff {
		t.Error("a line that is not late is not taken for text")
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
