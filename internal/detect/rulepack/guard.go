package rulepack

import (
	"slices"
	"sync"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack/lexicon"
)

// minKey is the shortest word that may hide behind a sign ("a*s").
const minKey = 3

// markKeys notes which words carry a rule's own phrases. First names
// do not.
func (c *compiler) markKeys(slots []slot) {
	for _, s := range slots {
		for _, q := range s.sequences {
			for _, w := range q {
				if id := c.word(w); len(w) >= minKey && !c.somebody(s, w) && c.prog.Words[id].Flags&detect.WordCommon == 0 {
					c.prog.Words[id].Flags |= detect.WordKey
				}
			}
		}
	}
}

// lexicon enters what is ordinary: the filter of known words, which words are
// also names, and the places whose names hold a word of a rule.
func (c *compiler) lexicon() {
	lists, err := lexicon.Load()
	if err != nil {
		c.bad(0, "%v", err)
		return
	}
	for _, n := range lists.Names {
		c.name(n)
	}
	var guard slot
	for _, words := range lists.Places {
		if len(words) == 1 {
			c.name(words[0])
		} else if c.holdsKey(words) && len(words) <= 16 {
			guard.sequences = append(guard.sequences, words)
		}
	}
	c.prog.Known = known(lists)
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

// known makes the filter of ordinary words and names, once.
func known(l *lexicon.Lists) detect.KnownWords {
	knownOnce.Do(func() {
		words := append(slices.Clone(l.Words), l.Names...)
		for _, p := range l.Places {
			words = append(words, p...)
		}
		knownWords = detect.NewKnownWords(words)
	})
	return knownWords
}

// The filter is of constant data and is never changed.
var (
	knownOnce  sync.Once
	knownWords detect.KnownWords
)

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
