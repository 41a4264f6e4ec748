package rulepack

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Set is a compiled rule set that can be written with overrides: a school's
// own levels and severities, without compiling anew.
type Set struct{ prog detect.Program }

// CompileSet compiles packs. Every problem that Check finds is an error here, joined.
func CompileSet(packs []Pack) (*Set, error) {
	c := newCompiler()
	c.packs(packs)
	if len(c.problems) > 0 {
		errs := make([]error, len(c.problems))
		for i, p := range c.problems {
			errs[i] = errors.New(p.String())
		}
		return nil, errors.Join(errs...)
	}
	return &Set{c.prog}, nil
}

// Override is what a school sets for one rule. The zero Level and Severity are
// the pack's.
type Override struct {
	Rule     string
	Off      bool
	Level    vocab.Level
	Severity vocab.Severity
}

// ErrFloor says that an override goes below what no school can.
var ErrFloor = errors.New("rules of suicide and self-harm stay on, at level alert, at most one severity below their pack's")

// Floored reports whether an override of a rule with these categories has a floor.
func Floored(categories []vocab.Category) bool {
	return slices.Contains(categories, vocab.Suicide) || slices.Contains(categories, vocab.SelfHarm)
}

// BelowFloor reports whether o does to a rule what no school may. The
// engine's own conditions take such a rule one step down, and so may a person.
func BelowFloor(o Override, categories []vocab.Category, level vocab.Level, severity vocab.Severity) bool {
	return Floored(categories) && (o.Off || o.Level != 0 && o.Level < level || o.Severity != 0 && o.Severity+1 < severity)
}

// Encode writes the set in the flat format that detect.Load reads. Of several
// overrides of one rule the first counts; one of a rule that is not in the set
// is left out. A rule that is made quieter is raised by no condition any more:
// whoever approved "log" would not expect an alert.
func (s *Set) Encode(overrides []Override) ([]byte, error) {
	p := s.prog
	if len(overrides) > 0 {
		if err := override(&p, overrides); err != nil {
			return nil, err
		}
	}
	return detect.Encode(&p)
}

func override(p *detect.Program, overrides []Override) error {
	rules := make([]detect.Rule, 0, len(p.Rules))
	off := map[uint32]bool{}
	for _, r := range p.Rules {
		i := slices.IndexFunc(overrides, func(o Override) bool { return o.Rule == r.ID })
		if i < 0 {
			rules = append(rules, r)
			continue
		}
		o := overrides[i]
		if BelowFloor(o, r.Categories, r.Level, r.Severity) {
			return fmt.Errorf("rule %s: %w", r.ID, ErrFloor)
		}
		if o.Off {
			off[r.Signal] = true
			continue
		}
		quieter := o.Level != 0 && o.Level < r.Level || o.Severity != 0 && o.Severity < r.Severity
		if o.Level != 0 {
			r.Level = o.Level
		}
		if o.Severity != 0 {
			r.Severity = o.Severity
		}
		if quieter && !Floored(r.Categories) {
			r.Conditions = slices.DeleteFunc(slices.Clone(r.Conditions), func(c detect.Condition) bool { return c.Effect == detect.Raise })
		}
		rules = append(rules, r)
	}
	p.Rules = rules
	if len(off) > 0 {
		p.Patterns = slices.DeleteFunc(slices.Clone(p.Patterns), func(t detect.Pattern) bool { return off[t.Signal] })
		p.Lists = slices.DeleteFunc(slices.Clone(p.Lists), func(l detect.HashList) bool { return off[l.Signal] })
	}
	return nil
}
