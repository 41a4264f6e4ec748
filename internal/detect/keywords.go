package detect

import (
	"bytes"
	"cmp"
	"slices"
)

// keyWords lists the words that may be looked for behind hidden or missing
// letters (WordKey, and not WordCommon), by length and first letter, so that
// what a disguise may stand for is compared with a few dozen words.
type keyWords struct {
	text  []byte
	words []keyWord // by length, then by text
	from  [(maxKey-minKey+1)*26 + 1]uint32
}

type keyWord struct {
	at uint32 // where in text
	id uint32
}

// Lengths of the words listed, in bytes; they begin with a letter a to z.
const (
	minKey = 3
	maxKey = 21
)

// keyBucket is where words of a length that begin with a letter stand in
// keyWords.from, or -1.
func keyBucket(size int, first byte) int {
	if size < minKey || size > maxKey || first < 'a' || first > 'z' {
		return -1
	}
	return (size-minKey)*26 + int(first-'a')
}

// newKeyWords lists n words; word returns each with the flags and the id that
// it is matched as.
func newKeyWords(n int, word func(i int) ([]byte, WordFlags, uint32)) *keyWords {
	type entry struct {
		w  []byte
		id uint32
	}
	var all []entry
	k := &keyWords{}
	size := 0
	for i := range n {
		w, f, id := word(i)
		if f&WordKey != 0 && f&WordCommon == 0 && len(w) > 0 && keyBucket(len(w), w[0]) >= 0 {
			all = append(all, entry{w, id})
			size += len(w)
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(len(a.w), len(b.w)), bytes.Compare(a.w, b.w))
	})
	k.text, k.words = make([]byte, 0, size), make([]keyWord, 0, len(all))
	for _, e := range all {
		k.words = append(k.words, keyWord{uint32(len(k.text)), e.id})
		k.text = append(k.text, e.w...)
		k.from[keyBucket(len(e.w), e.w[0])+1]++
	}
	for i := range k.from[1:] {
		k.from[i+1] += k.from[i]
	}
	return k
}

// of returns the words of a length that begin with a letter.
func (k *keyWords) of(size int, first byte) []keyWord {
	b := keyBucket(size, first)
	if b < 0 {
		return nil
	}
	return k.words[k.from[b]:k.from[b+1]]
}

// fits reports whether a word may be w with letters a to z where w has other
// characters.
func (k *keyWords) fits(x keyWord, w []byte) bool {
	for i, c := range k.text[x.at : int(x.at)+len(w)] {
		if c != w[i] && (c < 'a' || c > 'z' || w[i] >= 'a' && w[i] <= 'z') {
			return false
		}
	}
	return true
}

// lacking returns where in a word the one letter stands that w does not have:
// the first such place, never at an end; 0 when w is something else.
func (k *keyWords) lacking(x keyWord, w []byte) int {
	full := k.text[x.at : int(x.at)+len(w)+1]
	at := len(w) // all from here on is the same, one place on
	for at > 0 && full[at] == w[at-1] {
		at--
	}
	at = max(at, 1)
	if at >= len(w) || full[at] < 'a' || full[at] > 'z' || !bytes.Equal(full[:at], w[:at]) {
		return 0
	}
	return at
}

func (k *keyWords) bytes() int { return len(k.text) + len(k.words)*8 + len(k.from)*4 }
