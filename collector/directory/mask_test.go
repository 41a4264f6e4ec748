package directory_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// school knows the words of some people, as a directory keeps them.
func school(names ...string) func(string) bool {
	var terms []string
	for _, n := range names {
		terms = append(terms, directory.Terms(directory.Record{Name: n, Audience: vocab.Pupil, Account: strings.ToLower(n[:1]) + strings.ToLower(n[strings.LastIndex(n, " ")+1:])})...)
	}
	return func(w string) bool { return slices.Contains(terms, w) }
}

func TestMask(t *testing.T) {
	known := school("Rowan Ashdown", "Tamsin O'Field", "Will Green", "José Núñez", "An Do", "Amy Mc Kay")
	for in, want := range map[string]string{
		"nobody wants you here":                "nobody wants you here",
		"tell rowan nobody likes him":          "tell [name] nobody likes him",
		"ROWAN ASHDOWN is dead":                "[name] is dead",
		"Rowan's mum, and the Ashdowns":        "[name] mum, and the [name]",
		"rowan08 rowanashdown rowan_ashdown":   "[name]",
		"r o w a n smells, R.O.W.A.N too":      "[name] smells, [name] too",
		"t\u200bam\u200bsin":                   "[name]",
		"ⓡⓞⓦⓐⓝ ＲＯＷＡＮ":                          "[name]",
		"o field, o'field, o’field and ofield": "[name] and [name]",
		"jose and Jose\u0301 NUNEZ":            "[name] and [name]",
		"I will do it, and you may not":        "I will do it, and you may not",
		"will green will do it":                "[name] do it",
		"mr green said so":                     "mr [name] said so",
		"the greenhouse and the grown up":      "the greenhouse and the grown up",
		"rashdown@school":                      "[name]@school",
		"mckay or mc kay":                      "[name] or [name]",
		"":                                     "",
		"a\xffb rowan \xf0":                    "a\xffb [name] \xf0",
		"<b>rowan</b> \u202Enawor":             "<b>[name]</b> \u202Enawor",
		"I want to k i l l him":                "I want to k i l l him",
	} {
		if got, _ := directory.Mask(in, known); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
}

// Where a mark stood before a masked name, or after it, it stands then.
func TestMaskMovesMarks(t *testing.T) {
	known := school("Rowan Ashdown")
	in := "rowan everyone hates you rowan ashdown ok"
	got, moved := directory.Mask(in, known)
	hit := strings.Index(in, "everyone")
	if s := got[moved(hit):moved(hit+len("everyone hates you"))]; s != "everyone hates you" {
		t.Errorf("the mark holds %q of %q", s, got)
	}
	if s := got[moved(0):moved(len("rowan"))]; s != directory.Masked {
		t.Errorf("a mark on the name holds %q", s)
	}
	if moved(len(in)) != len(got) {
		t.Error("the end is not the end")
	}
}

// Whatever surrounds it, a name does not come through, and the rest does.
func TestMaskProperty(t *testing.T) {
	names := []string{"rowan", "ashdown", "tamsin", "oakfield", "nunez"}
	known := func(w string) bool { return slices.Contains(names, w) }
	rapid.Check(t, func(r *rapid.T) {
		filler := rapid.SampledFrom([]string{"hit", "blue", "table", "9", "!", "🙂", "..", "kettle's"})
		var in []string
		for range rapid.IntRange(1, 12).Draw(r, "words") {
			if w := filler.Draw(r, "filler"); rapid.Bool().Draw(r, "name") {
				n := rapid.SampledFrom(names).Draw(r, "which")
				in = append(in, rapid.SampledFrom([]string{n, strings.ToUpper(n), n + "'s", n + "s", n + "12", "@" + n, n + n, "(" + n + ")"}).Draw(r, "form"))
			} else {
				in = append(in, w)
			}
		}
		text := strings.Join(in, rapid.SampledFrom([]string{" ", "\n", ", ", "-", "/"}).Draw(r, "between"))
		got, moved := directory.Mask(text, known)
		for _, n := range names {
			if strings.Contains(strings.ToLower(got), n) {
				r.Fatalf("%q came through as %q", text, got)
			}
		}
		last := 0
		for i := range len(text) + 1 {
			if at := moved(i); at < last || at > len(got) {
				r.Fatalf("offset %d of %q moved to %d, after %d", i, text, at, last)
			} else {
				last = at
			}
		}
	})
}
