package capture

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/internal/detect"
)

// recorder is a Matcher that keeps what it is asked.
type recorder struct{ asked []string }

func (r *recorder) Match(text string, o detect.Options) []detect.Hit {
	r.asked = append(r.asked, text)
	return testRules.Match(text, o)
}

// anyInput draws what sensors may say: words that are flagged, marked with the
// sign of the time in which they are typed or shown.
func anyInput(t *rapid.T, sign string) Input {
	words := sign + " cut myself " + sign
	roles := []Role{RoleText, RoleNone, RolePending, RolePassword, RoleDenied}
	f := Field{ID: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "field"), Role: rapid.SampledFrom(roles).Draw(t, "role"), App: "editor", Web: rapid.Bool().Draw(t, "web")}
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return Input{Kind: FieldChanged, Field: f}
	case 1:
		return Input{Kind: TitleShown, Text: words, Field: Field{App: "editor", Web: f.Web}}
	case 2:
		return Input{Kind: Typed, Rune: []rune(sign)[0]}
	case 3:
		return Input{Kind: rapid.SampledFrom([]InputKind{Enter, Backspace, CaretMoved, Tick, ScreenLocked, ScreenUnlocked}).Draw(t, "other")}
	}
	return Input{Kind: Inserted, Text: words + " "}
}

// TestNothingBeforeThePersonIsTold: whatever the sensors say, nothing is
// matched, told or counted before the person has been shown the notice; and of
// what came before, nothing is looked at afterwards.
func TestNothingBeforeThePersonIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seen := &recorder{}
		m, at := New(Config{}, seen), testStart
		step := func(sign string) []Report {
			at = at.Add(time.Duration(rapid.SampledFrom([]int{1, 299, 1500, 2000, 5000}).Draw(t, "ms")) * time.Millisecond)
			in := anyInput(t, sign)
			in.At = at
			return m.Step(in)
		}
		quiet := func(when string, reports []Report) {
			if len(seen.asked) > 0 || len(reports) > 0 || m.Counters() != (Counters{}) {
				t.Fatalf("%s the person was told: %d texts matched, %d reports, %+v", when, len(seen.asked), len(reports), m.Counters())
			}
		}
		for range rapid.IntRange(0, 20).Draw(t, "before") {
			quiet("before", step("ψ"))
		}
		quiet("as", m.SetTold(true, at))
		reports := []Report{}
		for range rapid.IntRange(0, 20).Draw(t, "while") {
			reports = append(reports, step("κ")...)
		}
		reports = append(reports, m.SetTold(false, at)...)
		known := len(seen.asked)
		for range rapid.IntRange(0, 20).Draw(t, "after") {
			reports = append(reports, step("ψ")...)
		}
		reports = append(reports, m.Close(at.Add(time.Minute))...)
		for _, text := range seen.asked {
			if strings.Contains(text, "ψ") {
				t.Fatalf("matched what was not to be looked at: %q", text)
			}
		}
		if len(seen.asked) != known {
			t.Fatalf("%d texts were matched after a new notice that nobody was shown", len(seen.asked)-known)
		}
		for _, r := range reports {
			// The title is that of the window as it still stands there.
			if strings.Contains(r.Capture.Excerpt, "ψ") {
				t.Fatalf("told what was not to be looked at: %v", r.Capture)
			}
		}
	})
}
