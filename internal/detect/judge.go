package detect

import (
	"cmp"
	"slices"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// judge weighs a find by its rule's conditions.
func (e *Engine) judge(s *scratch, f find, o Options) (Hit, bool) {
	r := &e.rules[e.ruleOf[f.signal]-1]
	if !r.applies(o) {
		return Hit{}, false
	}
	h := Hit{
		Rule: r.ID, Title: r.Title, Pack: e.packs[r.Pack].Name, Version: r.Version,
		Categories: r.Categories, FourC: r.FourC, Severity: r.Severity, Level: r.Level,
		Start: int(s.toks[f.start].start), End: int(s.toks[f.end-1].end),
	}
	h.Growing = r.WordEnds && h.End == len(s.text)
	needs, met := false, false
	for _, c := range r.Conditions {
		holds := s.holds(f, c)
		switch c.Effect {
		case Need:
			needs, met = true, met || holds
		case Exclude, Silence:
			if holds {
				return Hit{}, false
			}
		case Lower:
			if holds {
				h.LoweredBy = append(h.LoweredBy, c.Name)
			}
		case Raise:
			if holds {
				h.RaisedBy = append(h.RaisedBy, c.Name)
			}
		}
	}
	if needs && !met {
		return Hit{}, false
	}
	switch {
	case len(h.LoweredBy) > 0:
		h.Severity = max(h.Severity-1, vocab.Low)
		h.Level = vocab.Log
	case len(h.RaisedBy) > 0:
		h.Severity = min(h.Severity+1, vocab.Critical)
		h.Level = vocab.Alert
	}
	reading := Plain
	for _, t := range s.toks[f.start:f.end] {
		reading = max(reading, t.reading)
	}
	h.Reading = reading.String()
	return h, true
}

// near returns the finds of a signal that may lie within d tokens of f.
func (s *scratch) near(signal uint32, f find, d uint32) []find {
	first := find{signal: signal, start: f.start - min(f.start, d+s.longest)}
	i, _ := slices.BinarySearchFunc(s.finds, first, func(a, b find) int {
		return cmp.Or(cmp.Compare(a.signal, b.signal), cmp.Compare(a.start, b.start))
	})
	j := i
	for j < len(s.finds) && s.finds[j].signal == signal && s.finds[j].start <= f.end+d {
		j++
	}
	return s.finds[i:j]
}

// holds reports whether condition c is met for find f.
func (s *scratch) holds(f find, c Condition) bool {
	if c.Within == 0 && c.Effect != Exclude {
		return len(s.near(c.Signal, f, uint32(len(s.toks)))) > 0
	}
	d := uint32(c.Within)
	for _, x := range s.near(c.Signal, f, d) {
		overlap := x.start < f.end && x.end > f.start
		switch {
		case overlap:
			return true
		case c.Effect == Exclude,
			s.toks[x.start].sentence > s.toks[f.end-1].sentence,
			s.toks[x.end-1].sentence < s.toks[f.start].sentence:
		case x.start >= f.end && c.Side != Before && x.start-f.end < d,
			x.end <= f.start && c.Side != After && f.start-x.end < d:
			return true
		}
	}
	return false
}
