package triage

import (
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Gap is the longest silence within one episode, and how long after its
// closing a case may be reopened by something worse ("Triage and cases" in the
// contract; a policy default).
const Gap = 30 * time.Minute

// MaxCaptures is how many captures, withdrawn ones included, a case has before
// further ones go to another case, linked to it: nobody reviews more in one
// sitting, and every arrival reads its case whole, so that one device could
// otherwise make each later arrival dearer than the one before. A case that is
// reopened for something worse, which a person must have closed in between, may
// exceed it by one each time.
const MaxCaptures = 500

// Key groups captures into cases, within one school. A capture without an
// account is grouped by its device, so that two unattended machines are never
// taken for one person.
type Key struct {
	Typist   caseflow.PersonKey
	Device   caseflow.DeviceID // only when Typist is zero
	Category vocab.Category
	Audience vocab.Audience
}

// KeyOf is the key of an arrival; false when it makes no case (tamper, digest,
// or a capture without a category).
func KeyOf(a Arrival) (Key, bool) {
	if a.Kind != KindCapture || a.Capture == nil || len(a.Capture.Categories) == 0 {
		return Key{}, false
	}
	return key(a.Person, a.Device, a.Capture.Categories[0], a.Audience), true
}

// KeyOfCase is the key under which a store finds the case again.
func KeyOfCase(c caseflow.Case) Key {
	return key(c.Typist, c.Device, c.Category, c.Audience)
}

func key(p caseflow.PersonKey, d caseflow.DeviceID, c vocab.Category, a vocab.Audience) Key {
	if !p.IsZero() {
		d = ""
	}
	return Key{Typist: p, Device: d, Category: c, Audience: a}
}

// Placement is what an arrival asks for: a command to the case Ref. The zero
// value asks for nothing; the arrival is kept and counted all the same.
type Placement struct {
	Ref     caseflow.Ref
	Command caseflow.Command // Open, Join, Revise or ReopenFor
}

// Place decides where an arrival belongs.
//
// Candidates must hold, of this school: the case that holds the arrival's
// (Device, Event), if there is one; every case of the arrival's key that is
// not closed; and the key's cases closed most recently, at least those whose
// ClosedAt or LastAt is within Gap of a.At and the newest of all (to link to).
// More do no harm, in any order. newRef gives an unused reference; it is
// called at most once. Place is deterministic apart from it.
//
// Times are corrected device times, so a late capture finds the episode it
// was part of. The rules, in order: a capture that a case holds revises it if
// it is newer; a capture joins the nearest open case with a gap of at most Gap
// on either side and room for it (MaxCaptures); a capture of higher severity than a case had when it was
// closed, in its episode or within Gap of its closing, reopens it; anything
// else opens a new case, linked to the newest of its key.
//
// A request for help is a case of its own, linked to none: two of one person may
// differ in whether they show a name, and each wants an answer.
//
// Only cases in the queue that the capture itself is routed to take part in
// the last three. An allegation that joined the DSL's open case would make it
// vanish before the eyes of, perhaps, the person it names; and a pupil's
// distress that joined the head's case would never reach the DSL.
func Place(candidates []caseflow.Case, a Arrival, posts caseflow.Posts, newRef func() caseflow.Ref) Placement {
	k, ok := KeyOf(a)
	if !ok {
		return Placement{}
	}
	r := captureRef(a)
	subjects := a.Capture.Subjects
	queue := caseflow.Route(caseflow.Facts{
		Typist: a.Person, Person: a.Entry, Audience: a.Audience, Group: a.Group, Subjects: subjects, Help: a.Capture.Help,
	}, posts)

	for _, c := range candidates {
		held, ok := c.Holds(a.Device, a.Event)
		if !ok {
			continue
		}
		if a.Revision <= held.Revision {
			return Placement{}
		}
		return Placement{c.Ref, caseflow.Revise{Capture: r, Subjects: subjects, Queue: queue}}
	}

	var join, reopen, link caseflow.Case
	for _, c := range candidates {
		if a.Capture.Help.Asked || c.Help.Asked {
			continue
		}
		if c.Version == 0 || KeyOfCase(c) != k || c.Queue != queue {
			continue
		}
		if c.State != caseflow.Closed && gap(c, a.At) <= Gap && len(c.Captures) < MaxCaptures {
			join = nearer(join, c, a.At)
		}
		if c.State == caseflow.Closed && worse(c, r) {
			reopen = nearer(reopen, c, a.At)
		}
		if link.Version == 0 || newer(c, link) {
			link = c
		}
	}
	switch {
	case join.Version != 0:
		return Placement{join.Ref, caseflow.Join{Capture: r, Subjects: subjects, Queue: queue}}
	case reopen.Version != 0:
		return Placement{reopen.Ref, caseflow.ReopenFor{Capture: r, Subjects: subjects, Queue: queue}}
	}
	ref := newRef()
	return Placement{ref, caseflow.Open{
		Ref: ref, Typist: a.Person, Person: a.Entry, Subjects: subjects, Audience: a.Audience,
		Category: k.Category, Queue: queue, LinkedTo: link.Ref, Capture: r, Help: a.Capture.Help,
	}}
}

func captureRef(a Arrival) caseflow.CaptureRef {
	return caseflow.CaptureRef{
		Device: a.Device, Event: a.Event, Revision: a.Revision,
		Severity: a.Capture.Severity, Level: a.Capture.Level,
		At: a.At, Count: max(a.Capture.Count, 1), Withdrawn: a.Capture.Withdrawn, Exempt: a.Exempt,
	}
}

// gap is the silence between the episode and t; zero inside it.
func gap(c caseflow.Case, t time.Time) time.Duration {
	switch {
	case t.Before(c.FirstAt):
		return c.FirstAt.Sub(t)
	case t.After(c.LastAt):
		return t.Sub(c.LastAt)
	}
	return 0
}

// worse reports whether a closed case is to be reopened for r.
func worse(c caseflow.Case, r caseflow.CaptureRef) bool {
	if r.Withdrawn || r.Severity <= c.ClosedSeverity {
		return false
	}
	return gap(c, r.At) <= Gap || r.At.Sub(c.ClosedAt).Abs() <= Gap
}

// nearer returns the case whose episode is nearer to t, then the newer one.
func nearer(a, b caseflow.Case, t time.Time) caseflow.Case {
	if a.Version == 0 {
		return b
	}
	ga, gb := gap(a, t), gap(b, t)
	if gb < ga || gb == ga && newer(b, a) {
		return b
	}
	return a
}

// newer orders cases of one key; references break ties, for determinism.
func newer(a, b caseflow.Case) bool {
	if d := a.LastAt.Compare(b.LastAt); d != 0 {
		return d > 0
	}
	if d := a.OpenedAt.Compare(b.OpenedAt); d != 0 {
		return d > 0
	}
	return a.Ref > b.Ref
}
