package rulepack

import "github.com/lapwing-schools/lapwing/internal/detect"

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
	return b, e.Stats(), nil
}
