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
	// changed says that out differs from in.
	changed bool
}

// resolve fills r.out from r.in.
func (r *resolver) resolve() {
	r.out, r.changed = r.out[:0], false
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
	if id := r.repeated(); id != none {
		r.put(i, 1, Repeats, id)
		return true
	}
	name := r.titled(i)
	if id := r.swapped(); id != none && !name {
		r.put(i, 1, Misspelt, id)
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

// repeated collapses repeated letters: "kiiill", and "asssss" to two.
func (r *resolver) repeated() uint32 {
	for _, most := range [...]int{1, 2} {
		if r.collapse(most) && len(r.alt) >= 3 {
			if id := r.e.dict.find(r.alt); r.hidden(id) {
				return id
			}
			if id := r.e.squeezed.find(r.alt); most == 1 && r.hidden(id) {
				return id
			}
		}
	}
	return none
}

// collapse writes r.word to r.alt with at most so many of a letter in a row,
// and reports whether that changed it.
func (r *resolver) collapse(most int) bool {
	r.alt = r.alt[:0]
	run := 0
	for k, c := range r.word {
		if run++; k == 0 || c != r.word[k-1] {
			run = 1
		}
		if run <= most {
			r.alt = append(r.alt, c)
		}
	}
	return len(r.alt) < len(r.word)
}

// swapped exchanges neighbouring letters: "siucide".
func (r *resolver) swapped() uint32 {
	if len(r.word) < 4 || len(r.word) > 20 {
		return none
	}
	for k := 1; k+1 < len(r.word); k++ { // few people miss the first letter
		if r.word[k] == r.word[k+1] {
			continue
		}
		r.word[k], r.word[k+1] = r.word[k+1], r.word[k]
		id := r.e.dict.find(r.word)
		r.word[k], r.word[k+1] = r.word[k+1], r.word[k]
		if r.hidden(id) {
			return id
		}
	}
	return none
}

// missing adds a letter: "immigrnts".
func (r *resolver) missing() uint32 {
	n := len(r.word)
	if n < 5 || n > 20 {
		return none
	}
	r.alt = append(append(r.alt[:0], 0), r.word...)
	r.alt[0], r.alt[1] = r.word[0], 0
	for k := 1; k < n; k++ { // the new letter stands at k, never at an end
		for c := byte('a'); c <= 'z'; c++ {
			r.alt[k] = c
			if id := r.e.dict.find(r.alt); r.hidden(id) && r.e.dict.flags[id]&WordKey != 0 {
				return id
			}
		}
		r.alt[k] = r.word[k]
	}
	return none
}

// single joins single characters from word i on, before end, that only signs
// separate: "k.i.l.l". It returns how many words it used.
func (r *resolver) single(i, end int) int {
	n := 0
	for i+n < end && r.letter(i+n) {
		n++
	}
	return r.join(i, n)
}

// spaced joins single characters that white space separates: "k i l l". Whole
// words are never joined.
func (r *resolver) spaced(i int) int {
	n := 0
	for i+n < len(r.in) && n < 4*maxWordBytes && r.letter(i+n) && r.in[i+n].sentence == r.in[i].sentence {
		if n++; i+n < len(r.in) && !r.gap(i+n-1) {
			break
		}
	}
	return r.join(i, n)
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

// leet maps signs and digits to the letters that they are written for.
var leet = func() (t [128]byte) {
	for _, p := range []string{"0o", "1i", "3e", "4a", "5s", "6g", "7t", "8b", "9g", "@a", "$s", "!i", "|l", "+t", "(c", "<c"} {
		t[p[0]] = p[1]
	}
	return t
}()

// signs reads a chunk of n words that has digits or signs in it as one word:
// "sh1t", "$h!t", "f*ck".
func (r *resolver) signs(i, n int) bool {
	from, to := r.in[i].from, r.in[i+n-1].to
	b := r.f.buf
	for from > 0 && sign(b[from-1]) {
		from--
	}
	for int(to) < len(b) && sign(b[to]) {
		to++
	}
	if to-from > maxWordBytes {
		return false
	}
	// A sign at either end may belong to the word ("$hit") or the sentence
	// ("fuck!"): both are tried, the longer first.
	for _, span := range [...][2]int32{{from, to}, {from, r.in[i+n-1].to}, {r.in[i].from, to}, {r.in[i].from, r.in[i+n-1].to}} {
		r.load(span[0], span[1])
		if id := r.leet(r.in[i].reading == Folded); id != none {
			r.put(i, n, Leet, id)
			return true
		}
		if ids := r.masked(); len(ids) > 0 {
			r.put(i, n, Masked, ids...)
			return true
		}
	}
	return false
}

func sign(c byte) bool {
	switch c {
	case '@', '$', '!', '|', '+', '(', '<', '*', '#', '%', '&', '^':
		return true
	}
	return false
}

// numbered reports whether r.word is a word with a number after it: "year7".
func (r *resolver) numbered() bool {
	n := len(r.word) - 1
	w := r.word[:n]
	return digit(r.word[n]) && letters(w) && (n < 3 || r.e.knows(w) || r.e.dict.find(w) != none)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// leet reads r.word with its digits and signs as letters. 1 and ! are also
// tried as l.
func (r *resolver) leet(folded bool) uint32 {
	if len(r.word) < 3 || len(r.word) > 24 {
		return none
	}
	if !folded && r.numbered() {
		return none
	}
	r.alt = r.alt[:0]
	some, letter, ones := false, false, 0
	for _, c := range r.word {
		switch {
		case c >= 'a' && c <= 'z':
			letter = true
		case c < 128 && leet[c] != 0:
			some = true
			if c = leet[c]; c == 'i' {
				ones++
			}
		default:
			return none
		}
		r.alt = append(r.alt, c)
	}
	if !some || !letter {
		return none
	}
	for try := 0; try < 1<<min(ones, 3); try++ {
		k := 0
		for j, c := range r.word {
			if c == '1' || c == '!' {
				if r.alt[j] = 'i'; try>>k&1 == 1 {
					r.alt[j] = 'l'
				}
				k = min(k+1, 2)
			}
		}
		if id := r.e.dict.find(r.alt); r.hidden(id) {
			return id
		}
		if r.e.knows(r.alt) {
			return none
		}
	}
	if len(r.alt) < 5 {
		return none
	}
	r.word, r.alt = r.alt, r.word
	id := r.repeated()
	r.word, r.alt = r.alt, r.word
	return id
}

// masked lists what r.word may be with one or two of its letters behind a sign.
func (r *resolver) masked() []uint32 {
	if len(r.word) < 3 || len(r.word) > 16 {
		return nil
	}
	var at [2]int
	n := 0
	for k, c := range r.word {
		switch {
		case c >= 'a' && c <= 'z':
		case c == '*' || c == '#' || c == '-' || c == '_' || c == '@' || c == '$' || c == '%' || c == '^' || c == '!':
			if k == 0 || n == len(at) || k == len(r.word)-1 && c != '*' && c != '#' {
				return nil
			}
			at[n] = k
			n++
		default:
			return nil
		}
	}
	if n == 0 || len(r.word)-n < 2 {
		return nil
	}
	r.alt, r.ids = append(r.alt[:0], r.word...), r.ids[:0]
	for a := byte('a'); a <= 'z'; a++ {
		r.alt[at[0]] = a
		for b := byte('a'); b <= 'z'; b++ {
			if n == 2 {
				r.alt[at[1]] = b
			}
			if id := r.e.dict.find(r.alt); r.hidden(id) && r.e.dict.flags[id]&WordKey != 0 {
				r.ids = append(r.ids, id)
			}
			if n == 1 {
				break
			}
		}
	}
	return r.ids[:min(len(r.ids), 4)]
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
		for j := i + 1; j <= n && j-i <= 24; j++ {
			c, id := pieceCost(e, w[i:j])
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

// pieceCost weighs one piece: few long words that rules know are best.
func pieceCost(e *Engine, w []byte) (float32, uint32) {
	id := e.dict.find(w)
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
	case len(w) >= 4 && e.knows(w):
		return 2.2, none
	case len(w) == 3 && e.knows(w):
		return 2.8, none
	}
	return 0, none
}
