package text

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/x11"
)

// tape writes inputs as text: < for Backspace, ! for Enter, | for CaretMoved.
type tape struct {
	*Typist
	fields *Fields
	got    strings.Builder
	now    uint32
}

func newTape() *tape {
	p := &tape{fields: NewFields(func(capture.Input) {}, func(uint32) bool { return false }, shows)}
	p.Typist = NewTypist(func(in capture.Input) {
		switch in.Kind {
		case capture.Typed:
			p.got.WriteRune(in.Rune)
		case capture.Backspace:
			p.got.WriteRune('<')
		case capture.Enter:
			p.got.WriteRune('!')
		case capture.CaretMoved:
			p.got.WriteRune('|')
		default:
			p.got.WriteRune('?')
		}
	}, p.fields)
	return p
}

func never(uint8, uint32, uint32) int { return 0 }

func (p *tape) press(k x11.Key) {
	p.now += 100
	p.Press(start, x11.KeyPress{Code: 10, Time: p.now}, k, never)
	p.Release(start, x11.KeyRelease{Code: 10, Time: p.now + 50}, never)
}

func (p *tape) typed(s string) {
	for _, r := range s {
		p.press(x11.Key{Keysym: 0x1000000 + uint32(r), Rune: r})
	}
}

func TestKeysBecomeInputs(t *testing.T) {
	key := func(sym uint32) x11.Key { return x11.Key{Keysym: sym} }
	ctrl := func(sym uint32, r rune) x11.Key { return x11.Key{Keysym: sym, Rune: r, Control: true} }
	const deadAcute, deadCircumflex, left, f6, shift = 0xfe51, 0xfe52, 0xff51, 0xffc3, 0xffe1
	for _, tc := range []struct {
		name string
		do   func(p *tape)
		want string
	}{
		{"text", func(p *tape) { p.typed("a £é") }, "a £é"},
		{"modifiers alone are nothing", func(p *tape) { p.press(key(shift)); p.typed("A") }, "A"},
		{"Backspace", func(p *tape) { p.typed("ab"); p.press(key(x11.KeyBackSpace)) }, "ab<"},
		{"Enter, keypad and line feed too", func(p *tape) {
			for _, sym := range []uint32{x11.KeyReturn, x11.KeyKPEnter, x11.KeyISOEnter, x11.KeyLinefeed} {
				p.press(key(sym))
			}
		}, "!!!!"},
		{"Ctrl+Enter sends", func(p *tape) { p.press(ctrl(x11.KeyReturn, 0)) }, "!"},
		{"arrow, function key, Tab, Escape, Delete", func(p *tape) {
			for _, sym := range []uint32{left, f6, x11.KeyTab, x11.KeyEscape, x11.KeyDelete} {
				p.press(key(sym))
			}
		}, "|||||"},
		{"shortcuts are not text", func(p *tape) {
			p.press(ctrl('a', 'a'))
			p.press(x11.Key{Keysym: 'd', Rune: 'd', Command: true})
		}, "||"},
		{"dead key and letter", func(p *tape) { p.press(key(deadAcute)); p.typed("e") }, "é"},
		{"dead key that does not fit", func(p *tape) { p.press(key(deadCircumflex)); p.typed("q") }, "q"},
		{"dead key taken back", func(p *tape) { p.press(key(deadAcute)); p.press(key(x11.KeyBackSpace)); p.typed("e") }, "e"},
		{"Ctrl+Backspace deletes a word", func(p *tape) { p.typed("one two, "); p.press(ctrl(x11.KeyBackSpace, 0)); p.typed("x") }, "one two, <<<<<x"},
		{"and the one before", func(p *tape) {
			p.typed("one two")
			p.press(ctrl(x11.KeyBackSpace, 0))
			p.press(ctrl(x11.KeyBackSpace, 0))
		}, "one two<<<<<<<"},
		{"of which it does not know the length", func(p *tape) { p.typed("a"); p.press(key(left)); p.press(ctrl(x11.KeyBackSpace, 0)) }, "a||"},
		{"nor that of a very long one", func(p *tape) { p.typed(strings.Repeat("a", 200)); p.press(ctrl(x11.KeyBackSpace, 0)) }, strings.Repeat("a", 200) + "|"},
		{"mouse", func(p *tape) { p.typed("a"); p.Click(start) }, "a|"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newTape()
			tc.do(p)
			if got := p.got.String(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTerminalsDeleteWordsTheirOwnWay(t *testing.T) {
	p := newTape()
	p.fields.Window(start, Window{ID: 1, PID: 8, App: "xterm"})
	p.typed("one")
	p.press(x11.Key{Keysym: x11.KeyBackSpace, Control: true})
	if got := p.got.String(); got != "one|" {
		t.Errorf("got %q", got)
	}
}

// hold presses a key and finds it still down when it begins to repeat.
func (p *tape) hold(k x11.Key, repeats func(uint8, uint32, uint32) int) {
	p.Press(start, x11.KeyPress{Code: 9}, k, repeats)
	if code, ok := p.Held(); ok {
		p.StillDown(code == 9)
	}
}

func TestHeldKeysRepeat(t *testing.T) {
	three := func(uint8, uint32, uint32) int { return 3 }
	a := x11.Key{Keysym: 'a', Rune: 'a'}
	for _, tc := range []struct {
		name string
		do   func(p *tape)
		want string
	}{
		{"until it comes up", func(p *tape) {
			p.hold(a, three)
			p.Release(start, x11.KeyRelease{Code: 9}, three)
			p.Release(start, x11.KeyRelease{Code: 9}, three)
		}, "aaaa"},
		{"until another goes down", func(p *tape) {
			p.hold(a, three)
			p.Press(start, x11.KeyPress{Code: 8}, x11.Key{Keysym: 'b', Rune: 'b'}, three)
			p.Release(start, x11.KeyRelease{Code: 9}, three)
		}, "aaaab"},
		{"Backspace too", func(p *tape) {
			p.hold(x11.Key{Keysym: x11.KeyBackSpace}, three)
			p.Release(start, x11.KeyRelease{Code: 9}, three)
		}, "<<<<"},
		{"not what changes no text", func(p *tape) {
			p.hold(x11.Key{Keysym: x11.KeyReturn}, three)
			p.Release(start, x11.KeyRelease{Code: 9}, three)
		}, "!"},
		{"not when it had come up before", func(p *tape) {
			p.Press(start, x11.KeyPress{Code: 9}, a, three)
			p.StillDown(false)
			p.Press(start, x11.KeyPress{Code: 8}, x11.Key{Keysym: 'b', Rune: 'b'}, three)
		}, "ab"},
		{"not when nobody looked", func(p *tape) {
			p.Press(start, x11.KeyPress{Code: 9}, a, three)
			p.Press(start, x11.KeyPress{Code: 8}, x11.Key{Keysym: 'b', Rune: 'b'}, three)
		}, "ab"},
		{"not into another field", func(p *tape) {
			p.hold(a, three)
			p.fields.Away(start)
			p.Release(start, x11.KeyRelease{Code: 9}, three)
		}, "a"},
		{"not past a lock", func(p *tape) {
			p.hold(a, three)
			p.Drop()
			p.Release(start, x11.KeyRelease{Code: 9}, three)
		}, "a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newTape()
			tc.do(p)
			if got := p.got.String(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestFocusKeysRaiseSuspicion: what may move the focus makes the field pending
// before the next key.
func TestFocusKeysRaiseSuspicion(t *testing.T) {
	for _, tc := range []struct {
		name string
		key  x11.Key
		want capture.Role
	}{
		{"Tab", x11.Key{Keysym: x11.KeyTab}, capture.RolePending},
		{"Shift+Tab", x11.Key{Keysym: x11.KeyISOTab}, capture.RolePending},
		{"Enter", x11.Key{Keysym: x11.KeyReturn}, capture.RolePending},
		{"Escape", x11.Key{Keysym: x11.KeyEscape}, capture.RolePending},
		{"Ctrl+L", x11.Key{Keysym: 'l', Rune: 'l', Control: true}, capture.RolePending},
		{"Alt+D", x11.Key{Keysym: 'd', Rune: 'd', Command: true}, capture.RolePending},
		{"F6", x11.Key{Keysym: 0xffc3}, capture.RolePending},
		{"a letter", x11.Key{Keysym: 'a', Rune: 'a'}, capture.RoleText},
		{"Ctrl+Page Down, the next tab", x11.Key{Keysym: 0xff56, Control: true}, capture.RolePending},
		{"Alt+Left, back", x11.Key{Keysym: 0xff51, Command: true}, capture.RolePending},
		{"Alt+Home", x11.Key{Keysym: 0xff50, Command: true}, capture.RolePending},
		{"Alt+Backspace", x11.Key{Keysym: x11.KeyBackSpace, Command: true}, capture.RolePending},
		{"XF86Back", x11.Key{Keysym: 0x1008ff26}, capture.RolePending},
		{"XF86HomePage", x11.Key{Keysym: 0x1008ff18}, capture.RolePending},
		{"Menu", x11.Key{Keysym: 0xff67}, capture.RolePending},
		{"Page Down", x11.Key{Keysym: 0xff56}, capture.RoleText},
		{"Ctrl+End", x11.Key{Keysym: x11.KeyEnd, Control: true}, capture.RoleText},
		{"Ctrl+Delete", x11.Key{Keysym: x11.KeyDelete, Control: true}, capture.RoleText},
		{"Insert", x11.Key{Keysym: x11.KeyInsert}, capture.RoleText},
		{"Space", x11.Key{Keysym: ' ', Rune: ' '}, capture.RoleText},
		{"an arrow", x11.Key{Keysym: 0xff51}, capture.RoleText},
		{"Ctrl and an arrow", x11.Key{Keysym: 0xff51, Control: true}, capture.RoleText},
		{"Backspace", x11.Key{Keysym: x11.KeyBackSpace}, capture.RoleText},
		{"Ctrl+Backspace", x11.Key{Keysym: x11.KeyBackSpace, Control: true}, capture.RoleText},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := settled(t)
			p := NewTypist(func(capture.Input) {}, b.Fields)
			p.Press(after(100), x11.KeyPress{Code: 9}, tc.key, never)
			b.wantRole(t, tc.want)
		})
	}
}

// TestWordsFollowTheText: Ctrl+Backspace deletes what a text field deletes,
// whatever was typed before.
func TestWordsFollowTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newTape()
		var want []rune
		for _, step := range rapid.SliceOfN(rapid.RuneFrom([]rune("ab ,<^")), 0, 60).Draw(t, "steps") {
			switch step {
			case '<':
				p.press(x11.Key{Keysym: x11.KeyBackSpace})
				want = want[:max(0, len(want)-1)]
			case '^':
				if len(want) == 0 {
					continue // the typist cannot know that there is nothing
				}
				p.press(x11.Key{Keysym: x11.KeyBackSpace, Control: true})
				trimmed := strings.TrimRight(string(want), " ,")
				want = []rune(trimmed[:strings.LastIndexAny(trimmed, " ,")+1])
			default:
				p.typed(string(step))
				want = append(want, step)
			}
		}
		var got []rune
		for _, r := range p.got.String() {
			if r == '<' {
				got = got[:max(0, len(got)-1)]
				continue
			}
			got = append(got, r)
		}
		if string(got) != string(want) {
			t.Fatalf("tape %q gives %q, want %q", p.got.String(), string(got), string(want))
		}
	})
}
