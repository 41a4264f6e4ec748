package detect

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// dict finds words. Words of up to eight bytes are their own key, so that a
// lookup is one probe of a flat table; longer ones are hashed and compared.
type dict struct {
	slots []dictSlot
	text  []byte      // words over eight bytes, each after a byte with its length
	flags []WordFlags // by id
}

type dictSlot struct {
	key  uint64
	id   uint32 // 1 + the id that the word is matched as; 0 is free
	text uint32 // 1 + where a word over eight bytes stands in dict.text, else 0
}

const goldenRatio = 0x9E3779B97F4A7C15

// wordKey is the key of a word: its bytes, or a hash of them, which dict.find
// compares with the word itself.
func wordKey(w []byte) uint64 {
	if len(w) > 8 {
		return longKey(w)
	}
	var k uint64
	for i, c := range w {
		k |= uint64(c) << (8 * i)
	}
	return k
}

// longKey hashes a word over eight bytes, eight at a time; the last eight may
// overlap those before. Bits of mix are set in every eight: caseBits folds a
// word of ASCII letters and digits, 0 changes nothing.
func longKey(w []byte) uint64 { return longKeyOf(w, 0) }

func longKeyOf(w []byte, mix uint64) uint64 {
	k := uint64(len(w))
	for i := 0; i < len(w)-8; i += 8 {
		k = (k ^ (binary.LittleEndian.Uint64(w[i:]) | mix)) * goldenRatio
		k ^= k >> 32
	}
	k = (k ^ (binary.LittleEndian.Uint64(w[len(w)-8:]) | mix)) * goldenRatio
	return k ^ k>>32
}

// slotOf maps a key to one of n slots.
func slotOf(key uint64, n int) uint64 {
	i, _ := bits.Mul64(key*goldenRatio, uint64(n))
	return i
}

// tableSize is the number of slots for n entries: a free one is near.
func tableSize(n int) int { return 2*n + 1 }

// newDict makes an empty dictionary for n words, of which those over eight
// bytes have long bytes in all, and for the flags of ids words.
func newDict(n, long, ids int) *dict {
	return &dict{slots: make([]dictSlot, tableSize(n)), text: make([]byte, 0, long), flags: make([]WordFlags, ids)}
}

// add enters a word of 1 to maxWordBytes that is matched as id. The first of
// two equal words counts.
func (d *dict) add(w []byte, id uint32) {
	k := wordKey(w)
	i := slotOf(k, len(d.slots))
	for ; d.slots[i].id != 0; i = d.after(i) {
		if d.holds(&d.slots[i], k, w) {
			return
		}
	}
	s := dictSlot{key: k, id: id + 1}
	if len(w) > 8 {
		s.text = uint32(len(d.text)) + 1
		d.text = append(append(d.text, byte(len(w))), w...)
	}
	d.slots[i] = s
}

// each calls f for every word, which is valid until f returns.
func (d *dict) each(f func(w []byte)) {
	var b [8]byte
	for _, s := range d.slots {
		switch {
		case s.id == 0:
		case s.text == 0:
			binary.LittleEndian.PutUint64(b[:], s.key)
			f(bytes.TrimRight(b[:], "\x00"))
		default:
			f(d.text[s.text : int(s.text)+int(d.text[s.text-1])])
		}
	}
}

func (d *dict) after(i uint64) uint64 {
	if i++; i == uint64(len(d.slots)) {
		return 0
	}
	return i
}

// holds reports whether slot s is that of word w, whose key is k.
func (d *dict) holds(s *dictSlot, k uint64, w []byte) bool {
	if s.key != k {
		return false
	}
	if s.text == 0 {
		return len(w) <= 8
	}
	at := int(s.text)
	return int(d.text[at-1]) == len(w) && string(d.text[at:at+len(w)]) == string(w)
}

// none is the id of everything that is not in a table.
const none = ^uint32(0)

// find returns the id of a folded word, or none.
func (d *dict) find(w []byte) uint32 {
	if len(w) == 0 || len(w) > maxWordBytes {
		return none
	}
	if len(w) <= 8 {
		return d.short(wordKey(w))
	}
	return d.long(longKey(w), w)
}

// short is find for a word of one to eight bytes, given as its key.
func (d *dict) short(k uint64) uint32 {
	for i := slotOf(k, len(d.slots)); ; i = d.after(i) {
		s := &d.slots[i]
		if s.id == 0 || s.key == k && s.text == 0 {
			return s.id - 1 // none when it is free
		}
	}
}

// long is find for a word over eight bytes, with its key.
func (d *dict) long(k uint64, w []byte) uint32 {
	for i := slotOf(k, len(d.slots)); ; i = d.after(i) {
		s := &d.slots[i]
		if s.id == 0 || d.holds(s, k, w) {
			return s.id - 1
		}
	}
}

// trie finds sequences of words. A node is reached from its parent by a word;
// edges of all nodes share one flat table. Nodes are numbered in the order of
// the literals, which are sorted, so that a node's classes end where those of
// the next one begin.
type trie struct {
	root  []uint32 // by word id; none when no literal begins with it
	edges []uint64 // see edge; 0 is free
	nodes []uint32 // where the node's classes begin in out, times two, + 1 when it has children
	out   []uint32 // classes of the nodes

	// The literal added last, and its nodes.
	last []uint32
	path [maxLiteral]uint32
}

// Bits of an edge: the parent's number, the word, and the child's number.
const (
	wordBits = 20
	nodeBits = 22
	maxNodes = 1 << nodeBits
)

func edge(parent, word uint32) uint64 { return uint64(parent)<<wordBits | uint64(word) }

// split takes an element of trie.edges apart.
func split(e uint64) (parent, word, child uint32) {
	return uint32(e >> (nodeBits + wordBits)), uint32(e >> nodeBits & (1<<wordBits - 1)), uint32(e & (maxNodes - 1))
}

// newTrie makes an empty trie for words of ids and so many nodes, roots and
// classes of nodes; finish must follow the last add.
func newTrie(ids, nodes, roots, classes int) *trie {
	t := &trie{
		root:  make([]uint32, ids),
		edges: make([]uint64, tableSize(nodes-roots)),
		nodes: make([]uint32, 0, nodes+1),
		out:   make([]uint32, 0, classes),
	}
	for i := range t.root {
		t.root[i] = none
	}
	return t
}

// add enters a literal, which follows the last one in order.
func (t *trie) add(words, classes []uint32) {
	for i := commonPrefix(t.last, words); i < len(words); i++ {
		n := uint32(len(t.nodes))
		t.nodes = append(t.nodes, uint32(len(t.out))<<1)
		t.path[i] = n
		if i == 0 {
			t.root[words[0]] = n
			continue
		}
		t.nodes[t.path[i-1]] |= 1
		k := edge(t.path[i-1], words[i])
		at := slotOf(k, len(t.edges))
		for t.edges[at] != 0 {
			at = t.after(at)
		}
		t.edges[at] = k<<nodeBits | uint64(n)
	}
	t.out = append(t.out, classes...)
	t.last = append(t.last[:0], words...)
}

func (t *trie) finish() {
	t.nodes = append(t.nodes, uint32(len(t.out))<<1)
	t.last = nil
}

func commonPrefix(a, b []uint32) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

func (t *trie) after(i uint64) uint64 {
	if i++; i == uint64(len(t.edges)) {
		return 0
	}
	return i
}

// next follows word w from node n.
func (t *trie) next(n, w uint32) uint32 {
	k := edge(n, w)
	for i := slotOf(k, len(t.edges)); ; i = t.after(i) {
		e := t.edges[i]
		if e == 0 {
			return none
		}
		if e>>nodeBits == k {
			return uint32(e & (maxNodes - 1))
		}
	}
}

// classes lists what ends at node n.
func (t *trie) classes(n uint32) []uint32 { return t.out[t.nodes[n]>>1 : t.nodes[n+1]>>1] }

// ends reports whether a literal ends at node n.
func (t *trie) ends(n uint32) bool { return t.nodes[n]>>1 != t.nodes[n+1]>>1 }

// more reports whether node n has children.
func (t *trie) more(n uint32) bool { return t.nodes[n]&1 != 0 }

// bytes is the memory of the tables.
func (d *dict) bytes() int { return cap(d.slots)*16 + cap(d.text) + cap(d.flags) }

func (t *trie) bytes() int {
	return (cap(t.root)+cap(t.nodes)+cap(t.out))*4 + cap(t.edges)*8
}
