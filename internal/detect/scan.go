package detect

import (
	"encoding/binary"
	"iter"
	"math/bits"
)

// Scan is the fast way over ASCII. It finds words 64 bytes at a time with
// ordinary integer arithmetic, asks a bit table of which words and pairs of
// words literals begin with, and walks the dictionary and the trie only from
// there. There is no chain from one byte's state to the next, so that the
// processor works on several words at once.

const (
	everyByte = 0x0101010101010101
	highBits  = 0x8080808080808080
	caseBits  = 0x2020202020202020
)

// openers is a filter of how literals begin: it holds the hashes of those that
// are one word, of those that are two, and of the first three words of longer
// ones, as they are typed. Each sets two bits of one element.
type openers struct {
	bits []uint64 // a power of two of them
}

// maxOpeners bounds how many ways of writing the filter takes.
const maxOpeners = 1 << 20

// newOpeners makes a filter for n hashes: 16 to 32 bits for each.
func newOpeners(n int) openers {
	return openers{make([]uint64, 1<<bits.Len(uint(n)/4))}
}

func (o *openers) add(h uint64) {
	o.bits[h>>40&uint64(len(o.bits)-1)] |= 1<<(h>>34&63) | 1<<(h>>28&63)
}

// has returns 1 when h was added, and seldom when it was not.
func (o *openers) has(h uint64) uint64 {
	b := o.bits[h>>40&uint64(len(o.bits)-1)]
	return b >> (h >> 34 & 63) & (b >> (h >> 28 & 63)) & 1
}

func (o *openers) bytes() int { return len(o.bits) * 8 }

// hashOf spreads a word's key.
func hashOf(key uint64) uint64 { return key * goldenRatio }

// hashTwo is of words whose hash is a and the word after them.
func hashTwo(a, b uint64) uint64 { return (bits.RotateLeft64(a, 29) + b) * goldenRatio }

// buildOpeners fills the filter. spelt lists, by id, the hashes of the words
// that are matched as it.
func buildOpeners(t *trie, spelt *spellings) openers {
	first := make([]uint32, len(t.nodes))  // by root node: 1 + its word
	second := make([]uint32, len(t.nodes)) // by child of one: 1 + the edge to it
	for w, n := range t.root {
		if n != none {
			first[n] = uint32(w) + 1
		}
	}
	for i, e := range t.edges {
		if parent, _, child := split(e); e != 0 && first[parent] != 0 {
			second[child] = uint32(i) + 1
		}
	}
	// each calls f with the words of every opener; those that are not there are none.
	each := func(f func(a, b, c uint32)) {
		for w, n := range t.root {
			if n != none && len(t.classes(n)) > 0 {
				f(uint32(w), none, none)
			}
		}
		for _, e := range t.edges {
			parent, word, child := split(e)
			switch {
			case e == 0:
			case first[parent] != 0 && len(t.classes(child)) > 0:
				f(first[parent]-1, word, none)
			case second[parent] != 0:
				top, before, _ := split(t.edges[second[parent]-1])
				f(first[top]-1, before, word)
			}
		}
	}
	n := 0
	each(func(a, b, c uint32) {
		n += min(spelt.number(a)*spelt.number(b)*spelt.number(c), maxOpeners)
	})
	o := newOpeners(min(n, maxOpeners))
	if n > maxOpeners { // nobody's list: everything may begin a literal
		for i := range o.bits {
			o.bits[i] = ^uint64(0)
		}
		return o
	}
	each(func(a, b, c uint32) {
		for ha := range spelt.hashes(a) {
			if b == none {
				o.add(ha)
				continue
			}
			for hb := range spelt.hashes(b) {
				if c == none {
					o.add(hashTwo(ha, hb))
					continue
				}
				for hc := range spelt.hashes(c) {
					o.add(hashTwo(hashTwo(ha, hb), hc))
				}
			}
		}
	})
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

// hashes are those of id's spellings.
func (s *spellings) hashes(id uint32) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := s.first[id]; i != 0 && yield(s.hash[i-1]); i = s.next[i-1] {
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

// wordMasks sets bit i of word when byte i of x is an ASCII letter or digit or
// no ASCII, and the high bit of a byte of look when that is an apostrophe.
func wordMasks(x uint64) (word, look uint64) {
	low := x &^ highBits
	folded := low | caseBits
	letter := (folded + (0x80-'a')*everyByte) &^ (folded + (0x80-'z'-1)*everyByte)
	digit := (low + (0x80-'0')*everyByte) &^ (low + (0x80-'9'-1)*everyByte)
	word = ((letter | digit | x) & highBits) >> 7 * 0x0102040810204080 >> 56
	quote, back := low^'\''*everyByte, low^'`'*everyByte
	look = ^((quote + 0x7F*everyByte) & (back + 0x7F*everyByte)) & highBits
	return word, look
}

// scanWords is how many words are looked at together, besides those of a
// literal that began before.
const (
	scanBytes = 2048
	scanWords = scanBytes/2 + 2*maxLiteral + 8
)

// scan is the working memory of one Scan: the words of a stretch of text.
type scan struct {
	start [scanWords]int32
	end   [scanWords]int32
	key   [scanWords]uint64
	maybe [scanWords]int32 // words where a literal may begin
	odd   []int32          // places of apostrophes inside words of this stretch
	text  []byte
	e     *Engine
	n     int // words that have ended
	began int // n, or n+1 inside a word
	keyed int // words that have a key
	buf   [maxWordBytes]byte
}

// Scan calls hit for every literal of the rule set that stands in an ASCII
// text, also inside and across others, in the order of their first words: its
// words with letter case aside, apostrophes dropped, and no sentence's end or
// line's end between them, as the plain reading has them. Words that hold
// other characters than ASCII are passed over. It is for large plain lists; it
// knows no other readings, gaps or rules. Scan is safe for concurrent use.
func (e *Engine) Scan(text []byte, hit func(start, end int)) {
	s := &scan{e: e, text: text}
	var inside uint64
	for at := 0; at < len(text); {
		to := min(at+scanBytes, len(text))
		inside = s.words(at, to, inside)
		at = to
		if at == len(text) && s.began > s.n {
			s.end[s.n] = int32(at)
			s.n++
		}
		s.keys()
		if at == len(text) {
			s.literals(s.n, hit)
		} else if done := s.n - maxLiteral; done > 0 {
			s.literals(done, hit)
			s.keep(done)
		}
	}
}

// words finds the words of text[at:to]. inside is 1 when the byte before at is
// of a word, and so is the result for the byte before to.
func (s *scan) words(at, to int, inside uint64) uint64 {
	starts, ends := s.began, s.n
	for ; at < to; at += 64 {
		b := s.text[at:]
		if len(b) < 64 {
			var last [64]byte
			copy(last[:], b)
			b = last[:]
		}
		m, look := masks64(b)
		if look != 0 {
			m |= s.quotes(at, m, inside)
		}
		before := m<<1 | inside
		inside = m >> 63
		starts += places(s.start[starts:], m&^before, at)
		ends += places(s.end[ends:], before&^m, at)
	}
	s.began, s.n = starts, ends
	return inside
}

// places writes the places of the bits of m, counted from at, to p, and returns
// how many there are. It writes four at a time, and so up to three too many:
// the number of rounds is easier to foretell for the processor.
func places(p []int32, m uint64, at int) int {
	n := bits.OnesCount64(m)
	for i := 0; i < n; i += 4 {
		q := (*[4]int32)(p[i : i+4])
		for j := range q {
			q[j] = int32(at + bits.TrailingZeros64(m))
			m &= m - 1
		}
	}
	return n
}

// masks64 is wordMasks for 64 bytes; look only says whether there is any.
func masks64(b []byte) (word, look uint64) {
	b = b[:64]
	for i := 0; i < 64; i += 8 {
		w, l := wordMasks(binary.LittleEndian.Uint64(b[i:]))
		word |= w << i
		look |= l
	}
	return word, look
}

// quotes returns the places of apostrophes in the 64 bytes from at that have
// word bytes on both sides, and notes them.
func (s *scan) quotes(at int, m, inside uint64) uint64 {
	var q uint64
	for i, c := range s.text[at:min(at+64, len(s.text))] {
		if c != '\'' && c != '`' || at+i+1 >= len(s.text) {
			continue
		}
		before := i == 0 && inside != 0 || i > 0 && m>>(i-1)&1 != 0
		if c := s.text[at+i+1]; before && (c >= 0x80 || byteClass[c] == byteWord) {
			q |= 1 << i
			s.odd = append(s.odd, int32(at+i))
		}
	}
	return q
}

// lengthMask keeps the first n bytes of a word of up to eight.
var lengthMask = [16]uint64{0, 1<<8 - 1, 1<<16 - 1, 1<<24 - 1, 1<<32 - 1, 1<<40 - 1, 1<<48 - 1, 1<<56 - 1, 1<<64 - 1}

// keys makes the keys of the words that have ended since it was called last.
func (s *scan) keys() {
	i, safe := s.keyed, int32(len(s.text)-8)
	for ; i < s.n; i++ {
		start := s.start[i]
		size := s.end[i] - start
		switch {
		case size <= 8 && start <= safe:
			s.key[i] = (binary.LittleEndian.Uint64(s.text[start:]) | caseBits) & lengthMask[size&15]
		case size > 8 && size <= maxWordBytes:
			s.key[i] = longKeyOf(s.text[start:start+size], caseBits)
		default:
			s.key[i] = wordKey(s.word(i))
		}
	}
	at, later := s.keyed, s.odd[:0]
	for _, o := range s.odd {
		for at < s.n && s.end[at] <= o {
			at++
		}
		if at == s.n { // of the word that goes on
			later = append(later, o)
			continue
		}
		s.key[at] = wordKey(s.word(at))
	}
	s.odd, s.keyed = later, s.n
}

// word folds a word; it is empty when the word is longer than any literal's or
// holds more than ASCII.
func (s *scan) word(i int) []byte {
	w := s.buf[:0]
	for _, c := range s.text[s.start[i]:s.end[i]] {
		switch {
		case c == '\'' || c == '`':
		case c >= 0x80 || len(w) == len(s.buf):
			return nil
		default:
			w = append(w, lower(c))
		}
	}
	return w
}

// literals reports the literals that begin with one of the first so many words.
func (s *scan) literals(words int, hit func(start, end int)) {
	o := s.e.openers
	n := 0
	h, next := hashOf(s.key[0]), hashOf(s.key[1])
	for i := range words {
		third := hashOf(s.key[i+2])
		two := hashTwo(h, next)
		s.maybe[n] = int32(i)
		n += int(o.has(h) | o.has(two) | o.has(hashTwo(two, third)))
		h, next = next, third
	}
	for _, i := range s.maybe[:n] {
		s.from(int(i), hit)
	}
}

// from reports the literals that begin with word i.
func (s *scan) from(i int, hit func(start, end int)) {
	t := s.e.trie
	id := s.id(i)
	if id == none {
		return
	}
	n := t.root[id]
	for j := i; n != none; {
		if len(t.classes(n)) > 0 {
			hit(int(s.start[i]), int(s.end[j]))
		}
		if !t.more(n) || j+1 >= s.n || !s.joins(j) {
			return
		}
		if j++; j-i == maxLiteral {
			return
		}
		if id = s.id(j); id == none {
			return
		}
		n = t.next(n, id)
	}
}

// id looks a word up.
func (s *scan) id(i int) uint32 {
	if size := s.end[i] - s.start[i]; size <= 8 && s.key[i]&highBits == 0 {
		return s.e.dict.short(s.key[i])
	}
	return s.e.dict.find(s.word(i))
}

// joins reports whether a sentence goes on from word i to the next.
func (s *scan) joins(i int) bool {
	gap := s.text[s.end[i]:s.start[i+1]]
	if len(gap) == 1 && gap[0] == ' ' {
		return true
	}
	var between scanner
	for _, c := range gap {
		between.between(rune(c), byteClass[c&0x7F])
	}
	return between.sentence == 0
}

// keep moves the words from done on to the front.
func (s *scan) keep(done int) {
	copy(s.start[:], s.start[done:s.began])
	copy(s.end[:], s.end[done:s.n])
	copy(s.key[:], s.key[done:s.n])
	s.n, s.began, s.keyed = s.n-done, s.began-done, s.keyed-done
}
