package detect

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// listEngine makes an engine of plain phrases: one rule, one class.
func listEngine(t interface{ Fatal(...any) }, phrases []string, spellings map[string]string) *Engine {
	p := Program{Classes: 1, Signals: 1, Patterns: []Pattern{{Slots: []Slot{{}}}}}
	ids := map[string]uint32{}
	word := func(w string) uint32 {
		id, ok := ids[w]
		if !ok {
			id = uint32(len(p.Words))
			ids[w] = id
			p.Words = append(p.Words, Word{Text: w, Same: id})
		}
		return id
	}
	seen := map[string]bool{}
	for _, phrase := range phrases {
		l := Literal{Classes: []uint32{0}}
		for _, w := range WordsOf(phrase) {
			l.Words = append(l.Words, word(w))
		}
		if k := fmt.Sprint(l.Words); len(l.Words) > 0 && !seen[k] {
			seen[k] = true
			p.Literals = append(p.Literals, l)
		}
	}
	for as, base := range spellings {
		if _, ok := ids[as]; !ok {
			ids[as] = word(base)
			p.Words = append(p.Words, Word{Text: as, Same: ids[as]})
		}
	}
	b, err := Encode(&p)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Load(b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// model finds literals word by word, as the plain reading of Match does.
func model(e *Engine, text string) (found [][2]int) {
	var s scratch
	s.head, s.tail = make([]uint32, 1), make([]uint32, 1)
	foldPlain(text, &s.plain)
	s.toks = e.tokenize(&s.plain, Plain, nil)
	e.literals(&s)
	for _, x := range s.spans {
		found = append(found, [2]int{int(s.toks[x.start].start), int(s.toks[x.end-1].end)})
	}
	return found
}

func scanned(e *Engine, text string) (found [][2]int) {
	e.Scan([]byte(text), func(start, end int) { found = append(found, [2]int{start, end}) })
	return found
}

// TestScanFindsWhatMatchFinds also crosses the borders of 64 bytes and of
// stretches, where words and literals are put together again.
func TestScanFindsWhatMatchFinds(t *testing.T) {
	phrases := []string{"a", "b", "a b", "a b a", "b a b a b a b a b a b a b a b a", "dont", "dont a", "extraordinarily b",
		"a extraordinarily", "extraordinarilyextraordinarily", "12345678", "123456789", "zz top", "your a"}
	e := listEngine(t, phrases, map[string]string{"ur": "your", "extraordinarilee": "extraordinarily"})
	pieces := []string{"a", "b", "A", "B", "don't", "DONT", "d'ont'", "'a'", "extraordinarily", "Extraordinarilee", "extra`ordinarily", "12345678", "123456789",
		"extraordinarilyextraordinarily", "x", "zz", "top", "ur", "your", "_a_", strings.Repeat("a", 70), strings.Repeat("b ", 40)}
	gaps := []string{" ", " ", " ", " ", "  ", ", ", ". ", ".", "\n", "(", "-", "\" ", ".\" ", "' ", "?' ", "\t", strings.Repeat(" ", 60)}
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		text.WriteString(strings.Repeat("a b ", rapid.SampledFrom([]int{0, 0, 500, 511, 512, 1020}).Draw(t, "before")))
		text.WriteString(strings.Repeat("x", rapid.IntRange(0, 70).Draw(t, "shift")))
		for range rapid.IntRange(0, 120).Draw(t, "pieces") {
			text.WriteString(rapid.SampledFrom(gaps).Draw(t, "gap"))
			text.WriteString(rapid.SampledFrom(pieces).Draw(t, "piece"))
		}
		want, got := model(e, text.String()), scanned(e, text.String())
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				tail := func(f [][2]int) [][2]int { return f[min(i, len(f)):min(i+3, len(f))] }
				t.Fatalf("in %q: from find %d on, Scan has %v, Match %v", text.String(), i, tail(got), tail(want))
			}
		}
	})
}

func FuzzScan(f *testing.F) {
	e := listEngine(f, []string{"a", "a b", "b c d", "don't", "extraordinarily a"}, map[string]string{"see": "c"})
	f.Add("a b see d don't \xff'a é a b")
	f.Fuzz(func(t *testing.T, text string) {
		got := scanned(e, text)
		if isASCII(text) && !slices.Equal(got, model(e, text)) {
			t.Fatalf("%q: Scan finds %v, Match %v", text, got, model(e, text))
		}
	})
}

func TestWordMasks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.Byte(), 128, 128).Draw(t, "text")
		var m, q, gm, gq [scanBlocks]uint64
		wordMasks(text, &m, &q)
		goWordMasks(text, &gm, &gq)
		for i, c := range text {
			bit := func(m [scanBlocks]uint64) bool { return m[i/64]>>(i%64)&1 != 0 }
			word, quote := c >= 0x80 || byteClass[c] == byteWord, c == '\'' || c == '`'
			if bit(m) != word || bit(q) != quote || bit(gm) != word || bit(gq) != quote {
				t.Fatalf("%q: word %v, %v in Go; apostrophe %v, %v in Go", c, bit(m), bit(gm), bit(q), bit(gq))
			}
		}
	})
}
