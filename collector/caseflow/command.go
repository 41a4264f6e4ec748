package caseflow

import (
	"time"

	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Command asks something of a case. Decide answers.
type Command interface{ command() }

// Open starts a case with its first capture (triage only). A capture that is
// already withdrawn opens and closes it, so that an older revision that comes
// late finds its holder.
type Open struct {
	Ref      Ref
	Typist   PersonKey
	Person   PersonKey // directory entry; zero for an unmatched account
	Subjects []PersonKey
	Audience vocab.Audience
	Category vocab.Category
	Queue    Queue
	LinkedTo Ref
	Capture  CaptureRef
	Help     Help // zero for what was captured
}

// Join adds a capture to a case that is not closed (triage only).
type Join struct {
	Capture  CaptureRef
	Subjects []PersonKey
	// Queue is where Route sends this capture. A case only ever moves to a
	// stricter queue (DSL, head, chair); zero leaves it where it is.
	Queue Queue
}

// Revise replaces what is known of a capture by a later revision (triage
// only). An older or equal revision changes nothing.
type Revise struct {
	Capture  CaptureRef
	Subjects []PersonKey
	Queue    Queue // as in Join
}

// ReopenFor reopens a case closed at most 30 minutes ago for a capture of
// higher severity, and unclaims it (triage only).
type ReopenFor struct {
	Capture  CaptureRef
	Subjects []PersonKey
	Queue    Queue // as in Join
}

// Rematch tells a case what the school now knows of its people: a later match
// of the account, staff found in it since, or a post that somebody took
// (triage only). It leaves out nothing that was known: a person stays a
// subject, and staff stay staff unless the directory has them as a pupil now.
type Rematch struct {
	Person   PersonKey // zero: no news of the account
	Audience vocab.Audience
	Subjects []PersonKey
	// Queue is where Route sends the case. It moves to a stricter queue, and to
	// a laxer one only when all that kept it there was that nobody knew whose
	// account it is, and it turns out to be a pupil's.
	Queue Queue
}

// Tag says which exemption covers which captures of the case, after one was
// approved or revoked (triage only). Captures that it does not name keep theirs.
type Tag struct{ Tags []CaptureTag }

// CaptureTag is one capture's exemption; empty for none.
type CaptureTag struct {
	Device    DeviceID
	Event     ulid.ID
	Exemption string
}

// See records that a person opened the case page.
type See struct{}

// Claim takes the case for the actor until Until, at most MaxClaim from now.
// Claiming what one already holds renews it; a lapsed claim may be taken by another.
type Claim struct{ Until time.Time }

// Release gives the case back.
type Release struct{}

// Note adds the actor's note. Chars is its length in characters, 1 to 10,000.
type Note struct {
	Text  Sealed
	Chars int
}

// Close ends the case with an outcome and, if Chars > 0, a note. Closing a case
// that nobody holds claims it first, so that the record always says who held
// it; a case that somebody else holds is never closed over their head.
type Close struct {
	Outcome Outcome
	// Rule is the id of the rule that was wrong, for a false alarm, at most 64
	// bytes of a-z, 0-9, dot, hyphen and underscore; empty means every rule that
	// hit in the case. Why must say why. Other outcomes drop both.
	Rule    string
	Why     WhyFalse
	Details Details // of outcomes that say who was told
	// Book is the playbook that was shown, if there was one.
	Book  Book
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
func (Rematch) command()   {}
func (Tag) command()       {}
func (See) command()       {}
func (Claim) command()     {}
func (Release) command()   {}
func (Note) command()      {}
func (Close) command()     {}
func (Reopen) command()    {}

// Limits of what commands carry. Note and reason are in characters (Unicode
// code points), the rule id in bytes.
const (
	MaxNoteChars   = 10_000
	MaxReasonChars = 500
	MaxRuleBytes   = 64
)

// How long claims last: what a page asks for, and the most that Decide grants.
// Policy defaults: an hour is one lesson, so that a claim forgotten before
// lunch is free after it; a working day is the most that anybody holds a case unseen.
const (
	ClaimFor = time.Hour
	MaxClaim = 8 * time.Hour
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
		DueAt time.Time // zero: unchanged
	}
	Revised struct {
		Stamp
		Revise
		DueAt time.Time // zero: unchanged
	}
	ReopenedFor struct {
		Stamp
		ReopenFor
		DueAt time.Time
	}
	// Rematched says what became known of the case's people.
	Rematched struct {
		Stamp
		Person   PersonKey
		Audience vocab.Audience
		Subjects []PersonKey // new ones
	}
	// Tagged says which exemptions cover the case's captures since.
	Tagged struct {
		Stamp
		Tags  []CaptureTag
		DueAt time.Time // zero: unchanged
	}
	// Rerouted says that a capture's subjects, or a match, moved the case to another queue.
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
		Rule    string // of a false alarm: the one rule that was wrong; empty: all that hit
		Why     WhyFalse
		Told    Told
		Book    Book
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
func (Rematched) event()     {}
func (Tagged) event()        {}
func (Rerouted) event()      {}
func (SeenFirst) event()     {}
func (ClaimTaken) event()    {}
func (ClaimReleased) event() {}
func (Noted) event()         {}
func (CaseClosed) event()    {}
func (Reopened) event()      {}
