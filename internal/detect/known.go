package detect

// knows reports whether w is an ordinary word or a name.
func (e *Engine) knows(w []byte) bool { return e.known.Has(w) }

// Has reports whether w was added, or rarely (about one in a thousand) that a
// word was which was not.
func (k *KnownWords) Has(w []byte) bool {
	if len(k.Bits) == 0 {
		return false
	}
	h, step := bloomHash(w)
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
		h, step := bloomHash([]byte(w))
		for range k.Hashes {
			i := h & mask
			k.Bits[i>>3] |= 1 << (i & 7)
			h += step
		}
	}
	return k
}

// bloomHash returns the first position and the step of a word (FNV-1a, mixed).
func bloomHash(w []byte) (h, step uint64) {
	h = 0xCBF29CE484222325
	for _, c := range w {
		h = (h ^ uint64(c)) * 0x100000001B3
	}
	h ^= h >> 32
	h *= goldenRatio
	h ^= h >> 29
	return h, h>>17 | h<<47 | 1
}
