package detect

import (
	"cmp"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// confusable is one character and the ASCII that it looks like.
type confusable struct {
	r  rune
	to string
}

// alsoConfusable lists look-alikes that are in wide use and that the Unicode
// data file maps to a character outside ASCII: letters whose capital form is
// the look-alike, and small capitals.
var alsoConfusable = [...]confusable{
	{'ӏ', "1"}, {'Ӏ', "1"}, {'І', "1"}, {'ǀ', "1"}, {'∣', "1"}, {'׀', "1"}, {'ן', "1"}, {'ı', "1"}, {'ⅼ', "1"}, // i or l: Leet tries both
	{'’', "'"}, {'‘', "'"}, {'ʼ', "'"}, {'´', "'"},
	{'ß', "ss"}, {'ɢ', "g"}, {'ɪ', "i"}, {'ɴ', "n"}, {'ʀ', "r"}, {'ʏ', "y"}, {'ʙ', "b"}, {'ʜ', "h"}, {'ʟ', "l"},
	{'κ', "k"}, {'η', "n"}, {'τ', "t"}, {'в', "b"}, {'и', "n"}, {'к', "k"}, {'м', "m"}, {'н', "h"}, {'п', "n"}, {'т', "t"}, {'я', "r"},
	{'ᴀ', "a"}, {'ᴄ', "c"}, {'ᴅ', "d"}, {'ᴇ', "e"}, {'ᴊ', "j"}, {'ᴋ', "k"}, {'ᴍ', "m"}, {'ᴏ', "o"}, {'ᴘ', "p"}, {'ᴛ', "t"},
	{'ᴜ', "u"}, {'ᴠ', "v"}, {'ᴡ', "w"}, {'ᴢ', "z"}, {'ꜰ', "f"}, {'ꜱ', "s"}, {'€', "e"}, {'£', "l"},
}

// looksLike returns the ASCII that r looks like, or "".
func looksLike(r rune) string {
	byRune := func(c confusable, r rune) int { return cmp.Compare(c.r, r) }
	for _, c := range alsoConfusable {
		if c.r == r {
			return c.to
		}
	}
	if i, ok := slices.BinarySearchFunc(confusables[:], r, byRune); ok {
		return confusables[i].to
	}
	const letters = "abcdefghijklmnopqrstuvwxyz"
	for _, first := range [...]rune{0x1F130, 0x1F150, 0x1F170, 0x1F1E6} { // squared, circled, regional letters
		if r >= first && r < first+26 {
			return letters[r-first : r-first+1]
		}
	}
	return ""
}

// asciiOf is looksLike for a letter outside ASCII in either case.
func asciiOf(r rune) string {
	if r < utf8.RuneSelf {
		return ""
	}
	if to := looksLike(r); to != "" {
		return to
	}
	return looksLike(unicode.ToLower(r))
}

// foldAll reads text without disguise of single characters: compatibility
// forms and accents are taken apart, marks and invisible characters dropped,
// look-alikes replaced by ASCII. A text that is mostly in another script keeps
// its letters: they are that language, not a disguise.
func foldAll(text string, f *folded) {
	f.buf, f.from = f.buf[:0], f.from[:0]
	foreign := mostlyForeign(text)
	var it norm.Iter
	it.InitString(norm.NFKD, text)
	for !it.Done() {
		pos := int32(it.Pos())
		seg := it.Next()
		for len(seg) > 0 {
			r, n := utf8.DecodeRune(seg)
			seg = seg[n:]
			if r >= utf8.RuneSelf && (unicode.IsMark(r) || ignorable(r)) {
				continue
			}
			before := len(f.buf)
			if to := asciiOf(r); to != "" && !foreign {
				f.buf = append(f.buf, to...)
			} else {
				f.buf = utf8.AppendRune(f.buf, unicode.ToLower(r))
			}
			for range len(f.buf) - before {
				f.from = append(f.from, pos)
			}
		}
	}
	f.from = append(f.from, int32(len(text)))
}

// mostlyForeign reports whether more letters of text lie outside the Latin
// script (in any of its styles) than inside it.
func mostlyForeign(text string) bool {
	latin, other := 0, 0
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			if byteClass[r] == byteWord {
				latin++
			}
		case unicode.Is(unicode.Cyrillic, r), unicode.Is(unicode.Greek, r), unicode.Is(unicode.Armenian, r),
			unicode.Is(unicode.Arabic, r), unicode.Is(unicode.Hebrew, r), unicode.Is(unicode.Han, r),
			unicode.Is(unicode.Devanagari, r), unicode.Is(unicode.Bengali, r), unicode.Is(unicode.Gurmukhi, r):
			other++
		}
	}
	return other > latin
}
