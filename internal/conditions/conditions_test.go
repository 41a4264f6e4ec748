package conditions

import (
	"regexp"
	"strings"
	"testing"
)

// TestRegistry holds what the wire and the screens rely on: codes are unique,
// in the form of a metric label and within Coverage.code's 64 bytes; words are
// whole sentences or titles.
func TestRegistry(t *testing.T) {
	form := regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	seen := map[string]bool{}
	for _, c := range All() {
		if !form.MatchString(c.Code) {
			t.Errorf("code %q is not lower_snake_case of at most 64 bytes", c.Code)
		}
		if seen[c.Code] {
			t.Errorf("code %q stands twice", c.Code)
		}
		seen[c.Code] = true
		if c.Title == "" || strings.HasSuffix(c.Title, ".") {
			t.Errorf("%s: title %q is empty or ends with a full stop", c.Code, c.Title)
		}
		if !strings.HasSuffix(c.Action, ".") {
			t.Errorf("%s: action %q is not a sentence", c.Code, c.Action)
		}
		if c.Severity < Info || c.Severity > Problem {
			t.Errorf("%s: severity %d", c.Code, c.Severity)
		}
		if got, ok := Lookup(c.Code); !ok || got != c {
			t.Errorf("Lookup(%q) = %v, %v", c.Code, got, ok)
		}
	}
}

func TestLookupUnknown(t *testing.T) {
	c, ok := Lookup("from_the_future")
	if ok || c.Code != "from_the_future" || c.Title == "" || c.Action == "" {
		t.Errorf("Lookup of an unknown code = %+v, %v", c, ok)
	}
}

func TestAllIsACopy(t *testing.T) {
	All()[0].Title = "changed"
	if All()[0].Title == "changed" {
		t.Error("All lets callers change the registry")
	}
}

func TestSeverityWords(t *testing.T) {
	for s, want := range map[Severity]string{Info: "info", Warning: "warning", Problem: "problem", 0: "unknown", 9: "unknown"} {
		if got := s.String(); got != want {
			t.Errorf("%d is %q, want %q", s, got, want)
		}
	}
}
