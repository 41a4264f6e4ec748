package rulepack

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lapwing-schools/lapwing/internal/detect"
)

// maxExpansion bounds how many word sequences one list or slot stands for.
const maxExpansion = 20000

// slot is one place of a parsed phrase.
type slot struct {
	min, max  int        // words that may stand before it
	optional  bool       //
	sequences [][]string // the word sequences that fill it
	list      string     // name of the list, when the slot is exactly one
}

// lists gives the sequences of a named list.
type lists func(name string) ([][]string, error)

// parsePhrase reads a phrase:
//
//	word           the word, without regard to case or apostrophes
//	word~          the word and its regular forms (kill, kills, killed, killing)
//	@name          any phrase of the list
//	(a|b c)        any of these
//	x?             x or nothing
//	..  ..5        up to three, or five, words that do not matter
func parsePhrase(text string, get lists) ([]slot, error) {
	p := &phraseParser{toks: lexPhrase(text), get: get}
	var slots []slot
	gap := 0
	for len(p.toks) > 0 {
		if n, ok, err := gapOf(p.toks[0]); err != nil {
			return nil, err
		} else if ok {
			if len(slots) == 0 {
				return nil, errors.New("begins with a gap")
			}
			gap = n
			p.toks = p.toks[1:]
			continue
		}
		s, err := p.atom()
		if err != nil {
			return nil, err
		}
		s.max = gap
		gap = 0
		slots = append(slots, s)
	}
	if gap > 0 {
		return nil, errors.New("ends with a gap")
	}
	slots = trimOptional(slots)
	if len(slots) == 0 {
		return nil, errors.New("is empty: at least one word must not be optional")
	}
	return mergeSlots(slots), nil
}

// trimOptional drops optional slots at the ends: they decide nothing.
func trimOptional(s []slot) []slot {
	for len(s) > 0 && s[0].optional {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1].optional {
		s = s[:len(s)-1]
	}
	if len(s) > 0 {
		s[0].max = 0
	}
	return s
}

// mergeSlots joins neighbours without a gap while they stand for few
// sequences: longer literals are rarer, and so cheaper to look for.
func mergeSlots(in []slot) []slot {
	const few = 24
	out := in[:1:1]
	for _, s := range in[1:] {
		l := &out[len(out)-1]
		if s.max > 0 || s.optional || l.optional || s.list != "" || l.list != "" ||
			len(s.sequences)*len(l.sequences) > few {
			out = append(out, s)
			continue
		}
		l.sequences = product(l.sequences, s.sequences)
	}
	return out
}

func product(a, b [][]string) [][]string {
	out := make([][]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, append(slices.Clip(slices.Clone(x)), y...))
		}
	}
	return out
}

// lexPhrase cuts a phrase at spaces and around ( | ).
func lexPhrase(text string) []string {
	var toks []string
	for _, f := range strings.Fields(text) {
		for f != "" {
			i := strings.IndexAny(f, "(|)")
			switch {
			case i < 0:
				toks, f = append(toks, f), ""
			case i > 0:
				toks, f = append(toks, f[:i]), f[i:]
			case f[0] == ')' && len(f) > 1 && f[1] == '?':
				toks, f = append(toks, ")?"), f[2:]
			default:
				toks, f = append(toks, f[:1]), f[1:]
			}
		}
	}
	return toks
}

func gapOf(tok string) (n int, ok bool, err error) {
	rest, ok := strings.CutPrefix(tok, "..")
	if !ok {
		return 0, false, nil
	}
	if rest == "" {
		return 3, true, nil
	}
	n, err = strconv.Atoi(rest)
	if err != nil || n < 1 || n > 12 {
		return 0, false, fmt.Errorf("gap %q is not .. or ..1 to ..12", tok)
	}
	return n, true, nil
}

type phraseParser struct {
	toks []string
	get  lists
}

// atom reads a word, a list or a group.
func (p *phraseParser) atom() (slot, error) {
	tok := p.toks[0]
	p.toks = p.toks[1:]
	switch tok {
	case "(":
		return p.group()
	case "|", ")", ")?":
		return slot{}, fmt.Errorf("%q has no group to belong to", tok)
	}
	var s slot
	tok, s.optional = strings.CutSuffix(tok, "?")
	if name, ok := strings.CutPrefix(tok, "@"); ok {
		seq, err := p.get(name)
		s.sequences, s.list = seq, name
		return s, err
	}
	if base, ok := strings.CutSuffix(tok, "~"); ok {
		for _, w := range inflect(base) {
			s.sequences = append(s.sequences, detect.WordsOf(w))
		}
		return s, nil
	}
	words := detect.WordsOf(tok)
	if len(words) == 0 {
		return slot{}, fmt.Errorf("%q has no letter or digit", tok)
	}
	s.sequences = [][]string{words}
	return s, nil
}

// group reads alternatives up to the closing bracket.
func (p *phraseParser) group() (slot, error) {
	var all [][]string
	cur := [][]string{nil}
	for len(p.toks) > 0 {
		switch tok := p.toks[0]; tok {
		case "|", ")", ")?":
			p.toks = p.toks[1:]
			for _, s := range cur {
				if len(s) > 0 {
					all = append(all, s)
				}
			}
			cur = [][]string{nil}
			if tok == "|" {
				continue
			}
			if len(all) == 0 {
				return slot{}, errors.New("has an empty group")
			}
			return slot{optional: tok == ")?", sequences: all}, nil
		default:
			if _, gap, _ := gapOf(tok); gap {
				return slot{}, errors.New("has a gap inside a group; write two phrases")
			}
			s, err := p.atom()
			if err != nil {
				return slot{}, err
			}
			next := product(cur, s.sequences)
			if s.optional {
				next = append(next, cur...)
			}
			if len(next) > maxExpansion {
				return slot{}, fmt.Errorf("stands for more than %d phrases; split it", maxExpansion)
			}
			cur = next
		}
	}
	return slot{}, errors.New("has a group that is not closed")
}
