package token_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/token"
)

func TestNewIsLongAndNeverRepeats(t *testing.T) {
	form := regexp.MustCompile(`^[a-z2-7]{32}$`)
	seen := map[string]bool{}
	for range 1000 {
		s := token.New()
		if !form.MatchString(s) {
			t.Fatalf("New() has the form %q", s)
		}
		if seen[s] {
			t.Fatal("New() repeated itself")
		}
		seen[s] = true
	}
}

func TestSchool(t *testing.T) {
	long := strings.Repeat("a", 64)
	for tok, want := range map[string]string{
		token.ForSchool("demo-school"): "demo-school",
		token.ForSchool(long):          long,
		"":                             "",
		"abc":                          "",
		"abc_":                         "",
		"_abc":                         "",
		"a_b_c":                        "a",
	} {
		if got := token.School(tok); got != want {
			t.Errorf("School(%q) = %q, want %q", tok, got, want)
		}
	}
	if n := len(token.ForSchool(long)); n > 128 {
		t.Errorf("a token has %d bytes; the enrolment string takes 128", n)
	}
}
