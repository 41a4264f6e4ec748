package caseflow

import (
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Evolve folds one event into the case and returns the new case; c is left as
// it was. It is total: any event, in any order, gives a case, and each counts
// one up in Version. A nil or unknown event changes nothing.
func Evolve(c Case, e Event) Case { return Fold(c, e) }

// Fold is Evolve over many events. It copies the case's captures once, where
// one Evolve after the other would copy them for every event.
func Fold(c Case, events ...Event) Case {
	if len(events) > 0 {
		// Never write into an array that an older value of the case shares.
		c.Captures = slices.Clone(c.Captures)
	}
	for _, e := range events {
		c = evolve(c, e)
	}
	return c
}

// evolve may write into c.Captures.
func evolve(c Case, e Event) Case {
	switch e := e.(type) {
	case Opened:
		c = opened(c, e)
	case Joined:
		c = withCapture(c, e.Capture, e.Subjects, e.DueAt)
		c.Waiting = Waiting{} // what is new is looked at now
	case Revised:
		c = withCapture(c, e.Capture, e.Subjects, e.DueAt)
	case ReopenedFor:
		c = withCapture(reopened(c), e.Capture, e.Subjects, e.DueAt)
	case Rematched:
		if !e.Person.IsZero() {
			c.Person, c.Audience = e.Person, e.Audience
		}
		c.Subjects = union(c.Subjects, e.Subjects)
		c = weighExemption(c)
	case Tagged:
		c = tagged(c, e)
	case NameOpened:
		c = nameOpened(c, e.At)
	case Rerouted:
		c = moved(c, e.Queue)
	case PassedOn:
		c = passedOn(c, e)
	case SeenFirst:
		c = seen(c, e.At)
	case ClaimTaken:
		c = claimed(c, e)
	case ClaimReleased:
		c = unclaimed(c)
	case Noted:
		c = advised(seen(c, e.At), e.Stamp, func(*Consultation) {})
	case CaseClosed:
		c = closed(c, e)
	case Reopened:
		c = reopened(c)
		c.DueAt = e.DueAt
	default:
		var known bool
		if c, known = evolveFlow(c, e); !known {
			c, known = evolveConsult(c, e)
		}
		if !known {
			return c
		}
	}
	c.Version++
	return c
}

func opened(c Case, e Opened) Case {
	// Decide never opens twice; if a damaged history does, nothing of the first
	// opening may linger.
	c = Case{
		Version: c.Version, Ref: e.Ref, LinkedTo: e.LinkedTo,
		Typist: e.Typist, Person: e.Person, Audience: e.Audience, Category: e.Category, Queue: e.Queue,
		Device: e.Capture.Device, State: New, OpenedAt: e.At, Help: e.Help,
	}
	return withCapture(c, e.Capture, e.Subjects, e.DueAt)
}

// withCapture adds or replaces a capture, in place, and works out again what
// the case has of its captures.
func withCapture(c Case, r CaptureRef, subjects []PersonKey, due time.Time) Case {
	all := slices.DeleteFunc(c.Captures, func(o CaptureRef) bool {
		return o.Device == r.Device && o.Event == r.Event
	})
	at, _ := slices.BinarySearchFunc(all, r, func(o, r CaptureRef) int {
		if o.At.After(r.At) {
			return 1
		}
		return -1
	})
	c.Captures = slices.Insert(all, at, r)
	c.FirstAt, c.LastAt = c.Captures[0].At, c.Captures[len(c.Captures)-1].At
	c.Subjects = union(c.Subjects, subjects)

	c.Count = 0
	var severity vocab.Severity
	var level vocab.Level
	for i := range c.Captures {
		s := &c.Captures[i]
		if s.Withdrawn {
			continue
		}
		c.Count += max(s.Count, 1)
		severity, level = max(severity, s.Severity), max(level, s.Level)
	}
	if severity != 0 {
		c.Severity, c.Level = severity, level
	} else if c.Severity == 0 {
		// Nothing stands and nothing stood: the capture came withdrawn.
		c.Severity, c.Level = r.Severity, r.Level
	}
	if !due.IsZero() {
		c.DueAt = due
	}
	return weighExemption(c)
}

// union returns the keys of both, in order of first appearance.
func union(a, b []PersonKey) []PersonKey {
	out := slices.Clip(a)
	for _, k := range b {
		if !k.IsZero() && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

func seen(c Case, at time.Time) Case {
	if c.FirstSeen.IsZero() {
		c.FirstSeen = at
	}
	return c
}

func claimed(c Case, e ClaimTaken) Case {
	if c.State != Claimed || c.Owner != e.User {
		c.ClaimedAt = e.At
	}
	c.State = Claimed
	c.Owner, c.OwnerName, c.ClaimUntil = e.User, e.Name, e.Until
	return seen(c, e.At)
}

// unclaimed takes the claim off a claimed case; others keep their state.
func unclaimed(c Case) Case {
	if c.State == Claimed {
		c.State = New
	}
	c.Owner, c.OwnerName = "", ""
	c.ClaimedAt, c.ClaimUntil = time.Time{}, time.Time{}
	return c
}

func closed(c Case, e CaseClosed) Case {
	c = workedBy(unclaimed(c), e.Book)
	c.State, c.Waiting, c.Consulted = Closed, Waiting{}, nil
	c.ClosedAt, c.Outcome = e.At, e.Outcome
	c.FalseRule, c.FalseWhy = e.Rule, e.Why
	c.ClosedSeverity = c.Severity
	if e.Outcome == Withdrawn {
		// Nobody decided anything: whatever comes next in the episode reopens it.
		c.ClosedSeverity = 0
	}
	return c
}

func reopened(c Case) Case {
	c = unclaimed(c)
	c.State, c.Waiting = New, Waiting{}
	c.ClosedAt, c.Outcome, c.ClosedSeverity = time.Time{}, "", 0
	c.FalseRule, c.FalseWhy = "", ""
	return c
}
