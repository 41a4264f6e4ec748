package detect

import (
	"sync"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Engine matches text against one compiled rule set. It does not change after
// Load and is safe for concurrent use.
type Engine struct {
	dict *dict
	// squeezed finds words that have doubled letters by their spelling without.
	squeezed *dict
	trie     *trie
	last     []bool // by word id, see lastWords
	openers  openers
	keys     *keyWords
	packs    []PackInfo
	rules    []Rule
	known    KnownWords
	guard    uint32 // 1 + signal of names of places, or 0
	lists    []HashList

	patterns []Pattern
	anchored [][]uint32 // by class: patterns whose rarest slot it is
	ruleOf   []uint32   // by signal: rule + 1, or 0
	scratch  sync.Pool
}

// Hit is one rule found in one place of a text.
type Hit struct {
	Rule, Title, Pack string
	Version           uint32
	Categories        []vocab.Category // shared, not to be changed
	FourC             vocab.FourC
	Severity          vocab.Severity // after raising and lowering
	Level             vocab.Level
	// Reading that matched: see Reading.
	Reading string
	// Start and End bound the hit in bytes of the text as typed.
	Start, End int
	// Growing: the rule waits for the end of a word, and the text ends with the
	// hit's last one. While it is typed, the hit may not be what it seems.
	Growing bool
	// RaisedBy and LoweredBy are names of the rule's conditions that held.
	RaisedBy, LoweredBy []string
}

// Readings says how many ways a text is read.
type Readings uint8

// Readings that Options takes. The zero value is all of them.
const (
	ReadAll   Readings = iota
	ReadPlain          // as typed only: NFKC, case folded
)

// Options narrow a match. The zero value reads everything in every way.
type Options struct {
	Readings Readings
	// Audience of the person who types; for Unknown every rule applies.
	Audience vocab.Audience
	// Year is the school year, 1 to 14; 0 is not known, and every rule applies.
	Year uint8
}

// Stats describes a loaded rule set.
type Stats struct {
	Packs, Rules int
	// Phrases is the number of patterns, Literals of word sequences, Words of
	// the vocabulary.
	Phrases, Literals, Words int
	// AutomatonBytes is the memory that the matching tables take.
	AutomatonBytes int
}

// Load makes an engine of a compiled rule set. The error wraps ErrFormat; it
// never panics, whatever the bytes.
func Load(compiled []byte) (*Engine, error) {
	p, err := decode(compiled)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		dict: p.dict, squeezed: p.squeezed, trie: p.trie, openers: buildOpeners(p.trie, p.spelt), keys: p.keys,
		packs: p.Packs, rules: p.Rules, known: p.Known, guard: p.Guard, lists: p.Lists, patterns: p.Patterns,
		ruleOf: make([]uint32, p.Signals),
	}
	for i, r := range e.rules {
		e.ruleOf[r.Signal] = uint32(i) + 1
	}
	e.last = lastWords(e.trie)
	e.dict.each(e.known.addStart)
	e.anchor(p)
	e.scratch.New = func() any { return newScratch(int(p.Classes)) }
	return e, nil
}

// anchor files every pattern under its rarest class.
func (e *Engine) anchor(p *compiled) {
	best := make([]uint32, len(e.patterns))
	count := make([]uint32, p.Classes)
	for i, t := range e.patterns {
		best[i] = t.Slots[0].Class
		for _, s := range t.Slots {
			if !s.Optional && p.weight[s.Class] < p.weight[best[i]] {
				best[i] = s.Class
			}
		}
		count[best[i]]++
	}
	e.anchored = make([][]uint32, p.Classes)
	all := make([]uint32, len(e.patterns)) // the lists, one after another
	for c, n := range count {
		e.anchored[c], all = all[:0:n], all[n:]
	}
	for i, c := range best {
		e.anchored[c] = append(e.anchored[c], uint32(i))
	}
}

// Stats returns the sizes of the rule set.
func (e *Engine) Stats() Stats {
	n := e.dict.bytes() + e.squeezed.bytes() + e.trie.bytes() + e.openers.bytes() + e.keys.bytes() + len(e.known.Bits) + len(e.last)
	for _, t := range e.patterns {
		n += 32 + len(t.Slots)*8
	}
	for _, a := range e.anchored {
		n += 24 + len(a)*4
	}
	return Stats{
		Packs: len(e.packs), Rules: len(e.rules), Phrases: len(e.patterns),
		Literals: len(e.trie.out), Words: len(e.dict.flags), AutomatonBytes: n,
	}
}

// Packs lists the packs of the rule set.
func (e *Engine) Packs() []PackInfo { return append([]PackInfo(nil), e.packs...) }

// applies reports whether a rule is for the person that o describes.
func (r *Rule) applies(o Options) bool {
	switch o.Audience {
	case vocab.Pupil:
		if r.Audiences&ForPupils == 0 {
			return false
		}
	case vocab.Staff:
		if r.Audiences&ForStaff == 0 {
			return false
		}
	}
	return o.Year == 0 || r.YearMax == 0 || o.Year >= r.YearMin && o.Year <= r.YearMax
}
