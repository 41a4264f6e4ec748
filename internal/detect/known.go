package detect

// knows reports whether w is an ordinary word or a name.
func (e *Engine) knows(w []byte) bool { return e.known.Has(w) }

// Has reports whether w was added, or rarely (about one in a thousand) that a
// word was which was not.
func (k *KnownWords) Has(w []byte) bool {
	return k.has(hashWord(w))
}

func (k *KnownWords) has(x wordHash) bool {
	if len(k.Bits) == 0 {
		return false
	}
	h, step := x.bloom()
	mask := uint64(len(k.Bits))*8 - 1
	for range k.Hashes {
		if i := h & mask; k.Bits[i>>3]&(1<<(i&7)) == 0 {
			return false
		}
		h += step
	}
	return true
}

// NewKnownWords makes a filter for words, which are folded (WordsOf).
func NewKnownWords(words []string) KnownWords {
	if len(words) == 0 {
		return KnownWords{}
	}
	size := 64
	for size*8 < len(words)*12 {
		size *= 2
	}
	k := KnownWords{Bits: make([]byte, size), Hashes: 8}
	mask := uint64(size)*8 - 1
	for _, w := range words {
		h, step := hashWord([]byte(w)).bloom()
		for range k.Hashes {
			i := h & mask
			k.Bits[i>>3] |= 1 << (i & 7)
			h += step
		}
	}
	return k
}

// wordHash is a hash of a word (FNV-1a) that can be had a byte at a time.
type wordHash uint64

func newWordHash() wordHash { return 0xCBF29CE484222325 }

func (h wordHash) add(c byte) wordHash { return (h ^ wordHash(c)) * 0x100000001B3 }

func hashWord(w []byte) wordHash {
	h := newWordHash()
	for _, c := range w {
		h = h.add(c)
	}
	return h
}

// bloom returns the first position and the step of a word.
func (h wordHash) bloom() (first, step uint64) {
	x := uint64(h)
	x ^= x >> 32
	x *= goldenRatio
	x ^= x >> 29
	return x, x>>17 | x<<47 | 1
}
