package detect

import "math/bits"

// dict finds words. Words of up to eight bytes are their own key, so that a
// lookup is one probe of a flat table; longer ones are hashed and compared.
type dict struct {
	slots []dictSlot
	shift uint8
	flags []WordFlags
	long  []string // text of words over eight bytes, by id; empty otherwise
}

type dictSlot struct {
	key  uint64
	id   uint32 // word id + 1; 0 is free
	same uint32 // id that the word is matched as
}

const goldenRatio = 0x9E3779B97F4A7C15

// wordKey is the key of a word: its bytes, or a hash of them with the top bit
// pattern that no short word has left to chance and compared by dict.find.
func wordKey(w []byte) uint64 {
	if len(w) <= 8 {
		var k uint64
		for i, c := range w {
			k |= uint64(c) << (8 * i)
		}
		return k
	}
	k := uint64(len(w)) * goldenRatio
	for _, c := range w {
		k = (k ^ uint64(c)) * 0x100000001B3
		k ^= k >> 29
	}
	return k
}

func tableShift(n int) uint8 {
	return uint8(64 - bits.Len(uint(n)*2))
}

func newDict(words []Word) *dict {
	d := &dict{shift: tableShift(len(words)), flags: make([]WordFlags, len(words)), long: make([]string, len(words))}
	d.slots = make([]dictSlot, 1<<(64-d.shift))
	for id, w := range words {
		b := []byte(w.Text)
		d.flags[id] = w.Flags
		if len(b) > 8 {
			d.long[id] = w.Text
		}
		if d.find(b) != none {
			continue // the first of two equal words counts
		}
		k := wordKey(b)
		i := k * goldenRatio >> d.shift
		for d.slots[i].id != 0 {
			i = (i + 1) & uint64(len(d.slots)-1)
		}
		d.slots[i] = dictSlot{k, uint32(id) + 1, w.Same}
	}
	return d
}

// none is the id of everything that is not in a table.
const none = ^uint32(0)

// find returns the id of a folded word, or none.
func (d *dict) find(w []byte) uint32 {
	if len(w) == 0 || len(w) > maxWordBytes {
		return none
	}
	k := wordKey(w)
	for i := k * goldenRatio >> d.shift; ; i = (i + 1) & uint64(len(d.slots)-1) {
		s := d.slots[i]
		if s.id == 0 {
			return none
		}
		if s.key == k && (len(w) <= 8 && d.long[s.id-1] == "" || d.long[s.id-1] == string(w)) {
			return s.same
		}
	}
}

// trie finds sequences of words. A node is reached from its parent by a word;
// edges of all nodes share one flat table.
type trie struct {
	root  []uint32 // by word id; none when no literal begins with it
	edges []trieEdge
	shift uint8
	nodes []trieNode
	out   []uint32 // classes of the nodes
}

type trieEdge struct {
	key  uint64 // parent node << 32 | word id
	node uint32 // node + 1; 0 is free
}

type trieNode struct {
	outFrom, outTo uint32
	more           bool // has children
}

func newTrie(words int, literals []Literal) *trie {
	total := 0
	for _, l := range literals {
		total += len(l.Words) - 1
	}
	t := &trie{root: make([]uint32, words), shift: tableShift(total)}
	t.edges = make([]trieEdge, 1<<(64-t.shift))
	for i := range t.root {
		t.root[i] = none
	}
	classes := make(map[uint32][]uint32)
	for _, l := range literals {
		n := t.insert(l.Words)
		classes[n] = append(classes[n], l.Classes...)
	}
	for n := range t.nodes {
		t.nodes[n].outFrom = uint32(len(t.out))
		t.out = append(t.out, classes[uint32(n)]...)
		t.nodes[n].outTo = uint32(len(t.out))
	}
	return t
}

func (t *trie) insert(words []uint32) uint32 {
	n := t.root[words[0]]
	if n == none {
		n = t.newNode()
		t.root[words[0]] = n
	}
	for _, w := range words[1:] {
		c := t.next(n, w)
		if c == none {
			c = t.newNode()
			t.nodes[n].more = true
			k := uint64(n)<<32 | uint64(w)
			i := k * goldenRatio >> t.shift
			for t.edges[i].node != 0 {
				i = (i + 1) & uint64(len(t.edges)-1)
			}
			t.edges[i] = trieEdge{k, c + 1}
		}
		n = c
	}
	return n
}

func (t *trie) newNode() uint32 {
	t.nodes = append(t.nodes, trieNode{})
	return uint32(len(t.nodes) - 1)
}

// next follows word w from node n.
func (t *trie) next(n, w uint32) uint32 {
	k := uint64(n)<<32 | uint64(w)
	for i := k * goldenRatio >> t.shift; ; i = (i + 1) & uint64(len(t.edges)-1) {
		e := t.edges[i]
		if e.node == 0 {
			return none
		}
		if e.key == k {
			return e.node - 1
		}
	}
}

// bytes is the memory of the tables.
func (d *dict) bytes() int {
	n := len(d.slots)*16 + len(d.flags) + len(d.long)*16
	for _, s := range d.long {
		n += len(s)
	}
	return n
}

func (t *trie) bytes() int {
	return len(t.root)*4 + len(t.edges)*16 + len(t.nodes)*12 + len(t.out)*4
}
