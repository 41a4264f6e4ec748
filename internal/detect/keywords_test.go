package detect

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestKeyWordsAgreeWithTryingEveryLetter compares the index with what it
// stands for: putting every letter into every place.
func TestKeyWordsAgreeWithTryingEveryLetter(t *testing.T) {
	letters := rapid.SampledFrom([]byte("aabbc"))
	rapid.Check(t, func(t *rapid.T) {
		var list []string
		for _, w := range rapid.SliceOfN(rapid.SliceOfN(letters, 2, 7), 1, 30).Draw(t, "words") {
			if !slices.Contains(list, string(w)) {
				list = append(list, string(w))
			}
		}
		k := newKeyWords(func(f func([]byte, WordFlags, uint32)) {
			for i, w := range list {
				f([]byte(w), WordKey, uint32(i))
			}
		})
		id := func(w []byte) (uint32, bool) {
			i := slices.Index(list, string(w))
			return uint32(i), i >= 0 && len(w) >= minKey
		}

		masked := rapid.SliceOfN(letters, 3, 7).Draw(t, "masked")
		masked[rapid.IntRange(1, len(masked)-1).Draw(t, "place")] = '*'
		var want, got []uint32
		for c := byte('a'); c <= 'z'; c++ {
			w := slices.Clone(masked)
			w[slices.Index(w, '*')] = c
			if i, ok := id(w); ok {
				want = append(want, i)
			}
		}
		for _, x := range k.of(len(masked), masked[0]) {
			if k.fits(x, masked) {
				got = append(got, x.id)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q of %q: %v, want %v", masked, list, got, want)
		}

		short := rapid.SliceOfN(letters, 2, 6).Draw(t, "short")
		for _, x := range k.of(len(short)+1, short[0]) {
			first := 0
			for at := len(short) - 1; at > 0; at-- {
				for c := byte('a'); c <= 'z'; c++ {
					if i, ok := id(slices.Insert(slices.Clone(short), at, c)); ok && i == x.id {
						first = at
					}
				}
			}
			if at := k.lacking(x, short); at != first {
				t.Fatalf("%q lacks a letter of %q at %d, want %d", short, list[x.id], at, first)
			}
		}
	})
}
