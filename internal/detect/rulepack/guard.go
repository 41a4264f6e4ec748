package rulepack

import (
	"strings"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack/lexicon"
)

// minKey is the shortest word that may hide behind a sign ("a*s").
const minKey = 3

// markKeys notes which words carry a rule's own phrases.
func (c *compiler) markKeys(slots []slot) {
	for _, s := range slots {
		for _, q := range s.sequences {
			for _, w := range q {
				if id := c.word(w); len(w) >= minKey && c.prog.Words[id].Flags&detect.WordCommon == 0 {
					c.prog.Words[id].Flags |= detect.WordKey
				}
			}
		}
	}
}

// lexicon enters what is ordinary: the filter of known words, which words are
// also names, and the places whose names hold a word of a rule.
func (c *compiler) lexicon() {
	words, err := lexicon.Words()
	names, err2 := lexicon.Names()
	places, err3 := lexicon.Places()
	for _, err := range []error{err, err2, err3} {
		if err != nil {
			c.bad(0, "%v", err)
			return
		}
	}
	for _, n := range names {
		c.name(n)
	}
	known := append(words, names...)
	var guard slot
	for _, p := range places {
		parts := strings.Fields(p)
		known = append(known, parts...)
		if len(parts) == 1 {
			c.name(p)
		} else if c.holdsKey(parts) && len(parts) <= 16 {
			guard.sequences = append(guard.sequences, parts)
		}
	}
	c.prog.Known = detect.NewKnownWords(known)
	if len(guard.sequences) == 0 {
		return
	}
	class, err := c.class(guard)
	if err != nil {
		c.bad(0, "places: %v", err)
		return
	}
	c.prog.Guard = c.newSignal() + 1
	c.prog.Patterns = append(c.prog.Patterns, detect.Pattern{Signal: c.prog.Guard - 1, Slots: []detect.Slot{{Class: class}}})
}

// name flags a word of a rule that is also somebody's or some place's name.
func (c *compiler) name(w string) {
	if id, ok := c.words[w]; ok {
		c.prog.Words[id].Flags |= detect.WordName
	}
}

func (c *compiler) holdsKey(words []string) bool {
	for _, w := range words {
		if id, ok := c.words[w]; ok && c.prog.Words[id].Flags&detect.WordKey != 0 {
			return true
		}
	}
	return false
}
