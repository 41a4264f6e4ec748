package detect

import "slices"

// single joins single characters from word i on, before end, that only signs
// separate: "k.i.l.l". It returns how many words it used.
func (r *resolver) single(i, end int) int {
	if i < r.tried {
		return 0
	}
	n := 0
	for i+n < end && r.letter(i+n) {
		n++
	}
	return r.run(i, n)
}

// spaced joins single characters that white space separates: "k i l l". Whole
// words are never joined.
func (r *resolver) spaced(i int) int {
	if i < r.tried {
		return 0
	}
	n := 0
	for i+n < len(r.in) && n < 4*maxWordBytes && r.letter(i+n) && r.in[i+n].sentence == r.in[i].sentence {
		if n++; i+n < len(r.in) && !r.gap(i+n-1) {
			break
		}
	}
	return r.run(i, n)
}

// runTail is how much of a run of single characters that is no word is tried
// again from each of its characters on; the work is in proportion to the text.
const runTail = 16

// run joins n single characters from word i on. When they come to nothing it
// notes from where on it may be tried again.
func (r *resolver) run(i, n int) int {
	m := r.join(i, n)
	if m == 0 {
		r.tried = i + max(n-runTail, 0)
	}
	return m
}

// join reads n single characters as words, when they make some.
func (r *resolver) join(i, n int) int {
	if n < 3 {
		return 0
	}
	r.word = r.word[:0]
	for k := i; k < i+n; k++ {
		r.word = append(r.word, r.f.buf[r.in[k].from])
	}
	if len(slices.Compact(slices.Clone(r.word))) == 1 { // xxx
		return 0
	}
	id := r.e.dict.find(r.word)
	if r.hidden(id) || id == none && len(r.word) > 3 && r.e.knows(r.word) {
		r.put(i, n, Spaced, id)
		return n
	}
	if letters(r.word) && r.joined(i, n, Spaced) {
		return n
	}
	return 0
}

// joined cuts r.word, which words i to i+n hold, into words, and reports
// whether that made sense.
func (r *resolver) joined(i, n int, how Reading) bool {
	if how == Joined && (len(r.word) < 8 || len(r.word) > maxSegment) {
		return false
	}
	cuts := r.seg.cut(r.e, r.word, how)
	if len(cuts) < 2 {
		return false
	}
	from := 0
	whole := r.in[i]
	whole.end, whole.to = r.in[i+n-1].end, r.in[i+n-1].to
	for _, c := range cuts {
		t := whole
		t.n, t.ids[0], t.reading = 1, c.id, max(how, t.reading)
		if n == len(r.word) { // one character a word: the cut's own place is known
			t.start, t.end = r.in[i+from].start, r.in[i+c.end-1].end
		}
		t.letters, t.chunk = uint16(c.end-from), 0
		if how == Joined {
			t.chunk = uint16(len(r.word))
		}
		r.out = append(r.out, t)
		from = c.end
	}
	r.changed = true
	return true
}

// archaic reports whether r.word is a verb as Shakespeare and the King James
// Bible have it: "confirmeth", "stealest".
func (r *resolver) archaic() bool {
	n := len(r.word) - 3
	if n < 3 {
		return false
	}
	if end := string(r.word[n:]); end != "eth" && end != "est" {
		return false
	}
	return r.e.knows(r.word[:n]) || r.e.knows(r.word[:n+1]) || r.word[n-1] == r.word[n-2] && r.e.knows(r.word[:n-1])
}

// segmenter cuts text without spaces into words, the cheapest way.
type segmenter struct {
	cost []float32
	prev []int
	ids  []uint32
	cuts []cut
}

type cut struct {
	end int
	id  uint32
}

// maxSegment is the longest text that is cut, in bytes; the work is at most 24
// lookups a byte.
const maxSegment = 256

// cut returns the words of w, or nothing when too much of it is no word.
func (s *segmenter) cut(e *Engine, w []byte, how Reading) []cut {
	if len(w) > maxSegment {
		return nil
	}
	n := len(w)
	s.cost = slices.Grow(s.cost[:0], n+1)[:n+1]
	s.prev = slices.Grow(s.prev[:0], n+1)[:n+1]
	s.ids = slices.Grow(s.ids[:0], n+1)[:n+1]
	for i := range s.cost {
		s.cost[i] = 1e9
	}
	s.cost[0] = 0
	for i := range n {
		if s.cost[i] >= 1e9 {
			continue
		}
		var key uint64
		for h, j := newWordHash(), i+1; j <= n && j-i <= 24; j++ {
			if h = h.add(w[j-1]); j-i == startBytes && !e.known.starts(h) {
				break
			}
			if j-i <= 8 {
				key |= uint64(w[j-1]) << (8 * (j - i - 1))
			} else {
				key = longKey(w[i:j])
			}
			c, id := pieceCost(e, w[i:j], key, h)
			if c > 0 && s.cost[i]+c < s.cost[j] {
				s.cost[j], s.prev[j], s.ids[j] = s.cost[i]+c, i, id
			}
		}
	}
	s.cuts = s.cuts[:0]
	unknown := 0
	for i := n; i > 0; i = s.prev[i] {
		if s.ids[i] == none && i-s.prev[i] == 1 {
			unknown++
		}
		s.cuts = append(s.cuts, cut{i, s.ids[i]})
	}
	slices.Reverse(s.cuts)
	if unknown > n/8+1 || how == Joined && unknown > 0 && n < 16 {
		return nil
	}
	return s.cuts
}

// pieceCost weighs one piece, given with its wordKey and its hash: few long
// words that rules know are best.
func pieceCost(e *Engine, w []byte, key uint64, h wordHash) (float32, uint32) {
	var id uint32
	if len(w) <= 8 {
		id = e.dict.short(key)
	} else {
		id = e.dict.long(key, w)
	}
	switch {
	case len(w) == 1:
		if w[0] == 'i' || w[0] == 'a' || w[0] == 'u' {
			return 2.2, id
		}
		return 4, none
	case id != none && len(w) == 2:
		return 2, id
	case id != none:
		return 1.6, id
	case len(w) >= 4 && e.known.has(h):
		return 2.2, none
	case len(w) == 3 && e.known.has(h):
		return 2.8, none
	}
	return 0, none
}
