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
	for _, w := range words {
		k.add(hashWord([]byte(w)))
		k.addStart([]byte(w))
	}
	return k
}

func (k *KnownWords) add(x wordHash) {
	h, step := x.bloom()
	mask := uint64(len(k.Bits))*8 - 1
	for range k.Hashes {
		i := h & mask
		k.Bits[i>>3] |= 1 << (i & 7)
		h += step
	}
}

// startBytes of a longer word are also in the filter, followed by a byte 0:
// text that is cut into words is not looked up further where none begins.
const startBytes = 4

func (k *KnownWords) addStart(w []byte) {
	if len(w) >= startBytes && len(k.Bits) > 0 {
		k.add(hashWord(w[:startBytes]).add(0))
	}
}

// starts reports whether a word may begin with startBytes, given as their hash.
func (k *KnownWords) starts(x wordHash) bool { return len(k.Bits) == 0 || k.has(x.add(0)) }

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
