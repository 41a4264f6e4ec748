package rulepack

import (
	"fmt"

	"github.com/lapwing-schools/lapwing/internal/detect"
)

// minExamples is how many lines of each kind every rule carries.
const minExamples = 2

// RunExamples matches the examples of every rule and reports those that do not
// do what they are there to show. ran counts the lines.
func RunExamples(packs []Pack, e *detect.Engine) (ran int, problems []Problem) {
	for i := range packs {
		p := &packs[i]
		if p.Draft() {
			continue
		}
		for _, r := range p.Rules {
			at := func(t Text, format string, args ...any) {
				problems = append(problems, Problem{File: p.File, Line: t.Line, Rule: r.ID.Value, Text: fmt.Sprintf(format, args...)})
			}
			if len(r.Examples.Hit) < minExamples || len(r.Examples.Miss) < minExamples {
				at(r.ID, "has %d lines that must hit and %d that must not; at least %d of each are needed",
					len(r.Examples.Hit), len(r.Examples.Miss), minExamples)
			}
			for _, t := range r.Examples.Hit {
				if ran++; !hits(e, t.Value, r.ID.Value) {
					at(t, "must hit %q and does not", t.Value)
				}
			}
			for _, t := range r.Examples.Miss {
				if ran++; hits(e, t.Value, r.ID.Value) {
					at(t, "must not hit %q and does", t.Value)
				}
			}
		}
	}
	return ran, problems
}

func hits(e *detect.Engine, text, rule string) bool {
	for _, h := range e.Match(text, detect.Options{}) {
		if h.Rule == rule {
			return true
		}
	}
	return false
}
