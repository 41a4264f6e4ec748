package directory

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Masked stands where a name stood.
const Masked = "[name]"

// Limits of what is looked for in one text.
const (
	maxSplit = 32 // letters of a word that is looked at as two names written together
	maxRun   = 24 // letters written one by one
)

// Mask replaces every word of a text that known says is somebody's name or
// account, as Terms has them, and returns the text with where each byte offset
// of before stands now: in a masked word, at its beginning. Names written
// together ("rowanashdown"), in parts ("o brien"), with a number behind them or
// letter by letter are found too. A word of one letter names nobody by itself,
// and an everyday word only beside another name ("will green").
func Mask(text string, known func(word string) bool) (masked string, moved func(int) int) {
	toks := tokens(text)
	hide := make([]bool, len(toks))
	weak := make([]bool, len(toks))
	for i, t := range toks {
		switch {
		case everyday[t.word]:
			weak[i] = known(t.word)
		case names(t.word, known):
			hide[i] = true
		}
		if i > 0 && near(text, toks[i-1], t) && !(everyday[toks[i-1].word] && everyday[t.word]) && known(toks[i-1].word+t.word) {
			hide[i-1], hide[i] = true, true
		}
	}
	spelt(toks, hide, known)
	strong := slices.Clone(hide)
	for i := range toks {
		if weak[i] && (i > 0 && strong[i-1] || i+1 < len(toks) && strong[i+1]) {
			hide[i] = true
		}
	}
	return redact(text, toks, hide)
}

// names reports whether a word is a name, or names written together, with or
// without a number or an s behind it.
func names(w string, known func(string) bool) bool {
	bare := strings.TrimRightFunc(w, unicode.IsDigit)
	for _, s := range []string{w, bare, strings.TrimSuffix(bare, "s")} {
		if utf8.RuneCountInString(s) > 1 && known(s) {
			return true
		}
	}
	runes := []rune(bare)
	if len(runes) > maxSplit {
		return false
	}
	for i := 2; i+2 <= len(runes); i++ {
		a, b := string(runes[:i]), string(runes[i:])
		// Everyday words, and the shortest, make too many English words.
		if len(runes) >= 5 && !everyday[a] && !everyday[b] && known(a) && (known(b) || known(strings.TrimSuffix(b, "s"))) {
			return true
		}
	}
	return false
}

// spelt finds names written letter by letter.
func spelt(toks []token, hide []bool, known func(string) bool) {
	for from := 0; from < len(toks); {
		to := from
		for to < len(toks) && to-from < maxRun && utf8.RuneCountInString(toks[to].word) == 1 {
			to++
		}
		for a := from; a < to; a++ {
			for b := to; b >= a+3; b-- {
				var w strings.Builder
				for _, t := range toks[a:b] {
					w.WriteString(t.word)
				}
				if names(w.String(), known) {
					for i := a; i < b; i++ {
						hide[i] = true
					}
				}
			}
		}
		from = max(to, from+1)
	}
}

// token is one word of a text: where it stands, and as Words folds it.
type token struct {
	start, end int
	word       string
}

// tokens splits like Words, keeping where each word stands. A form of address is no word.
func tokens(text string) (all []token) {
	start := -1
	flush := func(end int) {
		if start >= 0 {
			if w := strings.Join(SearchWords(text[start:end]), ""); w != "" {
				all = append(all, token{start, end, w})
			}
		}
		start = -1
	}
	for i, r := range text {
		if inWord(r) || start >= 0 && strings.ContainsRune("'’‘`´ʼ", r) {
			if start < 0 {
				start = i
			}
			continue
		}
		flush(i)
	}
	flush(len(text))
	return all
}

// inWord reports whether r is, or becomes when it is folded, part of a word.
func inWord(r rune) bool {
	for _, f := range norm.NFKC.String(string(r)) {
		if unicode.IsLetter(f) || unicode.IsDigit(f) || unicode.Is(unicode.Mn, f) || unicode.Is(unicode.Cf, f) {
			return true
		}
	}
	return false
}

// near reports whether two words stand close enough to be one that was parted.
func near(text string, a, b token) bool { return utf8.RuneCountInString(text[a.end:b.start]) <= 2 }

// redact writes the text with its hidden words masked; words that follow each other are one mask.
func redact(text string, toks []token, hide []bool) (string, func(int) int) {
	type gap struct{ start, end, at int } // of the text, and where its mask stands
	var out strings.Builder
	var gaps []gap
	done := 0
	for i := 0; i < len(toks); i++ {
		if !hide[i] {
			continue
		}
		start := toks[i].start
		for i+1 < len(toks) && hide[i+1] && near(text, toks[i], toks[i+1]) {
			i++
		}
		out.WriteString(text[done:start])
		gaps = append(gaps, gap{start, toks[i].end, out.Len()})
		out.WriteString(Masked)
		done = toks[i].end
	}
	out.WriteString(text[done:])
	return out.String(), func(at int) int {
		shift := 0
		for _, g := range gaps {
			if at <= g.start {
				break
			}
			if at < g.end {
				return g.at
			}
			shift = g.at + len(Masked) - g.end
		}
		return at + shift
	}
}

// everyday are words that nearly every sentence has. One of them alone tells
// of nobody, though somebody may be called so.
var everyday = func() map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(`a about after all am an and any are as at be been but by can could did do does for from get go
		had has have he her hers him his how i if in into is it its just like may me might more must my no nor not now of off on one or our
		out over own shall she so some than that the their them then there these they this to too up us very was we were what when
		where which while who why will with would yes you your`) {
		all[w] = true
	}
	return all
}()
