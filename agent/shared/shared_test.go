package shared

import (
	"testing"

	"pgregory.net/rapid"
)

func TestAccount(t *testing.T) {
	patterns := []string{"Exam*", "*-library-*", `MAYFIELD\front desk`}
	for account, want := range map[string]bool{
		"guest": true, "Guest": true, "guest-x7f2aa": true, `MAYFIELD\Guest`: true, "guest@mayfield.example": true, "_guest": true,
		"exam01": true, `mayfield\EXAM12`: true, "exam01@mayfield.example": true, "pc-library-3": true, `mayfield\front desk`: true,
		"": false, "rowan.pike": false, "guestbook.keeper": false, "my-exam01": false, "library-3": false, "front desk": false, "augustguest": false,
	} {
		if Account(account, patterns) != want {
			t.Errorf("%q: want %v", account, want)
		}
	}
}

// TestMatch holds match to the plain definition.
func TestMatch(t *testing.T) {
	letters := rapid.StringOfN(rapid.SampledFrom([]rune("ab*")), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		p, s := letters.Draw(t, "pattern"), rapid.StringOfN(rapid.SampledFrom([]rune("ab")), 0, 8, -1).Draw(t, "name")
		if match(p, s) != slow(p, s) {
			t.Fatalf("%q on %q: %v", p, s, match(p, s))
		}
	})
}

func slow(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case p[0] == '*':
		return slow(p[1:], s) || s != "" && slow(p, s[1:])
	}
	return s != "" && p[0] == s[0] && slow(p[1:], s[1:])
}
