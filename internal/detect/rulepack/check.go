package rulepack

import (
	"fmt"
	"strings"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack/lexicon"
)

// Check compiles packs and returns everything that is wrong with them, each
// with its file, line, rule and reason. With no problem, compiled is the rule
// set and stats its sizes.
func Check(packs []Pack) (compiled []byte, stats detect.Stats, problems []Problem) {
	c := newCompiler()
	c.packs(packs)
	if len(c.problems) > 0 {
		return nil, detect.Stats{}, c.problems
	}
	b, err := detect.Encode(&c.prog)
	if err != nil {
		return nil, detect.Stats{}, []Problem{{File: ".", Text: err.Error()}}
	}
	e, err := detect.Load(b)
	if err != nil {
		return nil, detect.Stats{}, []Problem{{File: ".", Text: err.Error()}}
	}
	if dead := c.dead(packs, e); len(dead) > 0 {
		return nil, detect.Stats{}, dead
	}
	return b, e.Stats(), nil
}

// single reports words that are too ordinary to raise an alert on their own:
// those that packs list as common, the lexicon's and first names, in whatever
// spelling. One of them among many is enough: each raises the alert alone.
func (c *compiler) single(t Text, slots []slot) {
	if len(slots) != 1 {
		return
	}
	lists, err := lexicon.Load()
	if err != nil {
		c.bad(t.Line, "%v", err)
		return
	}
	for _, q := range slots[0].sequences {
		if len(q) != 1 {
			continue
		}
		w := c.prog.Words[c.prog.Words[c.word(q[0])].Same]
		switch {
		case w.Flags&detect.WordCommon != 0, lists.Common[q[0]], lists.Common[w.Text]:
			c.bad(t.Line, "phrase %q is the single common word %q at level alert; add words that must stand with it, or make it a log rule", t.Value, q[0])
			return
		case lists.FirstName(q[0]), lists.FirstName(w.Text):
			c.bad(t.Line, "phrase %q is the single first name %q at level alert; add words that must stand with it, or make it a log rule", t.Value, q[0])
			return
		}
	}
}

// deadSamples is how many forms of a phrase are tried before it counts as dead.
const deadSamples = 40

// dead reports phrases that can never hit, because an exclusion, a silencing
// condition or a place's name takes every form of them away.
func (c *compiler) dead(packs []Pack, e *detect.Engine) []Problem {
	var out []Problem
	for i := range packs {
		p := &packs[i]
		if p.Draft() {
			continue
		}
		for j := range p.Rules {
			r := &p.Rules[j]
			if len(r.Needs) > 0 {
				continue // its words alone are not meant to hit
			}
			for _, t := range r.Phrases {
				if slots, err := parsePhrase(t.Value, c.list); err == nil && !c.alive(e, r.ID.Value, slots) {
					out = append(out, Problem{File: p.File, Line: t.Line, Rule: r.ID.Value, Text: fmt.Sprintf(
						"phrase %q is dead: an exclusion, a silencing condition or a place's name removes every form that was tried", t.Value)})
				}
			}
		}
	}
	return out
}

// alive tries forms of a phrase, different sequences of each slot, in the engine.
func (c *compiler) alive(e *detect.Engine, rule string, slots []slot) bool {
	for k := range deadSamples {
		var words []string
		for i, s := range slots {
			// Steps that differ by slot keep the forms from going in lockstep.
			words = append(words, s.sequences[k*(2*i+1)%len(s.sequences)]...)
		}
		if hits(e, strings.Join(words, " "), rule) {
			return true
		}
	}
	return false
}
