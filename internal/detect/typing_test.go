package detect

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestStreamEnds types and takes back: what Ends says is what Match finds in
// the text that stands there.
func TestStreamEnds(t *testing.T) {
	e := listEngine(t, []string{"a", "a b", "b c d", "b b b b b b b b b b b b b b b b", "don't", "don", "extraordinarily c"}, map[string]string{"see": "c"})
	pieces := []string{"a", "b", "c", "d", "B", "don't", "'", "see", "extraordinarily", "é", " ", " ", " ", ", ", ". ", ".", "\n", "`", "\"", strings.Repeat("b ", 20), strings.Repeat("x", 70)}
	rapid.Check(t, func(t *rapid.T) {
		s := e.NewStream(Options{})
		check := func() {
			text, want := s.Text(), false
			for _, f := range model(e, text) {
				want = want || f[1] == len(text)
			}
			if s.Ends() != want {
				t.Fatalf("%q: Ends is %v, want %v", text, s.Ends(), want)
			}
		}
		for range rapid.IntRange(0, 40).Draw(t, "pieces") {
			for _, r := range rapid.SampledFrom(pieces).Draw(t, "piece") {
				s.Type(r)
				check()
			}
			for range rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5}).Draw(t, "back") {
				s.Backspace()
				check()
			}
		}
	})
}

func TestTypingAllocatesNothing(t *testing.T) {
	e := listEngine(t, []string{"a", "a b", "roads so that", "extraordinarily"}, nil)
	s := e.NewStream(Options{})
	s.Insert(strings.Repeat("a b ", StreamRunes/2)) // the buffer is made
	if n := testing.AllocsPerRun(1000, func() { s.Insert("Roads so extraordinarily a b. ") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
