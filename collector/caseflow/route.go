package caseflow

import (
	"slices"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Posts says which people hold the posts that routing looks at: the person
// keys of users with a role, wherever those are known.
type Posts struct {
	Heads []PersonKey
	DSLs  []PersonKey // DSL and deputies
}

// With returns p with one user's person keys added under that user's roles.
// Pending roles count too: who is about to review cases is already in conflict.
func (p Posts) With(roles []Role, persons []PersonKey) Posts {
	if slices.Contains(roles, Head) {
		p.Heads = append(slices.Clip(p.Heads), persons...)
	}
	if slices.Contains(roles, DSL) || slices.Contains(roles, Deputy) {
		p.DSLs = append(slices.Clip(p.DSLs), persons...)
	}
	return p
}

// Facts are what routing knows of an arrival.
type Facts struct {
	Typist   PersonKey
	Person   PersonKey // its directory entry, if it is matched
	Audience vocab.Audience
	Group    vocab.GroupAudience // of the device; empty means pupil, the default of a token
	Subjects []PersonKey         // staff named in it
	Help     Help                // what a request for help says of itself
}

// Route says who reviews ("Triage and cases" in the contract), strictest first:
// the head as typist or subject goes to the chair of governors; a DSL or deputy
// as either, a member of staff, anything that names one or is said to be about
// one, and an unmatched account on a device for staff go to the head; the rest
// to the DSL.
func Route(f Facts, p Posts) Queue {
	people := append([]PersonKey{f.Typist, f.Person}, f.Subjects...)
	in := func(posts []PersonKey) bool {
		return slices.ContainsFunc(people, func(k PersonKey) bool { return !k.IsZero() && slices.Contains(posts, k) })
	}
	switch {
	case in(p.Heads), f.Help.AboutHead:
		return QueueChair
	case in(p.DSLs), forHead(f.Audience, f.Subjects, f.Help):
		return QueueHead
	case f.Audience == vocab.Unknown && f.Group != vocab.GroupPupil && f.Group != "":
		return QueueHead
	}
	return QueueDSL
}

// named reports whether subjects names anybody.
func named(subjects []PersonKey) bool {
	return slices.ContainsFunc(subjects, func(k PersonKey) bool { return !k.IsZero() })
}

// forHead reports whether a case concerns staff by what is known of it.
func forHead(audience vocab.Audience, subjects []PersonKey, help Help) bool {
	return audience == vocab.Staff || named(subjects) || help.AboutStaff || help.AboutHead
}

// strictest is the floor that Decide holds whatever triage asked for: a case
// never moves to a laxer queue, and nothing that concerns staff is the DSL's.
func strictest(now, wanted Queue, staff bool) Queue {
	q := max(now, wanted, QueueDSL)
	if staff {
		q = max(q, QueueHead)
	}
	return min(q, QueueChair)
}
