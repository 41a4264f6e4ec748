package detect_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
)

func shippedBytes(t testing.TB) []byte {
	t.Helper()
	packs, problems := rulepack.ReadDir(configs.Rules())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	b, err := rulepack.Compile(packs)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func shipped(t testing.TB) *detect.Engine {
	t.Helper()
	e, err := detect.Load(shippedBytes(t))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestLoadRefusesWhatIsNotARuleSet(t *testing.T) {
	good := shippedBytes(t)
	for name, b := range map[string][]byte{
		"empty": nil, "text": []byte("rules: []"), "cut": good[:len(good)/2], "longer": append(slices.Clone(good), 0),
		"other version": append([]byte("LWRULES\x02"), good[8:]...),
	} {
		if _, err := detect.Load(b); !errors.Is(err, detect.ErrFormat) {
			t.Errorf("%s: error %v, want ErrFormat", name, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	b, err := detect.Encode(&detect.Program{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(shippedBytes(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := detect.Load(b)
		if err != nil {
			if !errors.Is(err, detect.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		e.Match("i want to kill myself tonight", detect.Options{})
		e.Scan([]byte("i want to kill myself tonight"), func(int, int) {})
		e.NewStream(detect.Options{}).Insert("i want to kill myself tonight")
	})
}

func FuzzMatch(f *testing.F) {
	e := shipped(f)
	f.Add("i want to kill myself tonight")
	f.Add("k\u0456ll m\u200bys\u00e9lf \u202e \xff\xfe k.i.l.l k i l l m y s e l f k1ll k*ll")
	f.Add(strings.Repeat("e\u0301\u0301\u0301", 200))
	f.Fuzz(func(t *testing.T, text string) {
		for _, h := range e.Match(text, detect.Options{}) {
			if h.Start < 0 || h.End > len(text) || h.Start >= h.End {
				t.Fatalf("hit %d to %d in a text of %d bytes", h.Start, h.End, len(text))
			}
			if utf8.ValidString(text) && !utf8.ValidString(text[h.Start:h.End]) {
				t.Fatalf("hit %d to %d cuts a character", h.Start, h.End)
			}
		}
	})
}

// words that rules, frames and disguises are made of, so that random text hits often.
var words = strings.Fields("i im you want to wanna gonna kill myself yourself him her die dead not never dont tonight " +
	"who wrote hate women muslims weed buy anyone selling k1ll k*ll klil kiiiill k i l l kіll my self. ! bitch stupid nudes send me " +
	"killmyself iwanttodie é \u200b ' “ …")

// TestStreamEqualsMatch holds the promise of Stream: whatever is typed, taken
// back, pasted or dropped, the hits are those of the text that stands there.
func TestStreamEqualsMatch(t *testing.T) {
	e := shipped(t)
	rapid.Check(t, func(t *rapid.T) {
		s := e.NewStream(detect.Options{})
		var model []rune
		t.Repeat(map[string]func(*rapid.T){
			"word": func(t *rapid.T) {
				for _, r := range rapid.SampledFrom(words).Draw(t, "word") + rapid.SampledFrom([]string{" ", "", ". ", "\n"}).Draw(t, "after") {
					s.Type(r)
					model = append(model, r)
				}
			},
			"type": func(t *rapid.T) {
				r := rapid.Rune().Draw(t, "rune")
				s.Type(r)
				model = append(model, r)
			},
			"backspace": func(t *rapid.T) {
				for range rapid.IntRange(1, 6).Draw(t, "times") {
					s.Backspace()
					model = model[:max(0, len(model)-1)]
				}
			},
			"insert": func(t *rapid.T) {
				text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 8).Draw(t, "words"), " ")
				s.Insert(text)
				model = append(model, []rune(text)...)
			},
			"reset": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") == 0 {
					s.Reset()
					model = nil
				}
			},
			"": func(t *rapid.T) {
				if s.Text() != string(model) {
					t.Fatalf("text is %q, want %q", s.Text(), string(model))
				}
				if d := cmp.Diff(e.Match(string(model), detect.Options{}), slices.Clone(s.Hits())); d != "" {
					t.Fatalf("hits of %q differ (-match +stream):\n%s", string(model), d)
				}
			},
		})
	})
}

func TestStreamIsBounded(t *testing.T) {
	e := shipped(t)
	s := e.NewStream(detect.Options{})
	for range 3 {
		s.Insert(strings.Repeat("lorem ipsum ", 1000) + "i want to kill myself tonight")
		if n := utf8.RuneCountInString(s.Text()); n > detect.StreamRunes {
			t.Fatalf("keeps %d characters", n)
		}
		if len(s.Hits()) == 0 {
			t.Fatal("the newest words were lost")
		}
	}
	if first := s.Text()[0]; first != 'l' && first != 'i' && first != ' ' {
		t.Errorf("begins inside a word: %.20q", s.Text())
	}
	s.Insert(strings.Repeat("x", 3*detect.StreamRunes))
	if n := utf8.RuneCountInString(s.Text()); n > detect.StreamRunes {
		t.Fatalf("keeps %d characters of one word", n)
	}
}
