package caseflow

import (
	"time"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Command asks something of a case. Decide answers.
type Command interface{ command() }

// Open starts a case with its first capture (triage only).
type Open struct {
	Ref      Ref
	Typist   PersonKey
	Subjects []PersonKey
	Audience vocab.Audience
	Category vocab.Category
	Queue    Queue
	LinkedTo Ref
	Capture  CaptureRef
}

// Join adds a capture to a case that is not closed (triage only).
type Join struct {
	Capture  CaptureRef
	Subjects []PersonKey
}

// Revise replaces what is known of a capture by a later revision (triage only).
type Revise struct {
	Capture  CaptureRef
	Subjects []PersonKey
}

// ReopenFor reopens a case closed at most 30 minutes ago for a capture of
// higher severity, and unclaims it (triage only).
type ReopenFor struct {
	Capture  CaptureRef
	Subjects []PersonKey
}

// See records that a person opened the case page.
type See struct{}

// Claim takes the case for the actor until Until. Claiming what one already
// holds renews it; a lapsed claim may be taken by another.
type Claim struct{ Until time.Time }

// Release gives the case back.
type Release struct{}

// Note adds the actor's note. Chars is its length in characters, 1 to 10,000.
type Note struct {
	Text  Sealed
	Chars int
}

// Close ends the case with an outcome and, if Chars > 0, a note.
type Close struct {
	Outcome Outcome
	// Rule is the rule that was wrong, for a false alarm; optional, at most 64 bytes.
	Rule  string
	Text  Sealed
	Chars int
}

// Reopen brings a closed case back to new. Chars counts the reason, 1 to 500.
type Reopen struct {
	Reason Sealed
	Chars  int
}

func (Open) command()      {}
func (Join) command()      {}
func (Revise) command()    {}
func (ReopenFor) command() {}
func (See) command()       {}
func (Claim) command()     {}
func (Release) command()   {}
func (Note) command()      {}
func (Close) command()     {}
func (Reopen) command()    {}

// Limits of free text in commands, in characters.
const (
	MaxNoteChars   = 10_000
	MaxReasonChars = 500
)

// Event is a fact about a case, kept for good.
type Event interface{ event() }

// Stamp is who did it and when. System events have an empty User.
type Stamp struct {
	At   time.Time
	User UserID
	Name string
}

// The events, one for each command that changes something.
type (
	Opened struct {
		Stamp
		Open
		DueAt time.Time
	}
	Joined struct {
		Stamp
		Join
	}
	Revised struct {
		Stamp
		Revise
	}
	ReopenedFor struct {
		Stamp
		ReopenFor
		DueAt time.Time
	}
	// Rerouted says that a capture's subjects moved the case to another queue.
	Rerouted struct {
		Stamp
		Queue Queue
	}
	SeenFirst  struct{ Stamp }
	ClaimTaken struct {
		Stamp
		Until time.Time
	}
	ClaimReleased struct{ Stamp }
	Noted         struct {
		Stamp
		Text Sealed
	}
	CaseClosed struct {
		Stamp
		Outcome Outcome
		Rule    string
		Text    Sealed
	}
	Reopened struct {
		Stamp
		Reason Sealed
		DueAt  time.Time
	}
)

func (Opened) event()        {}
func (Joined) event()        {}
func (Revised) event()       {}
func (ReopenedFor) event()   {}
func (Rerouted) event()      {}
func (SeenFirst) event()     {}
func (ClaimTaken) event()    {}
func (ClaimReleased) event() {}
func (Noted) event()         {}
func (CaseClosed) event()    {}
func (Reopened) event()      {}
