package caseflow

import (
	"slices"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// MayBeExempt reports whether a capture of this category may be down-ranked at
// all. What somebody asks for help with, and what may cost a life, never is.
func MayBeExempt(c vocab.Category) bool { return !NeverQuiet(c) && c != vocab.Help }

// Notifies reports whether anybody is told of the case beside its place in the
// queue: one of level alert that no exemption covers.
func Notifies(c Case) bool { return c.State != Closed && c.Level == vocab.Alert && !c.Exempt }

// weighExemption works out again whether an exemption covers the case: all of
// its standing captures, and nothing that is not for the DSL.
func weighExemption(c Case) Case {
	c.Exempt, c.Exemption = false, ""
	if !MayBeExempt(c.Category) || c.Queue > QueueDSL || c.Audience == vocab.Staff || named(c.Subjects) {
		return c
	}
	by := ""
	for _, r := range c.Captures {
		switch {
		case r.Withdrawn:
		case r.Exempt == "":
			return c
		default:
			by = r.Exempt
		}
	}
	c.Exempt, c.Exemption = by != "", by
	return c
}

// decideTag puts exemptions on captures, or takes them off. When the case is
// no longer covered its target time counts from now: until now nobody was
// asked to look at it.
func decideTag(c Case, cmd Tag, by Stamp) ([]Event, error) {
	if c.Version == 0 {
		return nil, ErrHidden
	}
	e := Tagged{Stamp: by}
	for _, t := range cmd.Tags {
		if r, ok := c.Holds(t.Device, t.Event); ok && r.Exempt != t.Exemption {
			e.Tags = append(e.Tags, t)
		}
	}
	if len(e.Tags) == 0 {
		return nil, nil
	}
	if after := Fold(c, e); c.State != Closed && c.Exempt && !after.Exempt {
		e.DueAt = DueAt(c.Severity, by.At)
	}
	return []Event{e}, nil
}

// tagged may write into c.Captures.
func tagged(c Case, e Tagged) Case {
	for _, t := range e.Tags {
		i := slices.IndexFunc(c.Captures, func(r CaptureRef) bool { return r.Device == t.Device && r.Event == t.Event })
		if i >= 0 {
			c.Captures[i].Exempt = t.Exemption
		}
	}
	if !e.DueAt.IsZero() {
		c.DueAt = e.DueAt
	}
	return weighExemption(c)
}
