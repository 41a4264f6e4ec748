package rulepack

import (
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack/lexicon"
)

// firstNames is the list that no pack writes: @first-name stands for the first
// names of the lexicon, each also with an s ("jake", "jakes" for "jake's").
const firstNames = "first-name"

// somebody reports whether a word stands in a slot because it is a first name:
// the slot takes them all.
func (c *compiler) somebody(s slot, word string) bool {
	return len(c.first) > 0 && len(s.sequences) >= len(c.first) && c.first[word]
}

// firstNames expands @first-name.
func (c *compiler) firstNames() ([][]string, error) {
	lists, err := lexicon.Load()
	if err != nil {
		return nil, err
	}
	c.first = make(map[string]bool, len(lists.Forenames))
	seq := make([][]string, len(lists.Forenames))
	for i, n := range lists.Forenames {
		seq[i] = []string{n}
		c.first[n] = true
		c.word(n)
	}
	for _, n := range lists.Forenames {
		c.possessive(n, lists)
	}
	c.expanded[firstNames] = seq
	return seq, nil
}

// possessive enters "jakes" as a spelling of jake, unless it is a word.
func (c *compiler) possessive(name string, lists *lexicon.Lists) {
	s := name + "s"
	if _, taken := c.words[s]; taken || lists.Common[s] {
		return
	}
	same := c.word(name)
	c.words[s] = same
	c.prog.Words = append(c.prog.Words, detect.Word{Text: s, Same: same})
}

// quietNames keeps disguised spellings from being read as first names, but for
// those that a rule looks for as a word of another meaning ("molly").
func (c *compiler) quietNames() {
	for _, q := range c.expanded[firstNames] {
		if w := &c.prog.Words[c.word(q[0])]; w.Flags&detect.WordKey == 0 {
			w.Flags |= detect.WordCommon
		}
	}
}
