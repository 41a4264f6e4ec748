// Package caseflow is the domain heart of the collector: what a case is, what
// may be done to it, by whom, and what follows. Decide turns a command into
// events or a typed refusal; Evolve folds events into the case. Both are pure
// functions, the same for every store.
//
// It may import internal/vocab and internal/ulid and nothing that knows a
// network, a database, the operating system or a clock; the dependency test
// holds that. Times come in as arguments. Content (excerpts, titles, notes) enters only as Sealed, so no
// event, log line or index made here can carry plain words.
package caseflow

import (
	"time"

	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Ref names a case to people: 8 random characters of Crockford base32, so
// that nobody can count the cases that are hidden from them.
type Ref string

// PersonKey is the keyed hash (collector/vault) of an account or directory
// entry within one school. It identifies without naming. The zero value is nobody.
type PersonKey [16]byte

// IsZero reports whether k is nobody.
func (k PersonKey) IsZero() bool { return k == PersonKey{} }

// DeviceID is the enrolled device's random id.
type DeviceID string

// UserID is a console user's id.
type UserID string

// Sealed is content under a person's data key (collector/vault). Its bytes
// mean nothing to this package.
type Sealed []byte

// State is where a case stands. Escalated, waiting and exempt are flags, not states.
type State uint8

// States of a case.
const (
	New State = iota + 1
	Claimed
	Closed
)

// String returns the wire word.
func (s State) String() string {
	switch s {
	case New:
		return "new"
	case Claimed:
		return "claimed"
	case Closed:
		return "closed"
	}
	return "none"
}

// Queue is who reviews a case; routing decides it, never a reader.
type Queue uint8

// Queues.
const (
	QueueDSL   Queue = iota + 1 // pupils and unknown accounts, no member of staff concerned
	QueueHead                   // staff, allegations, and cases about a DSL or deputy
	QueueChair                  // cases about the head
)

// Queues lists every queue.
func Queues() []Queue { return []Queue{QueueDSL, QueueHead, QueueChair} }

// Case is the projection of a case's events.
type Case struct {
	Ref Ref
	// Version is the number of events folded in; 0 means there is no case.
	Version uint64
	Typist  PersonKey
	// Person is the typist's entry in the school's directory; zero while the
	// account is unmatched.
	Person   PersonKey
	Subjects []PersonKey // staff named in it; never shown to any of them
	Audience vocab.Audience
	Category vocab.Category
	Severity vocab.Severity
	Level    vocab.Level
	State    State
	Queue    Queue
	Device   DeviceID // where the first capture came from
	// Owner and the end of the claim, while Claimed.
	Owner      UserID
	OwnerName  string
	ClaimedAt  time.Time
	ClaimUntil time.Time
	// OpenedAt is when the collector opened it; FirstAt and LastAt are corrected
	// device times of its captures.
	OpenedAt, FirstAt, LastAt time.Time
	DueAt                     time.Time
	ClosedAt                  time.Time
	ClosedSeverity            vocab.Severity // when it was closed, to judge a reopening; zero after Withdrawn
	Outcome                   Outcome
	FalseRule                 string       // the one rule that a false alarm names; empty: all that hit
	FalseWhy                  WhyFalse     // why it was one
	Captures                  []CaptureRef // by At, newest last; withdrawn ones stay, marked
	Count                     int          // captures not withdrawn, collapsed repeats included
	LinkedTo                  Ref          // an earlier case of the same key
	// Exempt: an exemption covers every capture that stands. Never so for suicide,
	// self-harm, a request for help, or anything that concerns staff.
	Exempt       bool
	Exemption    string    // of the newest capture that stands, while Exempt
	FirstSeen    time.Time // when a person first opened, claimed or noted it; zero if nobody has
	Help         Help
	NameOpenedAt time.Time // when the name was first shown; see NameHidden

	Escalated Escalation
	Waiting   Waiting
	Book      Book       // the playbook it is worked by, once somebody has begun
	Steps     []StepDone // ticked now, in the order of ticking
	// Floor is the laxest queue that the case may be in, since somebody passed it on.
	Floor Queue
	// Consulted are those from outside who are asked about it now.
	Consulted []Consultation
}

// Held returns who holds a live claim at now. A claim lapses at ClaimUntil: the
// case then still says Claimed, and anybody who may act may take it.
func (c Case) Held(now time.Time) (UserID, bool) {
	if c.State != Claimed || !now.Before(c.ClaimUntil) {
		return "", false
	}
	return c.Owner, true
}

// Late reports whether the case is not closed, its target time has passed, and
// it does not rest while it waits on somebody.
func (c Case) Late(now time.Time) bool {
	return c.State != Closed && !c.DueAt.IsZero() && now.After(c.DueAt) && !c.rests(now)
}

// Holds returns the case's capture of the device's event, if it has it.
func (c Case) Holds(d DeviceID, e ulid.ID) (CaptureRef, bool) {
	for _, r := range c.Captures {
		if r.Device == d && r.Event == e {
			return r, true
		}
	}
	return CaptureRef{}, false
}

// Standing is the number of captures that are not withdrawn.
func (c Case) Standing() int {
	n := 0
	for _, r := range c.Captures {
		if !r.Withdrawn {
			n++
		}
	}
	return n
}

// CaptureRef is what caseflow keeps of a capture: what it counts for in its
// case. In suicide and self-harm cases that never falls below what an earlier
// revision said (Decide, Revise).
type CaptureRef struct {
	Device    DeviceID
	Event     ulid.ID
	Revision  uint32
	Severity  vocab.Severity
	Level     vocab.Level
	At        time.Time
	Count     int
	Withdrawn bool
	// Exempt is the id of the exemption that covers it; empty for none.
	Exempt string
}
