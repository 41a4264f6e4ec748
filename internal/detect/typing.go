package detect

// typing follows literals through text that comes a character at a time, in
// the plain reading. It takes constant time and no memory for a character.
type typing struct {
	e    *Engine
	word [maxWordBytes]byte
	size int    // bytes of the word that goes on; may be more than word holds
	key  uint64 // its wordKey while it has up to eight bytes
	// foreign: the word holds more than ASCII, and is passed over.
	foreign bool
	// pending: an apostrophe followed the word; the next character tells
	// whether it is inside it.
	pending bool
	// nodes of the literals that the words before began and the next one may
	// go on with.
	nodes [maxLiteral]uint32
	n     int
	// Of nodes, at most one is one word deep, and then the last; at most one is
	// two deep. before and before2 are the hashes of these words; deep: there
	// are others.
	one, two, deep  bool
	before, before2 uint64
	gap             scanner // what stands between words
	ends            bool    // a literal ends with the last character
}

func (t *typing) reset() { *t = typing{e: t.e} }

// typed takes one character.
func (t *typing) typed(r rune) {
	class := uint8(byteWord)
	if r < 128 {
		class = byteClass[r]
	} else {
		class = runeClass(r)
	}
	t.ends = false
	switch {
	case class == byteWord:
		t.pending = false
		t.add(r)
	case class == byteApostrophe && t.size > 0 && !t.pending:
		t.pending = true
	default:
		if t.size > 0 {
			t.commit()
		}
		if t.pending {
			t.gap.between('\'', byteApostrophe)
			t.pending = false
		}
		sentence := t.gap.sentence
		if t.gap.between(r, class); t.gap.sentence != sentence {
			t.n, t.one, t.two, t.deep = 0, false, false, false
		}
	}
}

// add goes on with the word.
func (t *typing) add(r rune) {
	if r >= 128 {
		t.foreign = true
	}
	if t.size < len(t.word) {
		c := lower(byte(r))
		t.word[t.size] = c
		if t.size < 8 {
			t.key |= uint64(c) << (8 * t.size)
		}
	}
	t.size++
	if t.foreign || t.size > len(t.word) {
		return
	}
	// The filter is asked first: most characters end nothing.
	o, h := &t.e.openers, t.hash()
	if o.lacks(h) == 0 || t.deep || t.one && o.lacks(hashTwo(t.before, h)) == 0 ||
		t.two && o.lacks(hashTwo(t.before2, h)) == 0 {
		t.ends = t.literalEnds()
	}
}

// hash is that of the word, as the openers have it.
func (t *typing) hash() uint64 {
	if t.size > 8 {
		return hashOf(longKey(t.word[:t.size]))
	}
	return hashOf(t.key)
}

func (t *typing) literalEnds() bool {
	id, trie := t.id(), t.e.trie
	if id == none {
		return false
	}
	if n := trie.root[id]; n != none && trie.ends(n) {
		return true
	}
	for _, from := range t.nodes[:t.n] {
		if n := trie.next(from, id); n != none && trie.ends(n) {
			return true
		}
	}
	return false
}

// id looks the word up.
func (t *typing) id() uint32 {
	switch {
	case t.foreign || t.size > len(t.word):
		return none
	case t.size <= 8:
		return t.e.dict.short(t.key)
	}
	return t.e.dict.find(t.word[:t.size])
}

// commit ends the word, and follows literals over it.
func (t *typing) commit() {
	id, trie, kept := t.id(), t.e.trie, 0
	one := t.one
	t.one, t.two, t.deep = false, false, false
	if id != none {
		h := t.hash()
		for i, from := range t.nodes[:t.n] {
			n := trie.next(from, id)
			if n == none || !trie.more(n) {
				continue
			}
			if one && i == t.n-1 {
				t.two, t.before2 = true, hashTwo(t.before, h)
			} else {
				t.deep = true
			}
			t.nodes[kept] = n
			kept++
		}
		if n := trie.root[id]; n != none && trie.more(n) {
			t.nodes[kept] = n
			kept++
			t.one, t.before = true, h
		}
	}
	t.n, t.size, t.key, t.foreign, t.gap.stop = kept, 0, 0, false, false
}

// again reads the end of a text anew, from where no literal can begin that
// matters, after its last character was taken back.
func (t *typing) again(text []rune) {
	from := len(text)
	for words := 0; from > 0; from-- {
		if runeClass(text[from-1]) == byteWord {
			continue
		}
		if from == len(text) || runeClass(text[from]) != byteWord {
			continue // not where a word begins
		}
		if words++; words > maxLiteral+1 {
			break
		}
	}
	t.reset()
	for _, r := range text[from:] {
		t.typed(r)
	}
}
