package edge

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShorten(t *testing.T) {
	for _, tc := range []struct {
		in   string
		n    int
		want string
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abc", 2, "ab"}, {"né", 2, "n"}, {"né", 3, "né"}, {"🦉🦉", 7, "🦉"}, {"x", 0, ""},
	} {
		if got := Shorten(tc.in, tc.n); got != tc.want {
			t.Errorf("Shorten(%q, %d) = %q, want %q", tc.in, tc.n, got, tc.want)
		}
	}
}

func FuzzShorten(f *testing.F) {
	f.Add("né\xff", uint8(2))
	f.Fuzz(func(t *testing.T, s string, n uint8) {
		got := Shorten(s, int(n))
		if len(got) > int(n) || !strings.HasPrefix(s, got) || utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("Shorten(%q, %d) = %q", s, n, got)
		}
	})
}
