package detect

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// scratch is the working memory of one match.
type scratch struct {
	text     string // as typed
	plain    folded
	all      folded
	resolver resolver
	toks     []token
	spans    []span   // literals found, in the order of their first token
	from     []uint32 // by token: its first span
	head     []uint32 // by class: first span + 1
	tail     []uint32 // by class: last span + 1
	touched  []uint32 // classes with a head
	finds    []find   // by signal, then by place
	longest  uint32   // tokens of the longest find
	entry    []byte   // of a hashed list
}

// span is a literal of a class over tokens [start, end).
type span struct {
	class, start, end uint32
	next              uint32 // next span + 1 of the class
}

// find is a pattern that matched over tokens [start, end).
type find struct {
	signal, start, end uint32
}

func newScratch(classes int) *scratch {
	return &scratch{head: make([]uint32, classes), tail: make([]uint32, classes)}
}

// forget overwrites the copies of what somebody typed, which a pool must not
// keep.
func (s *scratch) forget() {
	s.text, s.resolver.text = "", ""
	for _, b := range [...][]byte{s.plain.buf, s.all.buf, s.resolver.word[:cap(s.resolver.word)], s.resolver.alt[:cap(s.resolver.alt)], s.entry[:cap(s.entry)]} {
		clear(b)
	}
}

// Match returns the hits of a text, by where they start, then by rule. Where
// finds of one rule overlap it is reported once, and at most maxHits times in
// all of a block. It is safe for concurrent use, takes any bytes, and needs
// time in proportion to the text.
//
// A text over blockBytes is matched in blocks that overlap; "anywhere in the
// text" then means anywhere in the block. A Stream's text is always one block.
func (e *Engine) Match(text string, o Options) []Hit {
	s := e.scratch.Get().(*scratch)
	defer func() {
		s.forget()
		e.scratch.Put(s)
	}()
	if len(text) <= blockBytes {
		return e.block(s, text, o)
	}
	var hits []Hit
	for from, seen := 0, 0; ; {
		to := cutBlock(text, from)
		for _, h := range e.block(s, text[from:to], o) {
			h.Start += from
			h.End += from
			h.Growing = h.Growing && to == len(text)
			if h.End > seen && !overlaps(hits, h) {
				hits = append(hits, h)
			}
		}
		if seen = to; to == len(text) {
			break
		}
		from = overlapStart(text, to)
	}
	sortHits(hits)
	return hits
}

// Sizes of the blocks of a long text, in bytes.
const (
	blockBytes   = StreamRunes * utf8.UTFMax
	blockOverlap = 512
	maxHits      = 16 // of one rule in a block
)

// cutBlock returns where the block from a position ends: at the last space
// that leaves it at most blockBytes long, or at a character's border.
func cutBlock(text string, from int) int {
	to := from + blockBytes
	if to >= len(text) {
		return len(text)
	}
	for k := to; k > to-blockOverlap; k-- {
		if text[k] == ' ' || text[k] == '\n' {
			return k
		}
	}
	for !utf8.RuneStart(text[to]) && to > from+blockBytes-utf8.UTFMax {
		to--
	}
	return to
}

// overlapStart returns where the block after one that ended at to begins.
func overlapStart(text string, to int) int {
	from := to - blockOverlap
	for k := from; k < to; k++ {
		if text[k] == ' ' || text[k] == '\n' {
			return k
		}
	}
	for !utf8.RuneStart(text[from]) && from < to {
		from++
	}
	return from
}

// block matches a text in every reading.
func (e *Engine) block(s *scratch, text string, o Options) []Hit {
	s.text = text
	foldPlain(text, &s.plain)
	s.toks = e.tokenize(&s.plain, Plain, s.toks[:0])
	s.finds, s.longest = s.finds[:0], 0
	e.hashed(s)
	hits := e.pass(s, o, nil)
	if o.Readings != ReadPlain && e.resolve(s) {
		s.finds, s.longest = s.finds[:0], 0
		hits = e.pass(s, o, hits)
	}
	sortHits(hits)
	return hits
}

// resolve reads disguised words of s.text into s.toks, and reports whether
// that changed what there is to match.
func (e *Engine) resolve(s *scratch) bool {
	r := &s.resolver
	r.e, r.f, r.text = e, &s.plain, s.text
	r.in = append(r.in[:0], s.toks...)
	if s.plain.from != nil {
		r.f = &s.all
		foldAll(s.text, r.f)
		r.in = e.tokenize(r.f, Plain, r.in[:0])
		r.markFolded(s.text)
	}
	r.resolve()
	if !r.changed && s.plain.from == nil {
		return false
	}
	s.toks, r.out = r.out, s.toks
	return true
}

func sortHits(hits []Hit) {
	slices.SortStableFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Rule, b.Rule))
	})
}

// markFolded gives the reading Folded to words that were not typed in ASCII.
func (r *resolver) markFolded(text string) {
	for i := range r.in {
		if t := &r.in[i]; !isASCII(text[t.start:t.end]) {
			t.reading = Folded
		}
	}
}

// pass matches one reading's tokens and appends what is new to hits.
func (e *Engine) pass(s *scratch, o Options, hits []Hit) []Hit {
	e.literals(s)
	rules := len(s.finds) > 0 // in hashed lists
	for _, c := range s.touched {
		for _, p := range e.anchored[c] {
			n := len(s.finds)
			e.pattern(s, &e.patterns[p])
			rules = rules || len(s.finds) > n && e.ruleOf[e.patterns[p].Signal] != 0
		}
	}
	for _, c := range s.touched {
		s.head[c], s.tail[c] = 0, 0
	}
	if !rules {
		return hits
	}
	slices.SortFunc(s.finds, func(a, b find) int {
		return cmp.Or(cmp.Compare(a.signal, b.signal), cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	before := len(hits) // those of an earlier pass
	var last find       // the find of the last hit
	n := 0              // hits of its rule
	for _, f := range s.finds {
		if e.ruleOf[f.signal] == 0 {
			continue
		}
		if f.signal != last.signal {
			n = 0
		}
		if n > 0 && f.start < last.end || n == maxHits || e.isName(s, f) || s.thin(f) {
			continue
		}
		if h, ok := e.judge(s, f, o); ok && !overlaps(hits[:before], h) {
			last = f
			n++
			hits = append(hits, h)
		}
	}
	return hits
}

// overlaps reports whether hits has one of h's rule in the same place.
func overlaps(hits []Hit, h Hit) bool {
	for _, x := range hits {
		if x.Rule == h.Rule && x.Start < h.End && h.Start < x.End {
			return true
		}
	}
	return false
}

// literals walks the trie from every token and files what it finds by class.
func (e *Engine) literals(s *scratch) {
	s.spans, s.from, s.touched = s.spans[:0], s.from[:0], s.touched[:0]
	for i := range s.toks {
		s.from = append(s.from, uint32(len(s.spans)))
		t := &s.toks[i]
		for _, id := range t.ids[:t.n] {
			if id != none {
				if n := e.trie.root[id]; n != none {
					e.walk(s, n, uint32(i), uint32(i)+1)
				}
			}
		}
	}
	s.from = append(s.from, uint32(len(s.spans)))
}

// walk records node n, which covers tokens [start, end), and follows it.
func (e *Engine) walk(s *scratch, n, start, end uint32) {
	for _, c := range e.trie.classes(n) {
		s.spans = append(s.spans, span{class: c, start: start, end: end})
		at := uint32(len(s.spans))
		if s.head[c] == 0 {
			s.head[c] = at
			s.touched = append(s.touched, c)
		} else {
			s.spans[s.tail[c]-1].next = at
		}
		s.tail[c] = at
	}
	if !e.trie.more(n) || int(end) >= len(s.toks) || s.toks[end].sentence != s.toks[start].sentence {
		return
	}
	t := &s.toks[end]
	for _, id := range t.ids[:t.n] {
		if id != none {
			if m := e.trie.next(n, id); m != none {
				e.walk(s, m, start, end+1)
			}
		}
	}
}

// pattern finds the places of one pattern.
func (e *Engine) pattern(s *scratch, p *Pattern) {
	for _, slot := range p.Slots {
		if !slot.Optional && s.head[slot.Class] == 0 {
			return
		}
	}
	for at := s.head[p.Slots[0].Class]; at != 0; at = s.spans[at-1].next {
		sp := s.spans[at-1]
		if end, ok := e.follow(s, p.Slots[1:], sp.end); ok {
			s.found(find{p.Signal, sp.start, end})
		}
	}
}

// found records a find.
func (s *scratch) found(f find) {
	s.finds = append(s.finds, f)
	s.longest = max(s.longest, f.end-f.start)
}

// follow matches slots from token pos on, nearest first, and returns the end.
func (e *Engine) follow(s *scratch, slots []Slot, pos uint32) (uint32, bool) {
	if len(slots) == 0 {
		return pos, true
	}
	slot := slots[0]
	for gap := uint32(0); gap <= uint32(slot.MaxGap); gap++ {
		at := pos + gap
		if int(at) >= len(s.toks) || s.toks[at].sentence != s.toks[pos-1].sentence {
			break
		}
		if gap >= uint32(slot.MinGap) {
			for _, sp := range s.spans[s.from[at]:s.from[at+1]] {
				if sp.class == slot.Class {
					if end, ok := e.follow(s, slots[1:], sp.end); ok {
						return end, true
					}
				}
			}
		}
		if id := s.toks[at].ids[0]; id != none && e.dict.flags[id]&WordGapStop != 0 {
			break
		}
	}
	if slot.Optional {
		return e.follow(s, slots[1:], pos)
	}
	return 0, false
}
