package caseflow

import "time"

// AmongColleagues is a command whose answer depends on who else works at the
// school. The store gives it everybody, as of the same transaction, so that
// nobody is handed a case by a role that has just been taken away.
type AmongColleagues interface {
	Command
	Among(all []Actor) Command
}

// Escalate hands the case up and gives back the actor's claim.
type Escalate struct {
	To     Role
	Reason Text
	// Colleagues is set by the store.
	Colleagues []Actor
}

// EndEscalation takes an escalation back, or gives the case back to those who
// handed it up.
type EndEscalation struct{ Reason Text }

// Wait says on whom the case waits, and until when. Waiting again replaces it.
type Wait struct {
	On    Text
	Until time.Time
}

// EndWait says that the waiting is over.
type EndWait struct{}

// Transfer gives the case to a named colleague, who then holds it for ClaimFor.
type Transfer struct {
	To     UserID
	Reason Text // may be empty
	// Colleagues is set by the store.
	Colleagues []Actor
}

// Mark ticks a step of a playbook, or takes the tick off.
type Mark struct {
	Book Book
	Step string
	Done bool
}

func (Escalate) command()      {}
func (EndEscalation) command() {}
func (Wait) command()          {}
func (EndWait) command()       {}
func (Transfer) command()      {}
func (Mark) command()          {}

// Among implements AmongColleagues.
func (c Escalate) Among(all []Actor) Command { c.Colleagues = all; return c }

// Among implements AmongColleagues.
func (c Transfer) Among(all []Actor) Command { c.Colleagues = all; return c }

// Events of the flow.
type (
	Escalated struct {
		Stamp
		To     Role
		Reason Sealed
		Until  time.Time
	}
	// Answered says that somebody of the role it was handed up to has begun.
	Answered        struct{ Stamp }
	EscalationEnded struct {
		Stamp
		Reason Sealed
	}
	WaitBegan struct {
		Stamp
		On    Sealed
		Until time.Time
	}
	WaitEnded   struct{ Stamp }
	Transferred struct {
		Stamp
		To     UserID
		ToName string
		Until  time.Time
		Reason Sealed
	}
	StepMarked struct {
		Stamp
		Book Book
		Step string
		Done bool
	}
)

func (Escalated) event()       {}
func (Answered) event()        {}
func (EscalationEnded) event() {}
func (WaitBegan) event()       {}
func (WaitEnded) event()       {}
func (Transferred) event()     {}
func (StepMarked) event()      {}
