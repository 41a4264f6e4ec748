package checks

import (
	"strings"
	"testing"
)

func TestRegistry(t *testing.T) {
	seen := map[string]bool{}
	for i, c := range All() {
		if seen[c.ID] || c.ID == "" || len(c.ID) > 64 {
			t.Errorf("id %q stands twice or is no id", c.ID)
		}
		seen[c.ID] = true
		for name, s := range map[string]string{"title": c.Title, "plural": c.Plural, "control": c.Control, "do": c.Do, "fix": c.Fix, "risk": c.Risk} {
			if s == "" || len(s) > 200 || strings.ContainsAny(s, "—!") {
				t.Errorf("%s of %s: %q", name, c.ID, s)
			}
		}
		if Index(c.ID) != i || c.Weight <= 0 {
			t.Errorf("%s: place %d, weight %d", c.ID, Index(c.ID), c.Weight)
		}
	}
	if c, ok := Lookup("of_next_year"); ok || c.Title == "" || c.Do == "" {
		t.Errorf("unknown check: %+v, %v", c, ok)
	}
}

func TestStates(t *testing.T) {
	for _, s := range []State{Unknown, Pass, Fail} {
		if ParseState(s.String()) != s {
			t.Errorf("%v does not come back", s)
		}
	}
	if ParseState("green") != Unknown || State(9).String() != "unknown" {
		t.Error("what is not known must not pass")
	}
}

func TestEveryMediaCodeHasWords(t *testing.T) {
	for code, words := range mediaWords {
		if words == "" || Word(code) != words {
			t.Errorf("%s: %q", code, words)
		}
	}
	if Word("") != "" || Word("of_next_year") == "" {
		t.Error("no code is no word; an unknown code has one")
	}
}
