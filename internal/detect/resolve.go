package detect

import "slices"

// resolver reads disguised words. It works on one text after folding and
// replaces words that neither rules nor dictionaries know by the rule words
// that they stand for.
type resolver struct {
	e    *Engine
	text string // as typed
	f    *folded
	in   []token // words of the folded text
	out  []token
	word []byte // the word being looked at
	alt  []byte // the spelling being tried
	ids  []uint32
	seg  segmenter
	// tried: no run of single characters that begins before this word is read.
	tried int
	// changed says that out differs from in.
	changed bool
}

// resolve fills r.out from r.in.
func (r *resolver) resolve() {
	r.out, r.changed, r.tried = r.out[:0], false, 0
	for i := 0; i < len(r.in); {
		if n := r.spaced(i); n > 0 {
			i += n
			continue
		}
		n := r.chunk(i)
		r.one(i, n)
		i += n
	}
}

// chunk counts the words from i on that no space separates.
func (r *resolver) chunk(i int) int {
	n := 1
	for i+n < len(r.in) && n < maxWordBytes && !r.gap(i+n-1) {
		if k := i + n; r.letter(k) && !r.letter(k-1) && k+1 < len(r.in) && r.letter(k+1) && r.gap(k) {
			break // a spaced word begins: "big-c a s i n o"
		}
		n++
	}
	return n
}

// letter reports whether word i is one character.
func (r *resolver) letter(i int) bool { return r.in[i].to-r.in[i].from == 1 }

// gap reports whether white space follows word i.
func (r *resolver) gap(i int) bool {
	if r.in[i].sentence != r.in[i+1].sentence {
		return true
	}
	for _, c := range r.f.buf[r.in[i].to:r.in[i+1].from] {
		if c == ' ' || c == '\t' {
			return true
		}
	}
	return r.in[i+1].from-r.in[i].to > 3
}

func (r *resolver) keep(i, n int) { r.out = append(r.out, r.in[i:i+n]...) }

// put replaces words i to i+n by one that stands for any of ids, at most four.
func (r *resolver) put(i, n int, how Reading, ids ...uint32) {
	t := r.in[i]
	t.end, t.to = r.in[i+n-1].end, r.in[i+n-1].to
	t.n, t.reading = uint8(copy(t.ids[:], ids)), max(how, t.reading)
	r.out = append(r.out, t)
	r.changed = true
}

// hidden reports whether id may be what a disguise stands for.
func (r *resolver) hidden(id uint32) bool {
	return id != none && r.e.dict.flags[id]&WordCommon == 0
}

// one reads the n words of one chunk: as a whole, then part by part.
func (r *resolver) one(i, n int) {
	if n == 1 && r.plainWord(i) || r.asTyped(i, n) || r.signs(i, n) {
		return
	}
	for k := i; k < i+n; {
		if m := r.single(k, i+n); m > 0 { // k.i.l.l
			k += m
			continue
		}
		m := r.part(k, i+n)
		if m == n || !r.signs(k, m) {
			m = 1
			if !r.plainWord(k) {
				r.keep(k, 1)
			}
		}
		k += m
	}
}

// part counts the words from i on, before end, that no hyphen, full stop,
// slash or underline separates: "c4s1n0-online.com" has three parts.
func (r *resolver) part(i, end int) int {
	n := 1
	for ; i+n < end; n++ {
		for _, c := range r.f.buf[r.in[i+n-1].to:r.in[i+n].from] {
			if c == '-' || c == '.' || c == '/' || c == '_' || c == ',' || c == ':' {
				return n
			}
		}
	}
	return n
}

// plainWord reads word i alone, when it is letters only, and reports whether
// it was dealt with.
func (r *resolver) plainWord(i int) bool {
	t := &r.in[i]
	if t.ids[0] != none || t.to-t.from > 4*maxWordBytes {
		r.keep(i, 1)
		return true
	}
	r.load(t.from, t.to)
	if len(r.word) < 3 || !letters(r.word) {
		return false
	}
	if r.e.knows(r.word) {
		r.keep(i, 1)
		return true
	}
	name := r.titled(i)
	if id := r.repeated(); id != none && !((name || len(r.alt) < 4) && len(r.word)-len(r.alt) == 1) { // Hebb
		r.put(i, 1, Repeats, id)
		return true
	}
	if id := r.swapped(); id != none && !name {
		r.put(i, 1, Misspelt, id)
		return true
	}
	if r.archaic() {
		r.keep(i, 1)
		return true
	}
	if r.joined(i, 1, Joined) {
		return true
	}
	if r.collapse(1) {
		r.word, r.alt = r.alt, r.word
		if r.joined(i, 1, Joined) {
			return true
		}
		r.load(t.from, t.to)
	}
	if id := r.missing(); id != none && !name {
		r.put(i, 1, Misspelt, id)
		return true
	}
	r.keep(i, 1)
	return true
}

// titled reports whether word i is written like a name inside a sentence.
func (r *resolver) titled(i int) bool {
	return i > 0 && r.in[i-1].sentence == r.in[i].sentence && titled(r.text, &r.in[i])
}

// load copies a piece of the folded text without apostrophes to r.word.
func (r *resolver) load(from, to int32) {
	r.word = r.word[:0]
	for _, c := range r.f.buf[from:to] {
		if c != '\'' && c != '`' {
			r.word = append(r.word, c)
		}
	}
}

func letters(w []byte) bool {
	for _, c := range w {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// asTyped keeps a chunk of several words that is no disguise: only ordinary
// separators stand in it, and every word is one that rules or dictionaries know.
func (r *resolver) asTyped(i, n int) bool {
	if n == 1 {
		return false
	}
	for k := i; k < i+n; k++ {
		t := &r.in[k]
		if t.to-t.from < 2 {
			return false
		}
		if t.ids[0] == none {
			if r.load(t.from, t.to); len(r.word) < 3 || !r.e.knows(r.word) {
				return false
			}
		}
		if k+1 < i+n && slices.ContainsFunc(r.f.buf[t.to:r.in[k+1].from], sign) {
			return false
		}
	}
	r.keep(i, n)
	return true
}
