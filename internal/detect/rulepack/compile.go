package rulepack

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/internal/detect"
)

// Compile turns packs into the flat format that detect.Load reads. Every
// problem that Check finds is an error here, joined.
func Compile(packs []Pack) ([]byte, error) {
	c := newCompiler()
	c.packs(packs)
	if len(c.problems) > 0 {
		errs := make([]error, len(c.problems))
		for i, p := range c.problems {
			errs[i] = errors.New(p.String())
		}
		return nil, errors.Join(errs...)
	}
	return detect.Encode(&c.prog)
}

// compiler builds a program from packs and collects what is wrong with them.
type compiler struct {
	prog     detect.Program
	problems []Problem

	words    map[string]uint32 // vocabulary by text
	literals map[string]uint32 // literal by its words, joined with spaces
	classes  map[string]uint32 // class by the key of its sequences
	signals  map[string]uint32 // signal of a condition by its phrases
	patterns map[string]bool   // patterns by their key

	lists     map[string]namedList
	expanded  map[string][][]string
	expanding map[string]bool
	first     map[string]bool // what @first-name stands for
	frames    map[string]namedFrame
	ruleIDs   map[string]Problem // where each id was seen first

	file, rule  string // what problems are about
	inCondition bool   // phrases are those of a condition
	alert       bool   // the rule's level is alert
}

type namedList struct {
	file  string
	items []Text
}

type namedFrame struct {
	file string
	cond Condition
}

func newCompiler() *compiler {
	return &compiler{
		words: map[string]uint32{}, literals: map[string]uint32{}, classes: map[string]uint32{},
		signals: map[string]uint32{}, patterns: map[string]bool{},
		lists: map[string]namedList{}, expanded: map[string][][]string{}, expanding: map[string]bool{},
		frames: map[string]namedFrame{}, ruleIDs: map[string]Problem{},
	}
}

func (c *compiler) bad(line int, format string, args ...any) {
	c.problems = append(c.problems, Problem{File: c.file, Line: line, Rule: c.rule, Text: fmt.Sprintf(format, args...)})
}

// Draft reports whether the pack says that nobody who speaks its language has
// read it. Drafts are off unless a school turns them on.
func (p *Pack) Draft() bool { return strings.HasPrefix(p.Review.Value, "draft") }

func (c *compiler) packs(packs []Pack) {
	for i := range packs {
		c.names(&packs[i])
	}
	for i := range packs {
		c.singleWords(&packs[i])
	}
	for i := range packs {
		p := &packs[i]
		if p.Draft() {
			continue
		}
		c.file, c.rule = p.File, ""
		c.prog.Packs = append(c.prog.Packs, detect.PackInfo{Name: p.Name.Value, Version: p.Version})
		for j := range p.Rules {
			c.compileRule(&p.Rules[j], p)
		}
	}
	c.rule = ""
	c.lexicon()
	c.quietNames()
	for i, w := range c.prog.Words {
		c.prog.Words[i].Flags = c.prog.Words[w.Same].Flags
	}
}

// names gathers lists and frames, which every pack sees.
func (c *compiler) names(p *Pack) {
	c.file, c.rule = p.File, ""
	if !identifier(p.Name.Value) {
		c.bad(p.Name.Line, "pack %q: a name is 1 to 64 of a-z, 0-9 and -", p.Name.Value)
	}
	if p.Version == 0 {
		c.bad(p.Name.Line, "version is missing; it begins at 1")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Lists)) {
		items := p.Lists[name]
		if name == firstNames {
			c.bad(firstLine(items), "list %q is one that the compiler has; choose another name", name)
			continue
		}
		if other, dup := c.lists[name]; dup {
			c.bad(firstLine(items), "list %q is also in %s; rename one", name, other.file)
			continue
		}
		c.lists[name] = namedList{p.File, items}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Frames)) {
		f := p.Frames[name]
		if other, dup := c.frames[name]; dup {
			c.bad(firstLine(f.Phrases), "frame %q is also in %s; rename one", name, other.file)
			continue
		}
		f.Name = name
		c.frames[name] = namedFrame{p.File, f}
	}
}

// singleWords enters words with flags and spellings.
func (c *compiler) singleWords(p *Pack) {
	c.file, c.rule = p.File, ""
	for _, t := range p.Words.GapStops {
		c.flag(t, detect.WordGapStop)
	}
	for _, t := range p.Words.Common {
		c.flag(t, detect.WordCommon)
	}
	for _, base := range slices.Sorted(maps.Keys(p.Words.Spellings)) {
		same := c.word(base)
		for _, t := range p.Words.Spellings[base] {
			words := detect.WordsOf(t.Value)
			if len(words) != 1 {
				c.bad(t.Line, "spelling %q of %q is not one word", t.Value, base)
				continue
			}
			if id, known := c.words[words[0]]; known && id != same {
				c.bad(t.Line, "spelling %q of %q is a word of its own elsewhere", t.Value, base)
				continue
			}
			c.words[words[0]] = same
			c.prog.Words = append(c.prog.Words, detect.Word{Text: words[0], Same: same})
		}
	}
}

// flag sets a flag of every word of a text, which may hold several.
func (c *compiler) flag(t Text, f detect.WordFlags) {
	for _, w := range detect.WordsOf(t.Value) {
		id := c.word(w)
		c.prog.Words[id].Flags |= f
	}
}

func (c *compiler) word(w string) uint32 {
	if id, ok := c.words[w]; ok {
		return id
	}
	id := uint32(len(c.prog.Words))
	c.words[w] = id
	c.prog.Words = append(c.prog.Words, detect.Word{Text: w, Same: id})
	return id
}

func firstLine(t []Text) int {
	if len(t) == 0 {
		return 0
	}
	return t[0].Line
}

func identifier(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

// list expands a named list to its word sequences.
func (c *compiler) list(name string) ([][]string, error) {
	if seq, ok := c.expanded[name]; ok {
		return seq, nil
	}
	if name == firstNames {
		return c.firstNames()
	}
	l, ok := c.lists[name]
	if !ok {
		return nil, fmt.Errorf("list @%s is not defined in any pack", name)
	}
	if c.expanding[name] {
		return nil, fmt.Errorf("list @%s contains itself", name)
	}
	c.expanding[name] = true
	defer delete(c.expanding, name)
	var all [][]string
	for _, t := range l.items {
		seq, err := parseGroup(t.Value, c.list)
		if err != nil {
			return nil, fmt.Errorf("list @%s (%s:%d): %q %w", name, l.file, t.Line, t.Value, err)
		}
		all = append(all, seq...)
	}
	if len(all) > maxExpansion {
		return nil, fmt.Errorf("list @%s stands for %d phrases, and at most %d are allowed", name, len(all), maxExpansion)
	}
	c.expanded[name] = all
	return all, nil
}

// parseGroup expands a phrase that has no gaps.
func parseGroup(text string, get lists) ([][]string, error) {
	p := &phraseParser{toks: append(lexPhrase(text), ")"), get: get}
	s, err := p.group()
	if err != nil {
		return nil, err
	}
	if len(p.toks) > 0 {
		return nil, errors.New("has a bracket too many")
	}
	return s.sequences, nil
}

// class returns the id of the class that a slot's sequences form.
func (c *compiler) class(s slot) (uint32, error) {
	key := "@" + s.list
	if s.list == "" {
		keys := make([]string, len(s.sequences))
		for i, q := range s.sequences {
			keys[i] = strings.Join(q, " ")
		}
		slices.Sort(keys)
		key = strings.Join(slices.Compact(keys), "|")
	}
	if id, ok := c.classes[key]; ok {
		return id, nil
	}
	id := c.prog.Classes
	c.prog.Classes++
	c.classes[key] = id
	for _, q := range s.sequences {
		if len(q) > 16 {
			return 0, fmt.Errorf("%q has more than 16 words", strings.Join(q, " "))
		}
		c.literal(q, id)
	}
	return id, nil
}

func (c *compiler) literal(words []string, class uint32) {
	ids := make([]uint32, len(words))
	key := make([]string, len(words))
	for i, w := range words {
		ids[i] = c.word(w)
		key[i] = fmt.Sprint(ids[i]) // spellings of one word share a literal
	}
	k := strings.Join(key, " ")
	n, ok := c.literals[k]
	if !ok {
		n = uint32(len(c.prog.Literals))
		c.literals[k] = n
		c.prog.Literals = append(c.prog.Literals, detect.Literal{Words: ids})
	}
	l := &c.prog.Literals[n]
	if !slices.Contains(l.Classes, class) {
		l.Classes = append(l.Classes, class)
	}
}

// phrase compiles one phrase to a pattern that raises signal.
func (c *compiler) phrase(t Text, signal uint32) {
	slots, err := parsePhrase(t.Value, c.list)
	if err != nil {
		c.bad(t.Line, "phrase %q %v", t.Value, err)
		return
	}
	p := detect.Pattern{Signal: signal}
	for _, s := range slots {
		id, err := c.class(s)
		if err != nil {
			c.bad(t.Line, "phrase %q: %v", t.Value, err)
			return
		}
		p.Slots = append(p.Slots, detect.Slot{Class: id, MinGap: uint8(s.min), MaxGap: uint8(s.max), Optional: s.optional})
	}
	if len(p.Slots) > 12 {
		c.bad(t.Line, "phrase %q has more than 12 places; use gaps or lists", t.Value)
		return
	}
	if c.rule != "" && !c.inCondition {
		c.markKeys(slots)
		if c.alert {
			c.single(t, slots)
		}
	}
	key := fmt.Sprint(p)
	if c.patterns[key] {
		if c.rule != "" && !c.inCondition {
			c.bad(t.Line, "phrase %q stands in this rule twice", t.Value)
		}
		return
	}
	c.patterns[key] = true
	c.prog.Patterns = append(c.prog.Patterns, p)
}
