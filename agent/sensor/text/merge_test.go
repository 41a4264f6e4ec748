package text

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
)

// merged is what a merger let through.
type merged struct{ inputs []capture.Input }

func (m *merged) emit(in capture.Input) { m.inputs = append(m.inputs, in) }

// text is what stands in the field by these inputs.
func (m *merged) text() string {
	var b []rune
	for _, in := range m.inputs {
		switch in.Kind {
		case capture.Typed:
			b = append(b, in.Rune)
		case capture.Inserted:
			b = append(b, []rune(in.Text)...)
		case capture.Enter:
			b = append(b, '\n')
		case capture.Backspace:
			b = b[:max(0, len(b)-1)]
		case capture.CaretMoved:
			b = append(b, '|')
		}
	}
	return string(b)
}

// happening is one event of one of the two accounts, at a time.
type happening struct {
	at   time.Time
	key  *capture.Input
	text string // inserted
}

func play(m *Merger, out *merged, events []happening) string {
	slices.SortStableFunc(events, func(a, b happening) int { return a.at.Compare(b.at) })
	for _, e := range events {
		if due, ok := m.Deadline(); ok && !due.After(e.at) {
			m.Due(e.at)
		}
		if e.key != nil {
			m.Key(*e.key)
		} else {
			m.Changed(e.at, atspi.Changed{Inserted: true, Text: e.text})
		}
	}
	m.Due(events[len(events)-1].at.Add(time.Hour))
	return out.text()
}

// TestKeysCountOnce: whether the field tells of a key before it, after it, much
// later, together with others, or never, the key counts once, and what is
// pasted counts once.
func TestKeysCountOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var events []happening
		var typed, pasted strings.Builder
		now := time.Unix(1_800_000_000, 0)
		lastEcho, lastKey := now, now
		echoes := func(at time.Time, text string) {
			// One program tells of its changes in their order, and of none before
			// the key that came before it.
			for _, before := range []time.Time{lastEcho, lastKey} {
				if at.Before(before) {
					at = before
				}
			}
			lastEcho = at
			events = append(events, happening{at: at, text: text})
		}
		for range rapid.IntRange(1, 60).Draw(t, "acts") {
			now = now.Add(time.Duration(rapid.IntRange(1, 400).Draw(t, "pause")) * time.Millisecond)
			if rapid.IntRange(0, 9).Draw(t, "act") == 0 {
				// Letters that no key types here, so that the two can be told apart.
				p := rapid.StringMatching(`[A-FX-Z]{2,8}`).Draw(t, "paste")
				pasted.WriteString(p)
				echoes(now, p)
				now = now.Add(mergeGrace)
				continue
			}
			r := rapid.SampledFrom([]rune("ghijkl m\n")).Draw(t, "key")
			typed.WriteRune(r)
			in := capture.Input{At: now, Kind: capture.Typed, Rune: r}
			if r == '\n' {
				in = capture.Input{At: now, Kind: capture.Enter}
			}
			events = append(events, happening{at: now, key: &in})
			late := rapid.IntRange(-90, 2000).Draw(t, "late")
			if rapid.Bool().Draw(t, "quick") {
				late = rapid.IntRange(-90, 60).Draw(t, "soon")
			}
			if rapid.IntRange(0, 4).Draw(t, "never") > 0 {
				echoes(now.Add(time.Duration(late)*time.Millisecond), string(r))
			}
			lastKey = now
		}
		out := &merged{}
		got := play(NewMerger(out.emit, true), out, events)
		isPasted := func(r rune) bool { return r >= 'A' && r <= 'Z' }
		keep := func(want bool) string {
			return strings.Map(func(r rune) rune {
				if isPasted(r) == want {
					return r
				}
				return -1
			}, got)
		}
		if keep(false) != typed.String() {
			t.Fatalf("typed %q, counted %q (all: %q)", typed.String(), keep(false), got)
		}
		if keep(true) != pasted.String() {
			t.Fatalf("pasted %q, counted %q (all: %q)", pasted.String(), keep(true), got)
		}
	})
}

func TestMerge(t *testing.T) {
	begin := time.Unix(1_800_000_000, 0)
	ms := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Millisecond) }
	key := func(at int, r rune) happening {
		return happening{at: ms(at), key: &capture.Input{At: ms(at), Kind: capture.Typed, Rune: r}}
	}
	says := func(at int, s string) happening { return happening{at: ms(at), text: s} }
	for _, tc := range []struct {
		name   string
		events []happening
		want   string
	}{
		{"one run for many keys", []happening{key(0, 'a'), key(10, 'b'), key(20, 'c'), says(30, "abc")}, "abc"},
		{"a run whose last keys come after it", []happening{key(0, 'a'), says(5, "ab"), key(9, 'b')}, "ab"},
		{"a completion of what was typed", []happening{key(0, 'h'), says(5, "h"), key(90, 'e'), says(95, "ello")}, "hello"},
		{"a capital made by the program", []happening{key(0, 'i'), says(5, "I")}, "i"},
		{"a paste of what was just typed", []happening{key(0, 'a'), says(5, "a"), says(500, "a")}, "aa"},
		{"on-screen keyboard", []happening{says(0, "h"), says(300, "i")}, "hi"},
		{"an input method", []happening{says(0, "你好"), key(900, 'a'), says(905, "a")}, "你好a"},
		{"paste, then a key at once", []happening{says(0, "paste "), key(20, 'x'), says(25, "x")}, "paste x"},
		{"a key that the program kept", []happening{key(0, 'q'), key(90, 'a'), says(95, "a")}, "qa"},
		// An e whose field showed nothing of it, as in a password, is no E.
		{"a run after keys that were never shown", []happening{key(0, 'p'), key(5, 'e'), key(9, 'n'), key(20, 'E'), key(30, 's'), key(40, 's'), says(50, "Ess"), key(60, 'a'), says(65, "a")}, "penEssa"},
		{"the same text long after", []happening{key(0, 'a'), says(21_000, "a")}, "aa"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := &merged{}
			if got := play(NewMerger(out.emit, true), out, tc.events); got != tc.want {
				t.Errorf("counted %q, want %q", got, tc.want)
			}
		})
	}
}

// TestFieldsAlone: without keys, the field's account is the text itself.
func TestFieldsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		out := &merged{}
		m := NewMerger(out.emit, false)
		var want []rune
		for range rapid.IntRange(1, 60).Draw(t, "acts") {
			if len(want) > 1 && rapid.IntRange(0, 3).Draw(t, "act") == 0 {
				n := rapid.IntRange(1, len(want)-1).Draw(t, "back")
				m.Changed(time.Time{}, atspi.Changed{Offset: len(want) - n, Length: n})
				want = want[:len(want)-n]
				continue
			}
			s := rapid.StringMatching(`[a-zé😀]{1,5}`).Draw(t, "text")
			m.Changed(time.Time{}, atspi.Changed{Inserted: true, Offset: len(want), Text: s})
			want = append(want, []rune(s)...)
		}
		if got := out.text(); got != string(want) {
			t.Fatalf("counted %q, want %q", got, string(want))
		}
	})
}

func TestFieldsAloneMoves(t *testing.T) {
	type step struct {
		ref      string
		inserted bool
		offset   int
		text     string
	}
	for _, tc := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"elsewhere in the text", []step{{"a", true, 0, "ab"}, {"a", true, 0, "c"}}, "ab|c"},
		{"Enter", []step{{"a", true, 0, "a"}, {"a", true, 1, "\n"}, {"a", true, 2, "b"}}, "a\nb"},
		{"sent", []step{{"a", true, 0, "abc"}, {"a", false, 0, "abc"}, {"a", true, 0, "d"}}, "abc|d"},
		{"a deletion before anything", []step{{"a", false, 4, "x"}, {"a", true, 4, "y"}}, "|y"},
		{"another field", []step{{"a", true, 0, "ab"}, {"b", true, 7, "c"}}, "abc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := &merged{}
			m := NewMerger(out.emit, false)
			for _, s := range tc.steps {
				m.Changed(time.Time{}, atspi.Changed{Ref: atspi.Ref{Path: s.ref}, Inserted: s.inserted, Offset: s.offset, Text: s.text, Length: len(s.text)})
			}
			if got := out.text(); got != tc.want {
				t.Errorf("counted %q, want %q", got, tc.want)
			}
		})
	}
}

// What a program corrects by itself counts as what was typed; a paste over what
// was selected counts whole.
func TestCorrected(t *testing.T) {
	ref := atspi.Ref{Sender: ":1.2", Path: "/7"}
	for _, tc := range []struct {
		name, typed, echoed, gone string
		offset                    int
		put, want                 string
	}{
		{"a capital at the start", "pupil ", "pupil", "pupil", 0, "Pupil ", "pupil "},
		{"an apostrophe", "dont.", "dont", "dont", 2, "don’t.", "dont."},
		{"letters in their order", "teh ", "teh", "teh", 2, "the ", "teh "},
		{"another word", "cat", "cat", "cat", 0, "dog", "catdog"},
		{"a capital alone", "i", "i", "i", 4, "I", "i"},
		{"pasted over", "cat", "cat", "cat", 0, "catastrophe", "catcatastrophe"},
		{"pasted over, and a key waits", "cat ", "cat", "cat", 0, "catastrophe ", "cat catastrophe "},
		{"put in elsewhere", "pupil", "pupil", "pupil", 3, "Pupil", "pupilPupil"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, now := &merged{}, time.Unix(1_800_000_000, 0)
			m := NewMerger(out.emit, true)
			for _, r := range tc.typed {
				m.Key(capture.Input{At: now, Kind: capture.Typed, Rune: r})
			}
			for _, r := range tc.echoed {
				m.Changed(now, atspi.Changed{Ref: ref, Inserted: true, Text: string(r)})
			}
			m.Changed(now, atspi.Changed{Ref: ref, Offset: tc.offset, Length: len(tc.gone), Text: tc.gone})
			at := tc.offset
			if tc.name == "put in elsewhere" {
				at = 9
			}
			m.Changed(now, atspi.Changed{Ref: ref, Inserted: true, Offset: at, Text: tc.put})
			m.Due(now.Add(time.Hour))
			if got := out.text(); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
