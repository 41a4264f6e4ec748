package caseflow

import "slices"

// evolveFlow folds the events of command_flow.go; false for any other.
func evolveFlow(c Case, e Event) (Case, bool) {
	switch e := e.(type) {
	case Escalated:
		c.Escalated = Escalation{To: e.To, By: e.User, ByName: e.Name, At: e.At, Until: e.Until}
	case Answered:
		if c.Escalated.To != "" {
			c.Escalated.Answered = e.At
		}
	case EscalationEnded:
		c.Escalated = Escalation{}
	case WaitBegan:
		c.Waiting = Waiting{On: e.On, By: e.User, ByName: e.Name, Since: e.At, Until: e.Until}
		c = seen(c, e.At)
	case WaitEnded:
		c.Waiting = Waiting{}
	case Transferred:
		c = claimed(c, ClaimTaken{Stamp: Stamp{At: e.At, User: e.To, Name: e.ToName}, Until: e.Until})
	case StepMarked:
		c = marked(c, e)
	default:
		return c, false
	}
	return c, true
}

func marked(c Case, e StepMarked) Case {
	c.Steps = slices.DeleteFunc(slices.Clone(c.Steps), func(s StepDone) bool { return s.Book == e.Book.ID && s.Step == e.Step })
	if e.Done {
		c.Steps = append(c.Steps, StepDone{Book: e.Book.ID, Step: e.Step, At: e.At, By: e.User, ByName: e.Name})
	}
	return seen(workedBy(c, e.Book), e.At)
}

// workedBy pins the version of the playbook that the case is worked by. The
// first stays, until the case moves to reviewers who work by another.
func workedBy(c Case, b Book) Case {
	if b.ID != "" && c.Book.ID != b.ID {
		c.Book = b
	}
	return c
}
