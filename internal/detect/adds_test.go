package detect_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
)

// TestAddsMissesNothing types what the rules' examples are made of, disguises
// and signs between: a character that Adds lets pass brings no hit that the
// text before the word had not.
func TestAddsMissesNothing(t *testing.T) {
	e := shipped(t)
	packs, problems := rulepack.ReadDir(configs.Rules())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	pieces := []string{" ", " ", " ", ". ", ", ", "? ", "! ", "\n", "'", "-", "*", "k i l l ", "k1ll ", "siucide ", "immigrnts ", "big-c a s ",
		"Dick Turpin ", "wanttodie ", "lapwing canary ", "é ", "К ", "a ", "x ", "ki", "he", "not ", "never ", "lol "}
	for _, p := range packs {
		for _, r := range p.Rules {
			for _, x := range append(r.Examples.Hit, r.Examples.Miss...) {
				for _, w := range strings.Fields(x.Value) {
					pieces = append(pieces, w+" ")
				}
				pieces = append(pieces, x.Value+" ")
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 8).Draw(t, "pieces"), "")
		skipped := 0
		for i := range text {
			if i == 0 || e.Adds(text[:i]) {
				continue
			}
			skipped++
			before := text[:strings.LastIndexAny(text[:i], " ")+1]
			if c := text[i-1]; c == ' ' || c == '.' || c == ',' || c == '?' {
				before = text[:i-1]
			}
			old := e.Match(before, detect.Options{})
			for _, h := range e.Match(text[:i], detect.Options{}) {
				found := false
				for _, o := range old {
					found = found || o.Rule == h.Rule && o.Severity >= h.Severity
				}
				if !found {
					t.Fatalf("%q: Adds lets %s pass", text[:i], h.Rule)
				}
			}
		}
	})
}

func BenchmarkAdds(b *testing.B) {
	e := shipped(b)
	text := strings.Repeat(schoolLine+" ", 7)
	n := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if e.Adds(text[:len(text)-70+i%70]) {
			n++
		}
	}
	b.ReportMetric(float64(n)/float64(b.N), "matched/key")
}
