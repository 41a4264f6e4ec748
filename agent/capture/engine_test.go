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
// critical in the end was told before the line did.
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
		for _, h := range engine.Match(line, detect.Options{}) {
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
			if !told && c.Severity.Vocab().Immediate() {
				t.Errorf("%q: %s came only with the end of the line", line, c.Rules[0].Rule)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: whole (-) and typed (+) differ:\n%s", line, d)
		}
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
