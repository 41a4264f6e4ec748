package caseflow

import "slices"

// QueuesOf lists the queues that the actor reviews, from the contract's role
// table. Roles that are not named here open no case: administrator,
// technician, leadership, governor and dpo see no content.
func QueuesOf(a Actor) []Queue {
	if a.System {
		return Queues()
	}
	var qs []Queue
	if a.Has(DSL) || a.Has(Deputy) || a.Has(External) {
		qs = append(qs, QueueDSL)
	}
	if a.Has(Head) {
		qs = append(qs, QueueHead)
	}
	if a.Has(Chair) {
		qs = append(qs, QueueChair)
	}
	return qs
}

// Concerns reports whether the actor is the case's typist or is named in it.
// Such a person never sees the case, counts it or is told of it, whatever their roles.
func Concerns(c Case, a Actor) bool {
	return a.Is(c.Typist) || a.Is(c.Person) || slices.ContainsFunc(c.Subjects, a.Is)
}

// MaySee reports whether the actor may know of the case. Every page, count,
// stream, export and command asks it and nothing else.
func MaySee(c Case, a Actor) bool {
	if c.Version == 0 {
		return false
	}
	if a.System {
		return true
	}
	return (reviews(c, a) || handedUp(c, a)) && !Concerns(c, a)
}

// reviews reports whether the case is in a queue of the actor's, within the
// actor's scope. Glass widens the scope, and nothing else.
func reviews(c Case, a Actor) bool {
	switch c.Queue {
	case QueueDSL:
		safeguarding := a.Has(DSL) || a.Has(Deputy)
		return advises(c, a) || safeguarding && (a.Scope.Broken || a.Scope.Covers(c))
	case QueueHead:
		return a.Has(Head)
	case QueueChair:
		return a.Has(Chair)
	}
	return false
}

// handedUp reports whether a safeguarding case was escalated to the actor's
// post, which would not see it otherwise.
func handedUp(c Case, a Actor) bool {
	return c.Queue == QueueDSL && c.Escalated.To == Head && a.Has(Head)
}

// MayAct reports whether the actor may claim, decide, close and reopen the
// case: who sees it by a role that works on cases. An external reviewer's role does not.
func MayAct(c Case, a Actor) bool {
	return Allows(a, WorkCases) && MaySee(c, Working(a))
}

// MayNote reports whether the actor may add a note to the case.
func MayNote(c Case, a Actor) bool { return Allows(a, NoteCases) && MaySee(c, a) }

// MaySuggest reports whether the actor may suggest what to do with the case.
func MaySuggest(c Case, a Actor) bool {
	return Allows(a, AdviseCases) && advises(c, a) && MaySee(c, a)
}

// Working is the actor without a role from outside: what pages with names are
// made for, so that such a role adds nothing to them.
func Working(a Actor) Actor { return without(a, External) }

// without is the actor less one role.
func without(a Actor, r Role) Actor {
	a.Roles = slices.DeleteFunc(slices.Clone(a.Roles), func(o Role) bool { return o == r })
	return a
}

// MayDo reports whether the actor may give the command on a case that the actor may see.
func MayDo(c Case, cmd Command, a Actor) bool {
	switch cmd.(type) {
	case Note:
		return MayNote(c, a)
	case Suggest:
		return MaySuggest(c, a)
	}
	return MayAct(c, a)
}
