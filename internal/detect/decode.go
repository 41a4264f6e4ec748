package detect

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// reader takes the format apart. After the first fault every read returns a
// zero value, so that callers check err once.
type reader struct {
	buf []byte
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...)
	}
}

func (r *reader) take(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.buf) {
		r.fail("%s ends early", what)
		return nil
	}
	b := r.buf[:n]
	r.buf = r.buf[n:]
	return b
}

func (r *reader) byte(what string) byte {
	if b := r.take(1, what); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u64(what string) uint64 {
	if b := r.take(8, what); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// below reads a number under limit.
func (r *reader) below(limit uint64, what string) uint32 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.buf)
	if n <= 0 {
		r.fail("%s is cut short", what)
		return 0
	}
	r.buf = r.buf[n:]
	if v >= limit {
		r.fail("%s is %d, and must be under %d", what, v, limit)
		return 0
	}
	return uint32(v)
}

// count reads how many items follow: at most limit, and no more than the bytes
// that are left can hold at each bytes an item.
func (r *reader) count(limit, each int, what string) int {
	n := int(r.below(uint64(limit)+1, what))
	if n*each > len(r.buf) {
		r.fail("%s is %d, more than the data can hold", what, n)
		return 0
	}
	return n
}

func (r *reader) str(limit int, what string) string {
	return string(r.take(r.count(limit, 1, what), what))
}

// us appends a list of numbers to v.
func (r *reader) us(v []uint32, limit int, below uint32, what string) []uint32 {
	for range r.count(limit, 1, what) {
		v = append(v, r.below(uint64(below), what))
	}
	return v
}

// compiled is a rule set in the form it is matched in: Words and Literals of
// its Program are empty, and stand in the tables instead.
type compiled struct {
	Program
	dict *dict
	// squeezed finds words that have doubled letters by their spelling without.
	squeezed *dict
	trie     *trie
	// weight is, by class, how often its literals are met: one for each, and a
	// thousand for one that is a common word.
	weight []uint32
	spelt  *spellings
	keys   *keyWords
}

// decode reads and validates a compiled rule set. It keeps no reference to b.
func decode(b []byte) (*compiled, error) {
	if len(b) > maxCompiled {
		return nil, fmt.Errorf("%w: %d bytes, and at most %d are allowed", ErrFormat, len(b), maxCompiled)
	}
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: not a rule set of format 1", ErrFormat)
	}
	r := &reader{buf: b[len(magic):]}
	p := &compiled{}
	r.words(p)
	p.Classes = r.below(maxClasses, "classes")
	p.Signals = r.below(maxClasses, "signals")
	r.literals(p)
	r.patterns(&p.Program)
	p.Packs = make([]PackInfo, r.count(maxRules, 2, "packs"))
	for i := range p.Packs {
		p.Packs[i] = PackInfo{Name: r.str(maxWordBytes, "pack name"), Version: r.below(1<<32, "pack version")}
	}
	p.Rules = make([]Rule, r.count(maxRules, 12, "rules"))
	for i := range p.Rules {
		r.rule(&p.Rules[i], &p.Program)
	}
	p.Guard = r.below(uint64(p.Signals)+1, "guard")
	p.Known.Bits = append([]byte(nil), r.take(r.count(maxCompiled, 1, "known words"), "known words")...)
	p.Known.Hashes = r.byte("known words")
	if n := len(p.Known.Bits); n&(n-1) != 0 || n > 0 && (p.Known.Hashes == 0 || p.Known.Hashes > maxBloomHashes) {
		r.fail("known words have a wrong size")
	}
	r.lists(&p.Program)
	if r.err == nil && len(r.buf) != 0 {
		r.fail("%d bytes follow the end", len(r.buf))
	}
	if r.err != nil {
		return nil, r.err
	}
	return p, nil
}

// words reads the vocabulary twice: to check and count it, and to enter it.
func (r *reader) words(p *compiled) {
	n := r.count(maxWords, 3, "words")
	section := r.buf
	var squeezed, long, longSqueezed int
	for i := range n {
		w, flags, _ := r.word(n)
		if r.err == nil && (len(w) == 0 || flags >= wordFlagsEnd) {
			r.fail("word %d is empty or has unknown flags", i)
		}
		long += longBytes(w)
		if s := squeeze(w, nil); s != nil {
			squeezed++
			longSqueezed += longBytes(s)
		}
	}
	if r.err != nil {
		return
	}
	p.dict, p.squeezed, p.spelt = newDict(n, long, n), newDict(squeezed, longSqueezed, 0), newSpellings(n)
	var buf []byte
	for again, id := (&reader{buf: section}), 0; id < n; id++ {
		w, flags, same := again.word(n)
		p.dict.add(w, same)
		p.dict.flags[id] = flags
		p.spelt.add(id, w, same)
		if s := squeeze(w, buf); s != nil {
			p.squeezed.add(s, same)
			buf = s
		}
	}
	p.keys = newKeyWords(func(f func([]byte, WordFlags, uint32)) {
		again := &reader{buf: section}
		for range n {
			w, _, same := again.word(n)
			f(w, p.dict.flags[same], same)
		}
	})
}

// word reads a word of a vocabulary of n, without copying it.
func (r *reader) word(n int) (w []byte, f WordFlags, same uint32) {
	w = r.take(r.count(maxWordBytes, 1, "word"), "word")
	return w, WordFlags(r.byte("word")), r.below(uint64(n), "word")
}

// longBytes is what a word takes in dict.text.
func longBytes(w []byte) int {
	if len(w) <= 8 {
		return 0
	}
	return len(w) + 1
}

// squeeze writes a word that has doubled letters to buf without the doubling;
// for any other word, and where less than three letters are left, it is nil.
func squeeze(w, buf []byte) []byte {
	s := slices.Compact(append(buf[:0], w...))
	if len(s) == len(w) || len(s) < 3 {
		return nil
	}
	return s
}

// literals reads the literals twice: to check and count them, and to enter
// them. They are in strictly ascending order.
func (r *reader) literals(p *compiled) {
	n := r.count(maxWords, 2, "literals")
	section := r.buf
	ids := len(p.wordFlags())
	var words, last [maxLiteral]uint32
	var nodes, roots, classes, had int
	for i := range n {
		ws := r.us(words[:0], maxLiteral, uint32(ids), "words of a literal")
		if len(ws) == 0 || i > 0 && slices.Compare(last[:had], ws) >= 0 {
			r.fail("literal %d has no words or is not in order", i)
		}
		same := commonPrefix(last[:had], ws)
		if nodes += len(ws) - same; same == 0 {
			roots++
		}
		had = copy(last[:], ws)
		c := r.count(maxClasses, 1, "classes of a literal")
		for range c {
			r.below(uint64(p.Classes), "class of a literal")
		}
		if classes += c; nodes >= maxNodes {
			r.fail("literals have %d words that are not shared, and must have under %d", nodes, maxNodes)
		}
		if r.err != nil {
			return
		}
	}
	if r.err != nil {
		return
	}
	p.trie, p.weight = newTrie(ids, nodes, roots, classes), make([]uint32, p.Classes)
	var out []uint32
	for again, i := (&reader{buf: section}), 0; i < n; i++ {
		ws := again.us(words[:0], maxLiteral, uint32(ids), "words of a literal")
		out = again.us(out[:0], maxClasses, p.Classes, "classes of a literal")
		p.trie.add(ws, out)
		w := uint32(1)
		if len(ws) == 1 && p.dict.flags[ws[0]]&WordCommon != 0 {
			w = 1000
		}
		for _, c := range out {
			p.weight[c] += w
		}
	}
	p.trie.finish()
}

func (p *compiled) wordFlags() []WordFlags {
	if p.dict == nil {
		return nil
	}
	return p.dict.flags
}

func (r *reader) patterns(p *Program) {
	p.Patterns = make([]Pattern, r.count(maxWords, 5, "patterns"))
	slots := make([]Slot, 0, len(p.Patterns)) // of all patterns; most have few
	for i := range p.Patterns {
		t := Pattern{Signal: r.below(uint64(p.Signals), "signal of a pattern")}
		n := r.count(maxSlots, 4, "slots")
		if cap(slots)-len(slots) < n {
			slots = make([]Slot, 0, max(n, 2*cap(slots)/3, 64))
		}
		t.Slots, slots = slots[len(slots):len(slots)+n:len(slots)+n], slots[:len(slots)+n]
		for j := range t.Slots {
			s := Slot{
				Class:  r.below(uint64(p.Classes), "class of a slot"),
				MinGap: r.byte("slot"), MaxGap: r.byte("slot"), Optional: r.byte("slot") != 0,
			}
			if s.MinGap > s.MaxGap || s.MaxGap > maxGap {
				r.fail("pattern %d has a gap of %d to %d words; at most %d", i, s.MinGap, s.MaxGap, maxGap)
			}
			t.Slots[j] = s
		}
		if n := len(t.Slots); n == 0 || t.Slots[0].Optional || t.Slots[n-1].Optional || t.Slots[0].MaxGap > 0 {
			r.fail("pattern %d does not begin and end with a word", i)
		}
		p.Patterns[i] = t
		if r.err != nil {
			return
		}
	}
}

func (r *reader) rule(x *Rule, p *Program) {
	x.ID = r.str(maxWordBytes, "rule id")
	x.Title = r.str(maxText, "rule title")
	x.Pack = r.below(uint64(len(p.Packs)), "pack of a rule")
	x.Version = r.below(1<<32, "rule version")
	n := r.count(2, 1, "categories")
	for range n {
		x.Categories = append(x.Categories, vocab.Category(r.str(maxWordBytes, "category")))
	}
	x.FourC = vocab.FourC(r.str(maxWordBytes, "four c"))
	x.Severity = vocab.Severity(r.byte("severity"))
	x.Level = vocab.Level(r.byte("level"))
	flags := r.byte("audience")
	x.Audiences, x.WordEnds = Audiences(flags)&(ForPupils|ForStaff), flags&ruleWordEnds != 0
	x.YearMin, x.YearMax = r.byte("years"), r.byte("years")
	x.Signal = r.below(uint64(p.Signals), "signal of a rule")
	x.Conditions = make([]Condition, r.count(maxConditions, 5, "conditions"))
	for i := range x.Conditions {
		c := Condition{
			Name: r.str(maxWordBytes, "condition"), Effect: Effect(r.byte("condition")),
			Side: Side(r.byte("condition")), Signal: r.below(uint64(p.Signals), "signal of a condition"),
			Within: r.byte("condition"),
		}
		if c.Effect == 0 || c.Effect >= effectEnd || c.Side >= sideEnd || c.Within > 64 {
			r.fail("rule %q has a condition that is not known", x.ID)
		}
		x.Conditions[i] = c
	}
	if r.err != nil {
		return
	}
	ok := x.ID != "" && n > 0 && x.FourC.Valid() && x.Severity.Valid() && x.Level.Valid() && x.Audiences != 0
	for _, c := range x.Categories {
		ok = ok && c.ForRules()
	}
	if !ok {
		r.fail("rule %q has a category, severity, level or audience that is not known", x.ID)
	}
}

func (r *reader) lists(p *Program) {
	p.Lists = make([]HashList, r.count(maxRules, 19, "hash lists"))
	for i := range p.Lists {
		l := HashList{Signal: r.below(uint64(p.Signals), "signal of a hash list"), Words: r.byte("hash list") != 0}
		l.Key = [2]uint64{r.u64("hash list"), r.u64("hash list")}
		l.Hashes = make([]uint64, r.count(maxCompiled, 8, "hashes"))
		for j := range l.Hashes {
			l.Hashes[j] = r.u64("hash list")
			if j > 0 && l.Hashes[j] <= l.Hashes[j-1] {
				r.fail("hash list %d is not in order", i)
			}
		}
		p.Lists[i] = l
		if r.err != nil {
			return
		}
	}
}
