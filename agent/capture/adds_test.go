package capture

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/internal/detect"
)

// everyKey hides that the engine knows which keys need no match.
type everyKey struct{ e *detect.Engine }

func (k everyKey) Match(text string, o detect.Options) []detect.Hit { return k.e.Match(text, o) }

// TestNoKeyIsMissed types, takes back, pastes and waits at two machines, of
// which one matches every key: they report the same, at the same moment.
func TestNoKeyIsMissed(t *testing.T) {
	engine, lines := shipped(t)
	pieces := []string{" ", " ", ". ", ", ", "? ", "'", "-", "*", "k i l l ", "k1ll ", "siucide ", "wanttodie ", "é ", "a ", "not ", "lol ", "hard ", "x"}
	for _, l := range lines {
		pieces = append(pieces, l+" ")
		for _, w := range strings.Fields(l) {
			pieces = append(pieces, w+" ")
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		fast, slow := newRun(t), newRun(t)
		fast.m, slow.m = newTold(Config{}, engine), newTold(Config{}, everyKey{engine})
		at := testStart
		step := func(in Input) {
			in.At = at
			got, want := fast.m.Step(in), slow.m.Step(in)
			if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
				t.Fatalf("every key (-) and the shortcut (+) differ:\n%s", d)
			}
		}
		step(Input{Kind: FieldChanged, Field: Field{ID: "f", Role: RoleText}})
		for range rapid.IntRange(1, 12).Draw(t, "pieces") {
			piece := rapid.SampledFrom(pieces).Draw(t, "piece")
			switch rapid.IntRange(0, 9).Draw(t, "how") {
			case 0:
				step(Input{Kind: Inserted, Text: piece})
			case 1:
				at = at.Add(rapid.SampledFrom([]time.Duration{settleAfter, DefaultPause}).Draw(t, "wait"))
				step(Input{Kind: Tick})
			case 2:
				for range rapid.IntRange(1, 6).Draw(t, "back") {
					step(Input{Kind: Backspace})
				}
			default:
				for _, c := range piece {
					at = at.Add(50 * time.Millisecond)
					step(Input{Kind: Typed, Rune: c})
				}
			}
		}
		step(Input{Kind: Enter})
	})
}
