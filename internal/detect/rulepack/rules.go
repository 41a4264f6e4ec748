package rulepack

import (
	"strings"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func (c *compiler) newSignal() uint32 {
	c.prog.Signals++
	return c.prog.Signals - 1
}

// conditionSignal returns the signal of a condition's phrases; conditions with
// the same phrases share one.
func (c *compiler) conditionSignal(phrases []Text) uint32 {
	keys := make([]string, len(phrases))
	for i, t := range phrases {
		keys[i] = t.Value
	}
	key := strings.Join(keys, "\n")
	if s, ok := c.signals[key]; ok {
		return s
	}
	s := c.newSignal()
	c.signals[key] = s
	c.inCondition = true
	for _, t := range phrases {
		c.phrase(t, s)
	}
	c.inCondition = false
	return s
}

func (c *compiler) compileRule(r *Rule, p *Pack) {
	c.rule = r.ID.Value
	out := detect.Rule{
		ID: r.ID.Value, Title: r.Title, Pack: uint32(len(c.prog.Packs) - 1), Version: max(r.Version, 1),
		Signal: c.newSignal(), WordEnds: r.WordEnds,
	}
	c.head(r, &out)
	c.alert = out.Level == vocab.Alert
	if len(r.Phrases)+len(r.Domains)+len(r.Hashes) == 0 {
		c.bad(r.ID.Line, "has no phrases, domains or hashes")
	}
	c.hashLists(r, p, out.Signal)
	for _, t := range r.Phrases {
		c.phrase(t, out.Signal)
	}
	if len(r.Exclude) > 0 {
		out.Conditions = append(out.Conditions, detect.Condition{
			Name: "exclude", Effect: detect.Exclude, Signal: c.conditionSignal(r.Exclude),
		})
	}
	for _, x := range []struct {
		effect detect.Effect
		uses   []Use
	}{{detect.Need, r.Needs}, {detect.Silence, r.Silence}, {detect.Lower, r.Lower}, {detect.Raise, r.Raise}} {
		for _, u := range x.uses {
			if cond, ok := c.condition(u, r.ID.Line); ok {
				cond.Effect = x.effect
				out.Conditions = append(out.Conditions, cond)
			}
		}
	}
	c.prog.Rules = append(c.prog.Rules, out)
	c.rule = ""
}

func (c *compiler) condition(u Use, line int) (detect.Condition, bool) {
	cond := u.Condition
	if u.Frame.Value != "" {
		f, ok := c.frames[u.Frame.Value]
		if !ok {
			c.bad(u.Frame.Line, "frame %q is not defined in any pack", u.Frame.Value)
			return detect.Condition{}, false
		}
		cond = f.cond
	}
	if len(cond.Phrases) == 0 {
		c.bad(line, "condition %q has no words (any: […])", cond.Name)
		return detect.Condition{}, false
	}
	if !identifier(cond.Name) {
		c.bad(cond.Phrases[0].Line, "condition %q: a name is 1 to 64 of a-z, 0-9 and -", cond.Name)
		return detect.Condition{}, false
	}
	out := detect.Condition{Name: cond.Name, Within: 6, Signal: c.conditionSignal(cond.Phrases)}
	if cond.Within != nil {
		out.Within = *cond.Within
	}
	if out.Within > 64 {
		c.bad(line, "condition %q looks within %d words; at most 64, or 0 for the whole text", cond.Name, out.Within)
	}
	switch cond.Side.Value {
	case "", "either":
	case "before":
		out.Side = detect.Before
	case "after":
		out.Side = detect.After
	default:
		c.bad(cond.Side.Line, "side %q is not before, after or either", cond.Side.Value)
	}
	return out, true
}

// head checks and sets what a rule says of itself.
func (c *compiler) head(r *Rule, out *detect.Rule) {
	line := r.ID.Line
	if !identifier(r.ID.Value) {
		c.bad(line, "id %q: an id is 1 to 64 of a-z, 0-9 and -", r.ID.Value)
	}
	if first, dup := c.ruleIDs[r.ID.Value]; dup {
		c.bad(line, "id is also at %s:%d; ids are unique over all packs", first.File, first.Line)
	} else {
		c.ruleIDs[r.ID.Value] = Problem{File: c.file, Line: line}
	}
	if r.Title == "" || len(r.Title) > 120 {
		c.bad(line, "title is missing or over 120 bytes; people see it")
	}
	if n := len(r.Categories); n < 1 || n > 2 {
		c.bad(line, "names %d categories, and must name 1 or 2", n)
	}
	for _, t := range r.Categories {
		cat := vocab.Category(t.Value)
		if !cat.ForRules() {
			c.bad(t.Line, "category %q is not one of %v", t.Value, vocab.RuleCategories())
			continue
		}
		out.Categories = append(out.Categories, cat)
	}
	if out.FourC = vocab.FourC(r.FourC.Value); !out.FourC.Valid() {
		c.bad(line, "four_c %q is not content, contact, conduct or commerce", r.FourC.Value)
	}
	var err error
	if out.Severity, err = vocab.ParseSeverity(r.Severity.Value); err != nil {
		c.bad(line, "%v", err)
	}
	if out.Level, err = vocab.ParseLevel(r.Level.Value); err != nil {
		c.bad(line, "%v", err)
	}
	out.Audiences = detect.ForPupils | detect.ForStaff
	if len(r.Audience) > 0 {
		out.Audiences = 0
	}
	for _, t := range r.Audience {
		switch t.Value {
		case "pupil":
			out.Audiences |= detect.ForPupils
		case "staff":
			out.Audiences |= detect.ForStaff
		default:
			c.bad(t.Line, "audience %q is not pupil or staff", t.Value)
		}
	}
	switch {
	case len(r.Years) == 0:
	case len(r.Years) == 2 && 1 <= r.Years[0] && r.Years[0] <= r.Years[1] && r.Years[1] <= 14:
		out.YearMin, out.YearMax = r.Years[0], r.Years[1]
	default:
		c.bad(line, "years is [first, last], each 1 to 14")
	}
	for _, cat := range out.Categories {
		if len(r.Silence) > 0 && (cat == vocab.Suicide || cat == vocab.SelfHarm) {
			c.bad(line, "silences %s; rules of suicide and self-harm may only be lowered", cat)
		}
	}
}
