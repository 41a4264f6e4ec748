package detect

import "math/bits"

// openers is a filter of how literals begin: it holds the hashes of those that
// are one word, of those that are two, and of the first three words of longer
// ones, as they are typed. Each sets three bits of one element.
type openers struct {
	free []uint64 // a power of two of them; bits are 1 until they are set
}

// maxOpeners bounds how many ways of writing the filter takes.
const maxOpeners = 1 << 20

// newOpeners makes a filter for n hashes: 16 to 32 bits for each.
func newOpeners(n int) openers {
	free := make([]uint64, 1<<bits.Len(uint(n)/2))
	for i := range free {
		free[i] = ^uint64(0)
	}
	return openers{free}
}

func (o *openers) add(h uint64) {
	o.free[h>>40&uint64(len(o.free)-1)] &^= threeBits[uint8(h>>56)]
}

// lacks returns 0 when h was added, and seldom when it was not.
func (o *openers) lacks(h uint64) uint64 {
	return threeBits[uint8(h>>56)] & o.free[h>>40&uint64(len(o.free)-1)]
}

// threeBits are ways of setting three bits of 64, for the openers.
var threeBits = func() (t [256]uint64) {
	h := uint64(goldenRatio)
	for i := range t {
		for bits.OnesCount64(t[i]) < 3 {
			h = h*goldenRatio + 1
			t[i] |= 1 << (h >> 58)
		}
	}
	return t
}()

func (o *openers) bytes() int { return len(o.free) * 8 }

// hashOf spreads a word's key.
func hashOf(key uint64) uint64 { return key * goldenRatio }

// hashTwo is of words whose hash is a and the word after them.
func hashTwo(a, b uint64) uint64 { return (bits.RotateLeft64(a, 29) + b) * goldenRatio }

// buildOpeners fills the filter. spelt lists, by id, the hashes of the words
// that are matched as it.
func buildOpeners(t *trie, spelt *spellings) openers {
	const second = 1 << 31
	via := make([]uint32, len(t.nodes)) // 1 + the word of a root node; second + the edge to a child of one
	for w, n := range t.root {
		if n != none {
			via[n] = uint32(w) + 1
		}
	}
	for i, e := range t.edges {
		if parent, _, child := split(e); e != 0 && via[parent]-1 < second-1 {
			via[child] = second + uint32(i)
		}
	}
	// each calls f with the words of every opener; those that are not there are none.
	each := func(f func(a, b, c uint32)) {
		for w, n := range t.root {
			if n != none && t.ends(n) {
				f(uint32(w), none, none)
			}
		}
		for _, e := range t.edges {
			parent, word, child := split(e)
			switch v := via[parent]; {
			case e == 0 || v == 0:
			case v >= second:
				top, before, _ := split(t.edges[v-second])
				f(via[top]-1, before, word)
			case t.ends(child):
				f(v-1, word, none)
			}
		}
	}
	n := 0
	each(func(a, b, c uint32) {
		n += min(spelt.number(a)*spelt.number(b)*spelt.number(c), maxOpeners)
	})
	o := newOpeners(min(n, maxOpeners))
	if n > maxOpeners { // nobody's list: everything may begin a literal
		clear(o.free)
		return o
	}
	each(func(a, b, c uint32) { spelt.addTo(&o, a, b, c) })
	return o
}

// spellings lists the words that are matched as each id.
type spellings struct {
	hash  []uint64 // by word
	count []uint32 // by id
	first []uint32 // by id: 1 + its first word
	next  []uint32 // by word: 1 + the next one of the same id
}

func newSpellings(n int) *spellings {
	return &spellings{make([]uint64, n), make([]uint32, n), make([]uint32, n), make([]uint32, n)}
}

func (s *spellings) add(i int, w []byte, id uint32) {
	s.hash[i] = hashOf(wordKey(w))
	s.count[id]++
	s.next[i], s.first[id] = s.first[id], uint32(i)+1
}

// addTo adds every way of writing the words a, b and c to o.
func (s *spellings) addTo(o *openers, a, b, c uint32) {
	for i := s.first[a]; i != 0; i = s.next[i-1] {
		one := s.hash[i-1]
		if b == none {
			o.add(one)
			continue
		}
		for j := s.first[b]; j != 0; j = s.next[j-1] {
			two := hashTwo(one, s.hash[j-1])
			if c == none {
				o.add(two)
				continue
			}
			for k := s.first[c]; k != 0; k = s.next[k-1] {
				o.add(hashTwo(two, s.hash[k-1]))
			}
		}
	}
}

// number is how many spellings id has; none has one.
func (s *spellings) number(id uint32) int {
	if id == none {
		return 1
	}
	return int(s.count[id])
}
