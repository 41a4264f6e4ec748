package capture

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// shipped loads the rule packs that Lapwing ships, and their example lines.
func shipped(t testing.TB) (*detect.Engine, []string) {
	t.Helper()
	packs, problems := rulepack.ReadDir(configs.Rules())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	engine, err := rulepack.Engine(packs)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range packs {
		for _, r := range p.Rules {
			for _, e := range slices.Concat(r.Examples.Hit, r.Examples.Miss) {
				lines = append(lines, e.Value)
			}
		}
	}
	if len(lines) < 100 {
		t.Fatalf("only %d example lines", len(lines))
	}
	return engine, lines
}

// TestShippedRules types every example line of the shipped packs with the real
// engine: the final captures are those of the whole line, and what is high or
// critical in the end was told before the line did, but for a hit that waits for
// the end of the line's last word.
func TestShippedRules(t *testing.T) {
	engine, lines := shipped(t)
	r := newRun(t)
	r.m = newTold(Config{}, engine)
	r.text("f")
	for _, line := range lines {
		if slices.ContainsFunc([]rune(line), func(c rune) bool { return c < ' ' }) {
			continue // a line end would end the fragment
		}
		r.wait(2 * limitWindow) // so that no limit holds anything back
		r.all = nil
		before := r.types(line)
		r.press(Enter)

		want := map[string]lapwingv1.Severity{}
		growing := false
		for _, h := range engine.Match(line, detect.Options{}) {
			growing = growing || h.Growing
			if s := lapwingv1.FromSeverity(h.Severity); want[h.Rule] < s {
				want[h.Rule] = s
			}
		}
		got := map[string]lapwingv1.Severity{}
		for _, rep := range r.all {
			c := rep.Capture
			if !c.Final || c.Withdrawn {
				continue
			}
			for _, rule := range c.Rules {
				got[rule.Rule] = rule.Severity
			}
			told := slices.ContainsFunc(before, func(b Report) bool { return b.CaptureID == rep.CaptureID })
			if !told && !growing && c.Severity.Vocab().Immediate() {
				t.Errorf("%q: %s came only with the end of the line", line, c.Rules[0].Rule)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: whole (-) and typed (+) differ:\n%s", line, d)
		}
	}
}

// TestNameWaitsForTheEndOfTheWord types threats that end with a name, which may
// be the beginning of another word.
func TestNameWaitsForTheEndOfTheWord(t *testing.T) {
	engine, _ := shipped(t)
	for _, end := range []struct {
		name string
		does func(r *run) []Report
		want string
	}{
		{"space", func(r *run) []Report { return r.types(" ") }, `1.0 violence high "im <gonna stab tim>"`},
		{"stop", func(r *run) []Report { return r.types(".") }, `1.0 violence high "im <gonna stab tim>."`},
		{"possessive", func(r *run) []Report { return r.types("s ") }, `1.0 violence high "im <gonna stab tims>"`},
		{"enter", func(r *run) []Report { return r.press(Enter) }, `1.0 violence high final "im <gonna stab tim>"`},
		{"two seconds", func(r *run) []Report { return r.wait(settleAfter) }, `1.0 violence high "im <gonna stab tim>"`},
		{"another word", func(r *run) []Report { return append(r.types("ber"), r.press(Enter)...) }, ""},
	} {
		t.Run(end.name, func(t *testing.T) {
			r := newRun(t)
			r.m = newTold(Config{}, engine)
			r.text("f")
			expect(t, r.types("im gonna stab tim"))
			if got := show(end.does(r)); got != end.want {
				t.Errorf("got %s, want %s", got, end.want)
			}
		})
	}
}

// BenchmarkType is one key in the middle of an essay, with the shipped packs.
func BenchmarkType(b *testing.B) {
	engine, _ := shipped(b)
	m := newTold(Config{}, engine)
	at := testStart
	m.Step(Input{At: at, Kind: FieldChanged, Field: Field{ID: "f", Role: RoleText}})
	essay := []rune("The Tudors ruled for over a hundred years, and in that time England changed more than it had before. ")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at = at.Add(100 * time.Millisecond)
		m.Step(Input{At: at, Kind: Typed, Rune: essay[i%len(essay)]})
	}
}
