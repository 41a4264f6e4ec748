package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Limits of a passphrase. Fifteen characters is what NIST SP 800-63B-4 (2025)
// asks of a password that is the only factor; four everyday words reach it.
const (
	MinPassphraseChars = 15
	MaxPassphraseBytes = 1024
)

// CheckPassphrase says what is wrong with a new passphrase, in words for the
// person who typed it, or returns "". Nothing is demanded of its make-up
// (no digits, no capitals); what is refused is what guessers try first.
// names are words that must not make up the passphrase: the person's own
// name, the school's.
func CheckPassphrase(passphrase string, names ...string) string {
	switch {
	case passphrase == "":
		return "Enter a passphrase"
	case len(passphrase) > MaxPassphraseBytes:
		return "Use a passphrase of at most 1,024 characters"
	case !utf8.ValidString(passphrase) || strings.ContainsFunc(passphrase, unicode.IsControl):
		return "Use letters, digits, spaces and signs only"
	}
	p := normalise(passphrase)
	if utf8.RuneCountInString(strings.TrimSpace(p)) < MinPassphraseChars {
		return "Use at least 15 characters: four everyday words will do"
	}
	if fewKinds(p) || running(p) || onlyOf(p, names) {
		return "That passphrase is easy to guess. Use four words that do not belong together"
	}
	return ""
}

// normalise makes the same passphrase from different keyboards equal
// (SP 800-63B-4 names NFKC).
func normalise(passphrase string) string { return norm.NFKC.String(passphrase) }

// fewKinds reports at most four different characters, as in "aaaaaaaaaaaaaaa".
func fewKinds(p string) bool {
	kinds := map[rune]bool{}
	for _, r := range strings.ToLower(p) {
		kinds[r] = true
	}
	return len(kinds) <= 4
}

// running reports that nearly every character follows its neighbour in the
// alphabet, the digits or on the keyboard: "abcdefghijklmnop", "12345678…".
func running(p string) bool {
	const rows = "abcdefghijklmnopqrstuvwxyz 01234567890 qwertyuiop asdfghjkl zxcvbnm"
	s := []rune(strings.ToLower(p))
	steps := 0
	for i := 1; i < len(s); i++ {
		pair := string(s[i-1 : i+1])
		if strings.Contains(rows, pair) || strings.Contains(rows, string([]rune{s[i], s[i-1]})) {
			steps++
		}
	}
	return steps*10 >= (len(s)-1)*7
}

// onlyOf reports that nothing much is left once the obvious words are gone.
func onlyOf(p string, names []string) bool {
	rest := strings.ToLower(p)
	words := []string{"passphrase", "password", "letmein", "welcome", "lapwing", "school", "safeguarding", "qwerty"}
	for _, n := range names {
		words = append(words, strings.Fields(strings.ToLower(n))...)
	}
	for _, w := range words {
		if len(w) >= 3 {
			rest = strings.ReplaceAll(rest, w, "")
		}
	}
	rest = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, rest)
	return utf8.RuneCountInString(rest) < 6 || fewKinds(rest) || running(rest)
}
