package detect

import (
	"bytes"
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

// newKeyWords lists the words that each calls its argument with, along with
// their flags and the id that they are matched as. each is called twice.
func newKeyWords(each func(f func(w []byte, f WordFlags, id uint32))) *keyWords {
	k := &keyWords{}
	listed := func(w []byte, f WordFlags) int {
		if f&WordKey == 0 || f&WordCommon != 0 || len(w) == 0 {
			return -1
		}
		return keyBucket(len(w), w[0])
	}
	size := 0
	each(func(w []byte, f WordFlags, _ uint32) {
		if b := listed(w, f); b >= 0 {
			k.from[b+1]++
			size += len(w)
		}
	})
	for i := range k.from[1:] {
		k.from[i+1] += k.from[i]
	}
	k.text, k.words = make([]byte, 0, size), make([]keyWord, k.from[len(k.from)-1])
	next := k.from
	each(func(w []byte, f WordFlags, id uint32) {
		if b := listed(w, f); b >= 0 {
			k.words[next[b]] = keyWord{uint32(len(k.text)), id}
			next[b]++
			k.text = append(k.text, w...)
		}
	})
	for b, from := range k.from[:len(k.from)-1] {
		n := uint32(b/26 + minKey)
		slices.SortStableFunc(k.words[from:k.from[b+1]], func(x, y keyWord) int {
			return bytes.Compare(k.text[x.at:x.at+n], k.text[y.at:y.at+n])
		})
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
