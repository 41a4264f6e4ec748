package detect

import (
	"encoding/binary"
	"math/bits"
)

// Scan is the fast way over ASCII. It finds words 64 bytes at a time, asks a
// bit table whether literals begin with a word and the two after it, and walks
// the dictionary and the trie only from there. No step waits for the state that
// the byte before left, so that the processor works on several words at once.

const (
	everyByte = 0x0101010101010101
	highBits  = 0x8080808080808080
	caseBits  = 0x2020202020202020
)

// scanWords is how many words are looked at together, besides those of a
// literal that began before.
const (
	scanBytes  = 2048
	scanBlocks = scanBytes / 64
	scanWords  = scanBytes/2 + 2*maxLiteral + 8
)

// scan is the working memory of one Scan: the words of a stretch of text that
// have ended.
type scan struct {
	start [scanWords]int32
	end   [scanWords]int32
	key   [scanWords]uint64
	maybe [scanWords]int32 // words where a literal may begin
	odd   []int32          // places of apostrophes inside words
	// Of each 64 bytes of the stretch, see wordMasks.
	masks, quotes [scanBlocks]uint64

	text  []byte
	e     *Engine
	n     int
	first int // where the word that goes on begins
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
		before := inside
		inside = s.words(at, to, inside)
		s.keys(at, s.masks[:(to-at+63)/64], before)
		at = to
		if at == len(text) && inside != 0 && at%64 == 0 {
			s.start[s.n], s.end[s.n] = int32(s.first), int32(at)
			s.key[s.n] = s.slowKey(s.first, at)
			s.n++
		}
		s.requote()
		if at == len(text) {
			s.literals(s.n, hit)
		} else if done := s.n - maxLiteral; done > 0 {
			s.literals(done, hit)
			s.keep(done)
		}
	}
}

// words fills the masks of text[at:to]; apostrophes inside words are of them.
// inside is 1 when the byte before at is of a word, and so is the result for
// the byte before to.
func (s *scan) words(at, to int, inside uint64) uint64 {
	whole := (to - at) / 64
	wordMasks(s.text[at:at+whole*64], &s.masks, &s.quotes)
	if rest := s.text[at+whole*64 : to]; len(rest) > 0 {
		var b [64]byte
		var m, q [scanBlocks]uint64
		copy(b[:], rest)
		wordMasks(b[:], &m, &q)
		s.masks[whole], s.quotes[whole] = m[0], q[0]
		whole++
	}
	for k, q := range s.quotes[:whole] {
		if q != 0 {
			s.masks[k] |= s.inWords(at+64*k, q, s.masks[k]<<1|inside)
		}
		inside = s.masks[k] >> 63
	}
	return inside
}

// keys cuts the words out of the masks of a stretch that begins at at.
func (s *scan) keys(at int, masks []uint64, inside uint64) {
	text := s.text
	n, slow, first, safe := s.n, 0, s.first, len(text)-8
	for _, m := range masks {
		before := m<<1 | inside
		starts, ends := m&^before, before&^m
		if inside == 0 {
			first = at + bits.TrailingZeros64(starts)
			starts &= starts - 1
		}
		inside = m >> 63
		for ; ends != 0; ends &= ends - 1 {
			end := at + bits.TrailingZeros64(ends)
			s.start[n], s.end[n] = int32(first), int32(end)
			if size := end - first; size <= 8 && first <= safe {
				s.key[n] = (binary.LittleEndian.Uint64(text[first:]) | caseBits) & lengthMask[size&15]
			} else {
				s.maybe[slow] = int32(n)
				slow++
			}
			first = at + bits.TrailingZeros64(starts)
			starts &= starts - 1
			n++
		}
		at += 64
	}
	s.n, s.first = n, first
	for _, i := range s.maybe[:slow] {
		s.key[i] = s.slowKey(int(s.start[i]), int(s.end[i]))
	}
}

// lengthMask keeps the first n bytes of a word of up to eight.
var lengthMask = [16]uint64{0, 1<<8 - 1, 1<<16 - 1, 1<<24 - 1, 1<<32 - 1, 1<<40 - 1, 1<<48 - 1, 1<<56 - 1, 1<<64 - 1}

// slowKey is the key of a word that is long, or stands near the text's end.
func (s *scan) slowKey(start, end int) uint64 {
	if size := end - start; size > 8 && size <= maxWordBytes {
		return longKeyOf(s.text[start:end], caseBits)
	}
	return wordKey(s.fold(start, end))
}

// goWordMasks is wordMasks for any processor, eight bytes at a time.
func goWordMasks(text []byte, words, quotes *[scanBlocks]uint64) {
	for k := 0; len(text) >= 64; k++ {
		var m, q uint64
		for i := 0; i < 64; i += 8 {
			x := binary.LittleEndian.Uint64(text[i:])
			low := x &^ highBits
			fold := low | caseBits
			letter := (fold + (0x80-'a')*everyByte) ^ (fold + (0x80-'z'-1)*everyByte)
			digit := (low + (0x80-'0')*everyByte) ^ (low + (0x80-'9'-1)*everyByte)
			word := letter | digit | x
			other := ((low^'\''*everyByte)+0x7F*everyByte)&((low^'`'*everyByte)+0x7F*everyByte) | x
			m |= gather(word) << i
			q |= gather(^other) << i
		}
		words[k], quotes[k] = m, q
		text = text[64:]
	}
}

// gather returns the high bits of the bytes of x.
func gather(x uint64) uint64 { return (x & highBits) >> 7 * 0x0102040810204080 >> 56 }

// inWords returns which of the apostrophes q, in the 64 bytes from at, stand
// inside a word, and notes them; before are the bytes that follow one of a word.
func (s *scan) inWords(at int, q, before uint64) uint64 {
	var in uint64
	for q &= before; q != 0; q &= q - 1 {
		i := bits.TrailingZeros64(q)
		if at+i+1 == len(s.text) {
			break
		}
		if c := s.text[at+i+1]; c >= 0x80 || byteClass[c] == byteWord {
			in |= 1 << i
			s.odd = append(s.odd, int32(at+i))
		}
	}
	return in
}

// requote makes the keys of words that hold apostrophes.
func (s *scan) requote() {
	at, later := 0, s.odd[:0]
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
	s.odd = later
}

// fold folds a word; it is empty when the word is longer than any literal's or
// holds more than ASCII.
func (s *scan) fold(start, end int) []byte {
	w := s.buf[:0]
	for _, c := range s.text[start:end] {
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

func (s *scan) word(i int) []byte { return s.fold(int(s.start[i]), int(s.end[i])) }

// literals reports the literals that begin with one of the first so many words.
func (s *scan) literals(words int, hit func(start, end int)) {
	o := s.e.openers
	n := 0
	h, next := hashOf(s.key[0]), hashOf(s.key[1])
	for i, k := range s.key[2 : words+2] {
		third := hashOf(k)
		two := hashTwo(h, next)
		if o.lacks(h) == 0 || o.lacks(two) == 0 || o.lacks(hashTwo(two, third)) == 0 {
			s.maybe[n] = int32(i)
			n++
		}
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
	copy(s.start[:], s.start[done:s.n])
	copy(s.end[:], s.end[done:s.n])
	copy(s.key[:], s.key[done:s.n])
	s.n -= done
}
