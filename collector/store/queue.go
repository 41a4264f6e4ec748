package store

import (
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// QueueQuery selects cases. Zero fields select all.
type QueueQuery struct {
	States []caseflow.State // empty: new and claimed
	Owner  caseflow.UserID
	// Unclaimed: nobody holds a live claim.
	Unclaimed bool
	// Waiting: the case waits on somebody outside the queue.
	Waiting  bool
	Category vocab.Category
	Person   caseflow.PersonKey
	// People: the typist's account or directory entry is one of these. Not nil
	// and empty selects nothing: a search that found nobody.
	People   []caseflow.PersonKey
	Severity vocab.Severity
	Year     string // the directory has the person in it now
	Exempt   Exempt
	Device   caseflow.DeviceID
	// From and Until bound the newest capture, ClosedFrom the closing.
	From, Until time.Time
	ClosedFrom  time.Time

	Now    time.Time // for lateness in the order, claims and waiting
	Cursor string
	Limit  int // 1-200, 0 means 50
	// CountOnly leaves the rows out.
	CountOnly bool
}

// QueuePlace is a case's place in a queue.
type QueuePlace struct {
	Place, Total   int          // the first is 1
	Previous, Next caseflow.Ref // empty at the ends
}

// Exempt selects by whether an exemption covers the case.
type Exempt uint8

// Selections by exemption.
const (
	ExemptAny Exempt = iota
	ExemptOnly
	ExemptNot
)

// Selects reports whether the query asks for the case, permission apart; at
// says where the directory has its person. It is the meaning of QueueQuery for
// every implementation.
func (q QueueQuery) Selects(c *caseflow.Case, at func(caseflow.PersonKey) caseflow.Place) bool {
	states := q.States
	if len(states) == 0 {
		states = openStates
	}
	one := func(k caseflow.PersonKey) bool { return !k.IsZero() && slices.Contains(q.People, k) }
	if !slices.Contains(states, c.State) || q.Severity != 0 && c.Severity != q.Severity ||
		q.Category != "" && c.Category != q.Category || q.Owner != "" && c.Owner != q.Owner ||
		!q.Person.IsZero() && c.Typist != q.Person || q.Device != "" && c.Device != q.Device {
		return false
	}
	if c.NameHidden() && (!q.Person.IsZero() || q.People != nil || q.Year != "" || q.Device != "") {
		return false // being found by name, year or machine would tell who asked for help
	}
	switch {
	case q.Exempt == ExemptOnly && !c.Exempt, q.Exempt == ExemptNot && c.Exempt,
		!q.From.IsZero() && c.LastAt.Before(q.From), !q.Until.IsZero() && !c.LastAt.Before(q.Until),
		!q.ClosedFrom.IsZero() && c.ClosedAt.Before(q.ClosedFrom),
		q.Waiting && !c.Waits(q.Now),
		q.People != nil && !one(c.Typist) && !one(c.Person):
		return false
	}
	if q.Unclaimed {
		if _, held := c.Held(q.Now); held || c.State == caseflow.Closed {
			return false
		}
	}
	return q.Year == "" || !c.Person.IsZero() && at(c.Person).Year == q.Year
}

var openStates = []caseflow.State{caseflow.New, caseflow.Claimed}
