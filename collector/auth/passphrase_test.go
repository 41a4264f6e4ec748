package auth

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCheckPassphrase(t *testing.T) {
	for _, good := range []string{"plover marsh teapot ladder", "correct horse battery staple", "K7#vq9!xL2@mZp4", "vier Wörter über Züge", "пять слов о птицах", "8391 2204 9917 5068"} {
		if m := CheckPassphrase(good, "Hanna Marlow", "Peewit Green School"); m != "" {
			t.Errorf("%q: %s", good, m)
		}
	}
	for bad, want := range map[string]string{
		"": "Enter", "four words": "at least 15", "              x": "at least 15",
		strings.Repeat("ab c", 257): "at most 1,024", "bad\xffbytes in a long one": "letters", "a line\nbreak in a long one": "letters",
		"aaaaaaaaaaaaaaaa": "easy", "abababababababab": "easy", "abcdefghijklmnop": "easy", "1234567890123456": "easy", "qwertyuiopasdfghjkl": "easy",
		"passwordpassword1": "easy", "lapwing lapwing school": "easy", "hanna marlow hanna": "easy", "peewit green school": "easy", "password12345678": "easy",
	} {
		if m := CheckPassphrase(bad, "Hanna Marlow", "Peewit Green School"); !strings.Contains(m, want) {
			t.Errorf("%q: %q, want %q", bad, m, want)
		}
	}
}

func TestPassphraseFormsAreEqual(t *testing.T) {
	if normalise("cafe\u0301 marsh") != normalise("caf\u00e9 marsh") {
		t.Error("the same letters from two keyboards differ")
	}
}

// Whatever is typed gets an answer, and only texts within the limits pass.
func TestCheckPassphraseProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "passphrase")
		if CheckPassphrase(p, rapid.String().Draw(t, "name")) == "" && (len(p) > MaxPassphraseBytes || !utf8.ValidString(p)) {
			t.Fatalf("%q passes", p)
		}
	})
}

func FuzzParseSecret(f *testing.F) {
	good, hash := newSecret(7)
	f.Add(good)
	f.Add("1.")
	f.Add("+1." + strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, v string) {
		school, got, ok := parseSecret(v)
		if !ok {
			return
		}
		if school < 1 {
			t.Errorf("%q: school %d", v, school)
		}
		if v == good && got != hash {
			t.Error("the hash is not the one that is kept")
		}
	})
	if s, h, ok := parseSecret(good); !ok || s != 7 || h != hash {
		f.Error("a fresh secret does not parse")
	}
	for _, bad := range []string{"", ".", "0." + good[2:], "01." + good[2:], "-1." + good[2:], good + "A", "99999999999." + good[2:], good[2:]} {
		if _, _, ok := parseSecret(bad); ok {
			f.Errorf("%q parses", bad)
		}
	}
}
