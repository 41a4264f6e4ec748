package caseflow

import "slices"

// QueuesOf lists the queues that the actor reviews, from the contract's role
// table. Roles that are not named here open no case: administrator,
// technician, leadership, governor and dpo see no content, and external waits
// for the masked queue that is made for it.
func QueuesOf(a Actor) []Queue {
	if a.System {
		return Queues()
	}
	var qs []Queue
	if a.Has(DSL) || a.Has(Deputy) {
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
	return (slices.Contains(QueuesOf(a), c.Queue) || handedUp(c, a)) && !Concerns(c, a)
}

// handedUp reports whether a safeguarding case was escalated to the actor's
// post, which would not see it otherwise.
func handedUp(c Case, a Actor) bool {
	return c.Queue == QueueDSL && c.Escalated.To == Head && a.Has(Head)
}

// MayAct reports whether the actor may claim, note, close and reopen the case.
// Today everybody who may see a case may work on it; a role that only reads
// will differ here.
func MayAct(c Case, a Actor) bool {
	return !a.System && a.User != "" && MaySee(c, a)
}
