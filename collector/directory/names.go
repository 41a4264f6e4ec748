package directory

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Staff are found in a text by phrases of whole words: the full name, given
// and family name, initial and family name, a title and either name, and every
// alias. A family name alone is not one: many are everyday words, and every
// text with "green" in it would leave the DSL's queue. Whoever a phrase could mean
// is a possible subject, so two people of one name both are.

// MaxNameWords is how many words a name or alias has at most where it is
// looked for in texts.
const MaxNameWords = 4

// minNameLetters keeps initials and two-letter nicknames from being found in every text.
const minNameLetters = 3

// title stands for every form of address, so that "miss" finds a "Mrs".
const title = "~"

var titles = map[string]bool{
	"mr": true, "mrs": true, "ms": true, "miss": true, "mx": true, "dr": true, "doctor": true, "prof": true, "professor": true,
	"sir": true, "madam": true, "maam": true, "mister": true, "rev": true, "reverend": true, "father": true, "sister": true, "coach": true,
}

// Words splits a text into folded words without accents. Apostrophes belong to their word and
// vanish ("O'Brien" is obrien), an ending 's goes, anything else that is no
// letter or digit parts words. Forms of address become one sign.
func Words(text string) (words []string) {
	text = norm.NFKD.String(cases.Fold().String(norm.NFKC.String(text)))
	var b strings.Builder
	apostrophe := -1 // where the word had its last one
	flush := func() {
		w := b.String()
		if apostrophe >= 0 && w[apostrophe:] == "s" {
			w = w[:apostrophe]
		}
		if titles[w] {
			w = title
		}
		if w != "" {
			words = append(words, w)
		}
		b.Reset()
		apostrophe = -1
	}
	for _, r := range text {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r):
			// accents, and what is invisible
		case strings.ContainsRune("'’‘`´ʼ", r) && b.Len() > 0:
			apostrophe = b.Len()
		default:
			flush()
		}
	}
	flush()
	return words
}

// NamePhrases are the phrases by which a record is looked for in texts; none for pupils.
func NamePhrases(r Record) (all []string) {
	if r.Audience != vocab.Staff {
		return nil
	}
	add := func(words ...string) {
		letters := 0
		for _, w := range words {
			if w != title {
				letters += utf8.RuneCountInString(w)
			}
		}
		if p := strings.Join(words, " "); letters >= minNameLetters && len(words) <= MaxNameWords && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	full := plain(Words(r.Name))
	given, family := plain(Words(r.Given)), plain(Words(r.Family))
	if len(family) == 0 && len(full) > 0 {
		given, family = full[:len(full)-1], full[len(full)-1:]
	}
	if len(full) > 1 {
		add(full...)
	}
	families := [][]string{family}
	if len(family) > 1 { // double-barrelled, or with a particle
		families = append(families, family[len(family)-1:], family[:1])
	}
	for _, f := range families {
		if len(f) == 0 {
			continue
		}
		add(slices.Concat([]string{title}, f)...)
		if len(given) > 0 {
			add(slices.Concat(given[:1], f)...)
			first, _ := utf8.DecodeRuneInString(given[0])
			add(slices.Concat([]string{string(first)}, f)...)
		}
	}
	if len(given) > 0 {
		add(title, given[0])
	}
	for _, a := range r.Aliases {
		if words := Words(a); len(plain(words)) > 0 {
			add(words...)
		}
	}
	return all
}

func plain(words []string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == title })
}

// maxTextWords bounds the work for one text, and is more words than the longest
// has: excerpts have 200 characters, titles 1,024, requests for help 2,000. A name
// that stands beyond it would not be found, and the case be shown to whom it names.
const maxTextWords = 1_024

// Phrases are all that a text could name somebody by: every run of up to
// MaxNameWords words, and those that end in s without it ("mr porters
// lesson"). Each is listed once.
func Phrases(text string) (all []string) {
	words := Words(text)
	words = words[:min(len(words), maxTextWords)]
	seen := map[string]bool{}
	add := func(p string) {
		if !seen[p] {
			seen[p] = true
			all = append(all, p)
		}
	}
	for i := range words {
		for n := 1; n <= MaxNameWords && i+n <= len(words); n++ {
			p := strings.Join(words[i:i+n], " ")
			if len(p) < minNameLetters {
				continue
			}
			add(p)
			if strings.HasSuffix(p, "s") && len(p) > minNameLetters {
				add(p[:len(p)-1])
			}
		}
	}
	return all
}
