package capture

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/internal/detect"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestRoles(t *testing.T) {
	for _, c := range []struct {
		name  string
		field Field
		seen  bool
		want  Counters
	}{
		{"text", Field{ID: "f", Role: RoleText}, true, Counters{}},
		{"terminal", Field{ID: "f", Role: RoleNone}, true, Counters{}},
		{"terminal without echo", Field{ID: "f", Role: RoleNone, EchoOff: true}, false, Counters{}},
		{"known prompt", Field{ID: "f", Role: RoleNone, PromptKnown: true}, false, Counters{}},
		{"known prompt with a text role", Field{ID: "f", Role: RoleText, PromptKnown: true}, false, Counters{}},
		{"password", Field{ID: "f", Role: RolePassword}, false, Counters{}},
		{"browser without a role", Field{ID: "f", Role: RoleDenied}, false, Counters{Denied: 10}},
		{"role never comes", Field{ID: "f", Role: RolePending}, false, Counters{HeldDropped: 10}},
		{"a role of a later version", Field{ID: "f", Role: 99}, false, Counters{Denied: 10}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRun(t)
			r.focus(c.field)
			r.types("cut myself")
			r.wait(time.Minute)
			r.press(Enter)
			r.wait(time.Minute)
			if seen := len(r.all) > 0; seen != c.seen {
				t.Errorf("seen = %v, want %v", seen, c.seen)
			}
			if got := r.m.Counters(); got != c.want {
				t.Errorf("counters = %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestHold(t *testing.T) {
	pending := Field{ID: "f", Role: RolePending}
	t.Run("role in time", func(t *testing.T) {
		r := newRun(t)
		r.focus(pending)
		expect(t, r.types("cut myself"))
		typed := r.at
		r.step(Input{Kind: Inserted, Text: " or "})
		r.press(Backspace)
		r.at = r.at.Add(50 * time.Millisecond)
		got := r.text("f")
		expect(t, got, `1.0 self-harm high "<cut myself>"`)
		if !got[0].At.Equal(typed) {
			t.Errorf("At = %v, want when it was typed, %v", got[0].At, typed)
		}
		expect(t, r.press(Enter), `1.1 self-harm high final "<cut myself> or"`)
		if c := r.m.Counters(); c != (Counters{}) {
			t.Errorf("counters = %+v", c)
		}
	})
	t.Run("role too late", func(t *testing.T) {
		r := newRun(t)
		r.focus(pending)
		r.types("cut")
		r.wait(MaxHold)
		r.types(" myself")
		expect(t, r.text("f"))
		expect(t, r.press(Enter))
		if c := r.m.Counters(); c != (Counters{HeldDropped: 3}) {
			t.Errorf("counters = %+v, want the first three characters dropped", c)
		}
	})
	t.Run("role is password", func(t *testing.T) {
		r := newRun(t)
		r.focus(pending)
		r.types("ψωψω")
		r.focus(Field{ID: "f", Role: RolePassword})
		mustNotHold(t, r.m)
		if c := r.m.Counters(); c != (Counters{}) {
			t.Errorf("counters = %+v give the password's length away", c)
		}
	})
	t.Run("role lost for a while", func(t *testing.T) {
		r := newRun(t)
		r.text("f")
		r.types("we buy ")
		expect(t, r.focus(pending))
		r.types("no")
		r.wait(MaxHold)
		r.text("f")
		expect(t, append(r.types("weed"), r.press(Enter)...))
	})
	t.Run("role asked again in time", func(t *testing.T) {
		r := newRun(t)
		r.text("f")
		r.types("we buy ")
		expect(t, r.focus(pending))
		r.types("weed")
		r.text("f")
		expect(t, r.press(Enter), `1.0 drugs medium final "we <buy weed>"`)
	})
	t.Run("a paste too large to hold", func(t *testing.T) {
		r := newRun(t)
		r.text("f")
		r.types("we buy ")
		r.focus(pending)
		r.step(Input{Kind: Inserted, Text: strings.Repeat("x", maxHeldText+1)})
		r.text("f")
		expect(t, append(r.types("weed"), r.press(Enter)...))
	})
	t.Run("held keys keep their time", func(t *testing.T) {
		r := newRun(t)
		r.focus(pending)
		r.types("x")
		want := r.at.Add(DefaultPause)
		r.at = r.at.Add(MaxHold / 2)
		r.text("f")
		if d, _ := r.m.Deadline(); !d.Equal(want) {
			t.Errorf("the pause ends at %v, want %v", d, want)
		}
	})
	t.Run("more than fits", func(t *testing.T) {
		r := newRun(t)
		r.focus(pending)
		r.step(Input{Kind: Inserted, Text: strings.Repeat("ψ", maxHeldText)})
		for range maxHeldKeys + 1 {
			r.step(Input{Kind: Typed, Rune: 'ψ'})
		}
		mustNotHold(t, r.m)
		if c := r.m.Counters(); c.HeldDropped != maxHeldText+maxHeldKeys+1 {
			t.Errorf("counters = %+v", c)
		}
	})
}

// TestPasswordStaysOneWhileItHasTheFocus: what the sensor says of a field that
// was a password opens nothing. That a new field is the old one, only the
// sensor can know.
func TestPasswordStaysOneWhileItHasTheFocus(t *testing.T) {
	r := newRun(t)
	r.focus(Field{ID: "pw", Role: RolePassword})
	r.types("ψψψ")
	r.text("pw")
	r.types("ψψψ")
	r.text("pw")
	r.types("ψψψ")
	mustNotHold(t, r.m)
	expect(t, r.all)
	r.text("other")
	expect(t, r.types("cut myself"), `1.0 self-harm high "<cut myself>"`)
}

// TestPastedBook: what a very long pasted text costs is bounded.
func TestPastedBook(t *testing.T) {
	var seen listener
	m := newTold(Config{}, &seen)
	at := time.Unix(1000, 0)
	m.Step(Input{At: at, Kind: FieldChanged, Field: Field{ID: "f", Role: RoleText}})
	m.Step(Input{At: at, Kind: Inserted, Text: "start " + strings.Repeat("é word. ", 1<<17)})
	m.Close(at)
	if !strings.HasPrefix(seen.first, "start é") {
		t.Errorf("the start of the paste was not looked at: %.20q", seen.first)
	}
	if seen.bytes == 0 || seen.bytes > 8*maxFragment {
		t.Errorf("%d bytes were matched", seen.bytes)
	}
}

// listener is a Matcher that counts what it is given.
type listener struct {
	first string
	bytes int
}

func (l *listener) Match(text string, _ detect.Options) []detect.Hit {
	if l.first == "" {
		l.first = text
	}
	l.bytes += len(text)
	return nil
}

// TestLateSecret: text becomes known as a secret after its first keys.
func TestLateSecret(t *testing.T) {
	for name, f := range map[string]Field{
		"password": {ID: "f", Role: RolePassword},
		"echo off": {ID: "f", Role: RoleNone, EchoOff: true},
		"prompt":   {ID: "f", Role: RoleNone, PromptKnown: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.focus(Field{ID: "f", Role: RoleNone})
			expect(t, r.types("ψψψ"), `1.0 suicide critical "<ψψψ>"`)
			expect(t, r.focus(f), `1.1 suicide critical withdrawn ""`)
			mustNotHold(t, r.m)
			r.types("ψψψ")
			expect(t, r.focus(Field{ID: "f", Role: RoleNone}))
			expect(t, r.close())
		})
	}
}

// TestFragmentIsWiped: ordinary text is gone too once its fragment is.
func TestFragmentIsWiped(t *testing.T) {
	r := newRun(t)
	r.text("f")
	r.types("ωω buy weed ωω")
	r.back(3)
	r.types("xω")
	r.back(2)
	expect(t, r.press(Enter), `1.0 drugs medium final "ωω <buy weed>"`)
	mustNotHold(t, r.m)
}

func TestLocked(t *testing.T) {
	r := newRun(t)
	r.text("f")
	r.types("we buy ")
	r.press(ScreenLocked)
	r.types("weed ψψψ")
	r.step(Input{Kind: Inserted, Text: "ψψψ"})
	r.text("g") // the locker's own field
	r.types("ψψψ")
	mustNotHold(t, r.m)
	r.press(ScreenUnlocked)
	r.text("f")
	r.types("weed")
	expect(t, r.close())
	expect(t, r.all)
	if c := r.m.Counters(); c != (Counters{}) {
		t.Errorf("counters = %+v give the password's length away", c)
	}
}

// TestSecretsNeverLeave types Greek only where nothing may be captured and
// Latin only where it may, in any order; no Greek letter may ever be in a
// report, or in the machine once its fate is known.
func TestSecretsNeverLeave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRun(t)
		n := rapid.IntRange(1, 40).Draw(t, "steps")
		for range n {
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "field")
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0:
				r.focus(Field{ID: "secret " + id, Role: RolePassword})
				secretInput(t, r)
			case 1: // the role comes after the keys
				r.focus(Field{ID: "secret " + id, Role: RolePending})
				secretInput(t, r)
				r.focus(Field{ID: "secret " + id, Role: RolePassword})
			case 2:
				r.focus(Field{ID: "tty " + id, Role: RoleNone})
				r.types("ls loser\n")
				r.focus(Field{ID: "tty " + id, Role: RoleNone, EchoOff: true})
				secretInput(t, r)
				r.focus(Field{ID: "tty " + id, Role: RoleNone})
			case 3:
				r.press(ScreenLocked)
				secretInput(t, r)
				r.press(ScreenUnlocked)
			case 4: // the role never comes
				r.focus(Field{ID: "slow " + id, Role: RolePending})
				secretInput(t, r)
				r.wait(MaxHold)
			case 5: // the focus goes on before the role comes
				r.focus(Field{ID: "slow " + id, Role: RolePending})
				secretInput(t, r)
				r.text("text " + id)
			case 6:
				r.focus(Field{ID: "prompt " + id, Role: RoleDenied})
				secretInput(t, r)
			case 7: // shown password
				r.focus(Field{ID: "secret " + id, Role: RolePassword})
				r.text("secret " + id)
				secretInput(t, r)
			}
			mustNotHold(t, r.m)
			if rapid.Bool().Draw(t, "write") {
				r.text("text " + id)
				r.types(rapid.SampledFrom([]string{"cut myself", "buy weed ", "hello", "\n"}).Draw(t, "text"))
			}
		}
		r.close()
		mustNotHold(t, r.m)
		for _, rep := range r.all {
			if hasGreek(rep.Capture.String()) {
				t.Fatalf("a secret is in %v", rep.Capture)
			}
		}
	})
}

func secretInput(t *rapid.T, r *run) {
	for range rapid.IntRange(1, 4).Draw(t, "keys") {
		switch rapid.IntRange(0, 3).Draw(t, "key") {
		case 0:
			r.types("ψψψ")
		case 1:
			r.step(Input{Kind: Inserted, Text: "ψψψ ωμέγα"})
		case 2:
			r.press(Backspace)
		case 3:
			r.press(Enter)
		}
	}
}

func hasGreek(s string) bool { return strings.ContainsFunc(s, isGreek) }
func isGreek(r rune) bool    { return unicode.Is(unicode.Greek, r) }

// mustNotHold walks everything that m reaches, unused room of slices
// included, for Greek letters. The engine is left out: it is given no secret.
func mustNotHold(t fataler, m *Machine) {
	t.Helper()
	if path := findGreek(reflect.ValueOf(m).Elem(), "machine"); path != "" {
		t.Fatalf("a secret is still in %s", path)
	}
}

func findGreek(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.String:
		if hasGreek(v.String()) {
			return path
		}
	case reflect.Int32:
		if isGreek(rune(v.Int())) {
			return path
		}
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*lapwingv1.Capture]() {
			if hasGreek((*lapwingv1.Capture)(v.UnsafePointer()).String()) {
				return path
			}
			return ""
		}
		if !v.IsNil() {
			return findGreek(v.Elem(), path)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return ""
		}
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "engine" && name != "next" || v.Field(i).Kind() != reflect.Interface {
				if p := findGreek(v.Field(i), path+"."+name); p != "" {
					return p
				}
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			// The small Greek letters begin with one of these two bytes; looking
			// for them first makes this test ten times as fast.
			b := unsafe.Slice((*byte)(v.UnsafePointer()), v.Cap())
			if (bytes.IndexByte(b, 0xCE) >= 0 || bytes.IndexByte(b, 0xCF) >= 0) && hasGreek(string(b)) {
				return path
			}
			return ""
		}
		full := v.Slice3(0, v.Cap(), v.Cap())
		for i := range full.Len() {
			if p := findGreek(full.Index(i), path+"[]"); p != "" {
				return p
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			if p := findGreek(v.Index(i), path+"[]"); p != "" {
				return p
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if p := findGreek(it.Key(), path+" key"); p != "" {
				return p
			}
			if p := findGreek(it.Value(), path+" value"); p != "" {
				return p
			}
		}
	}
	return ""
}

// TestFindGreek: the walk itself finds a secret wherever one can be.
func TestFindGreek(t *testing.T) {
	for name, put := range map[string]func(m *Machine){
		"fragment":     func(m *Machine) { m.fragment.text = append(m.fragment.text, "ψ"...) },
		"spare room":   func(m *Machine) { m.fragment.text = append(m.fragment.text, "ψ"...)[:0] },
		"held key":     func(m *Machine) { m.held.keys = append(m.held.keys, heldKey{r: 'ψ'})[:0] },
		"held text":    func(m *Machine) { m.held.text = append(m.held.text, "ψ"...)[:0] },
		"field":        func(m *Machine) { m.field.Title = "ψ" },
		"open capture": func(m *Machine) { m.fragment.open = []*open{{category: "ψ"}} },
		"report":       func(m *Machine) { m.out = []Report{{Capture: &lapwingv1.Capture{App: "ψ"}}} },
	} {
		m := newTold(Config{}, nil)
		mustNotHold(t, m)
		put(m)
		if findGreek(reflect.ValueOf(m).Elem(), "machine") == "" {
			t.Errorf("%s: not found", name)
		}
	}
}
