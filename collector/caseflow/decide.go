package caseflow

import (
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Decide answers a command to a case at now: the events that follow, in order,
// or a refusal. No events and no error means that nothing needs to change.
//
// Permission comes first: who may not see the case gets ErrHidden for every
// command. Triage's commands are for System actors alone, and people's for
// people alone; anything else is ErrNotAllowed. Other refusals are
// *ClaimedError and *InvalidError. Decide is deterministic and changes nothing.
func Decide(c Case, cmd Command, a Actor, now time.Time) ([]Event, error) {
	switch cmd := cmd.(type) {
	case Open, Join, Revise, ReopenFor, Rematch, Tag:
		return decideSystem(c, cmd, a, now)
	}
	if !MaySee(c, a) {
		return nil, ErrHidden
	}
	if !MayDo(c, cmd, a) {
		return nil, ErrNotAllowed
	}
	by := Stamp{At: now, User: a.User, Name: a.Name}
	switch cmd := cmd.(type) {
	case See:
		if !c.FirstSeen.IsZero() {
			return nil, nil
		}
		return []Event{SeenFirst{by}}, nil
	case Claim:
		return decideClaim(c, cmd, a, by)
	case Release:
		return decideRelease(c, by)
	case Note:
		if err := checkText("note", cmd.Text, cmd.Chars, MaxNoteChars); err != nil {
			return nil, err
		}
		return append([]Event{Noted{Stamp: by, Text: cmd.Text}}, answered(c, a, by)...), nil
	case Close:
		return decideClose(c, cmd, a, by)
	case Reopen:
		return decideReopen(c, cmd, by)
	case Suggest:
		return decideSuggest(c, cmd, by)
	case Consult:
		return decideConsult(c, cmd, by)
	case EndConsult:
		return decideEndConsult(c, cmd, by)
	case OpenName:
		return decideOpenName(c, cmd, by)
	case PassOn:
		return decidePassOn(c, cmd, a, by)
	case Escalate, EndEscalation, Wait, EndWait, Transfer, Mark:
		return decideFlow(c, cmd, a, by)
	}
	return nil, ErrNotAllowed
}

func decideClaim(c Case, cmd Claim, a Actor, by Stamp) ([]Event, error) {
	if c.State == Closed {
		return nil, &InvalidError{Field: "state", Message: "This case is closed. Reopen it before you claim it."}
	}
	if err := heldByOther(c, by); err != nil {
		return nil, err
	}
	if !cmd.Until.After(by.At) || cmd.Until.After(by.At.Add(MaxClaim)) {
		return nil, &InvalidError{Field: "until", Limit: int(MaxClaim / time.Hour),
			Message: "A claim must end within the next 8 hours. Choose an earlier time."}
	}
	return append([]Event{ClaimTaken{Stamp: by, Until: cmd.Until}}, answered(c, a, by)...), nil
}

func decideRelease(c Case, by Stamp) ([]Event, error) {
	if err := heldByOther(c, by); err != nil {
		return nil, err
	}
	if c.State != Claimed || c.Owner != by.User {
		return nil, &InvalidError{Field: "state", Message: "You do not hold this case, so there is nothing to give back."}
	}
	return []Event{ClaimReleased{by}}, nil
}

func decideClose(c Case, cmd Close, a Actor, by Stamp) ([]Event, error) {
	if c.State == Closed {
		return nil, &InvalidError{Field: "state", Message: "This case is closed already."}
	}
	if err := heldByOther(c, by); err != nil {
		return nil, err
	}
	if !slices.Contains(Outcomes(), cmd.Outcome) {
		return nil, &InvalidError{Field: "outcome", Message: "Choose an outcome before you close the case."}
	}
	if cmd.Outcome != FalseAlarm {
		cmd.Rule, cmd.Why = "", ""
	} else if err := checkFalse(cmd); err != nil {
		return nil, err
	}
	told, err := told(cmd.Outcome, cmd.Details, by.At)
	if err != nil {
		return nil, err
	}
	if cmd.Book != (Book{}) && (!stepID(cmd.Book.ID) || cmd.Book.Version < 1) {
		return nil, &InvalidError{Field: "step", Message: "This playbook is not known. Open the case again."}
	}
	if cmd.Chars != 0 || len(cmd.Text) != 0 {
		if err := checkText("note", cmd.Text, cmd.Chars, MaxNoteChars); err != nil {
			return nil, err
		}
	}
	var events []Event
	if _, held := c.Held(by.At); !held {
		events = append(events, ClaimTaken{Stamp: by, Until: by.At.Add(ClaimFor)})
	}
	events = append(events, answered(c, a, by)...)
	return append(events, CaseClosed{Stamp: by, Outcome: cmd.Outcome, Rule: cmd.Rule, Why: cmd.Why, Told: told, Book: cmd.Book, Text: cmd.Text}), nil
}

func decideReopen(c Case, cmd Reopen, by Stamp) ([]Event, error) {
	if c.State != Closed {
		return nil, &InvalidError{Field: "state", Message: "This case is open already."}
	}
	if err := checkText("reason", cmd.Reason, cmd.Chars, MaxReasonChars); err != nil {
		return nil, err
	}
	return []Event{Reopened{Stamp: by, Reason: cmd.Reason, DueAt: DueAt(c.Severity, by.At)}}, nil
}

// heldByOther refuses while somebody other than by.User holds a live claim.
func heldByOther(c Case, by Stamp) error {
	if owner, held := c.Held(by.At); held && owner != by.User {
		return &ClaimedError{By: owner, Name: c.OwnerName, Until: c.ClaimUntil}
	}
	return nil
}

// CheckChars refuses a free text of n characters outside 1 to limit, in words
// for the person who typed it.
func CheckChars(field string, n, limit int) error {
	switch {
	case n < 1:
		return &InvalidError{Field: field, Message: "Enter a " + field + "."}
	case n > limit:
		return &InvalidError{Field: field, Limit: limit,
			Message: upperFirst(field) + " must be " + thousands(limit) + " characters or fewer. Shorten it and send it again."}
	}
	return nil
}

func checkText(field string, text Sealed, chars, limit int) error {
	if err := CheckChars(field, chars, limit); err != nil {
		return err
	}
	if len(text) == 0 {
		return &InvalidError{Field: field, Message: "Enter a " + field + "."}
	}
	return nil
}

// ruleID reports whether s may stand in the clear in an event: empty, or the
// id of a rule. Anything freer could carry typed words past the seal.
func ruleID(s string) bool {
	return len(s) <= MaxRuleBytes && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
	}) < 0
}

// decideSystem answers triage.
func decideSystem(c Case, cmd Command, a Actor, now time.Time) ([]Event, error) {
	if !a.System {
		// A person's request can never be one of these; do not tell it more.
		return nil, ErrHidden
	}
	by := Stamp{At: now}
	switch cmd := cmd.(type) {
	case Open:
		return decideOpen(c, cmd, by)
	case Join:
		return decideCapture(c, arriving{cmd.Capture, cmd.Subjects, cmd.Queue}, by)
	case Revise:
		if _, ok := c.Holds(cmd.Capture.Device, cmd.Capture.Event); !ok {
			return nil, &InvalidError{Field: "capture", Message: "The case does not hold the capture that was revised."}
		}
		return decideCapture(c, arriving{cmd.Capture, cmd.Subjects, cmd.Queue}, by)
	case ReopenFor:
		return decideCapture(c, arriving{cmd.Capture, cmd.Subjects, cmd.Queue}, by)
	case Rematch:
		return decideRematch(c, cmd, by)
	case Tag:
		return decideTag(c, cmd, by)
	}
	return nil, ErrNotAllowed
}

func decideOpen(c Case, cmd Open, by Stamp) ([]Event, error) {
	switch {
	case c.Version != 0:
		return nil, &InvalidError{Field: "ref", Message: "A case with this reference exists already."}
	case !cmd.Ref.Valid():
		return nil, &InvalidError{Field: "ref", Message: "The reference is not 8 letters and digits."}
	case !cmd.Category.Valid():
		return nil, &InvalidError{Field: "category", Message: "The category is not one of the known ones."}
	}
	if err := checkCapture(cmd.Capture); err != nil {
		return nil, err
	}
	cmd.Queue = strictest(0, cmd.Queue, forHead(cmd.Audience, cmd.Subjects, cmd.Help))
	if cmd.Help.AboutHead {
		cmd.Queue = QueueChair
	}
	events := []Event{Opened{Stamp: by, Open: cmd, DueAt: DueAt(cmd.Capture.Severity, by.At)}}
	if cmd.Capture.Withdrawn {
		events = append(events, CaseClosed{Stamp: by, Outcome: Withdrawn})
	}
	return events, nil
}

func checkCapture(r CaptureRef) error {
	if !r.Severity.Valid() || !r.Level.Valid() {
		return &InvalidError{Field: "capture", Message: "The capture's severity or level is not one of the known ones."}
	}
	return nil
}

// arriving is a capture on its way into an existing case.
type arriving struct {
	capture  CaptureRef
	subjects []PersonKey
	queue    Queue
}

// decideCapture brings a new capture, or a newer revision of one, into a case:
// joined, revised, or reopening it. Which of the three is decided by what the
// case holds, so that a command that raced with another still does the right thing.
func decideCapture(c Case, in arriving, by Stamp) ([]Event, error) {
	if c.Version == 0 {
		return nil, ErrHidden
	}
	old, held := c.Holds(in.capture.Device, in.capture.Event)
	if held && in.capture.Revision <= old.Revision {
		return nil, nil
	}
	if in.capture.Withdrawn && held {
		// What it had counted for stays readable in the history.
		in.capture.Severity, in.capture.Level = old.Severity, old.Level
	}
	if err := checkCapture(in.capture); err != nil {
		return nil, err
	}
	if held && !in.capture.Withdrawn && !old.Withdrawn && NeverQuiet(c.Category) {
		in.capture.Severity = max(in.capture.Severity, old.Severity)
		in.capture.Level = max(in.capture.Level, old.Level)
	}

	events, err := takeIn(c, in, held, by)
	if err != nil {
		return nil, err
	}
	return append(events, aftermath(c, Fold(c, events...), in, by)...), nil
}

// takeIn says which event the capture itself makes.
func takeIn(c Case, in arriving, held bool, by Stamp) ([]Event, error) {
	if c.State == Closed {
		if !in.capture.Withdrawn && in.capture.Severity > c.ClosedSeverity {
			return []Event{ReopenedFor{Stamp: by,
				ReopenFor: ReopenFor{in.capture, in.subjects, in.queue},
				DueAt:     DueAt(max(in.capture.Severity, standingSeverity(c, in.capture)), by.At)}}, nil
		}
		if !held {
			return nil, &InvalidError{Field: "state", Message: "The case is closed; the capture needs a new one."}
		}
	}
	due := dueAfter(c, in.capture, by.At)
	if held {
		return []Event{Revised{Stamp: by, Revise: Revise{in.capture, in.subjects, in.queue}, DueAt: due}}, nil
	}
	return []Event{Joined{Stamp: by, Join: Join{in.capture, in.subjects, in.queue}, DueAt: due}}, nil
}

// aftermath is what a capture entails beyond itself: the claim given back and
// the case moved when it names somebody new, the case closed when nothing stands.
func aftermath(before, after Case, in arriving, by Stamp) []Event {
	var events []Event
	queue := strictest(after.Queue, in.queue, after.concernsStaff())
	moved := queue != after.Queue
	if after.State == Claimed && (moved || len(after.Subjects) > len(before.Subjects)) {
		// Whoever holds the case may be the one it now names.
		events = append(events, ClaimReleased{by})
	}
	if moved {
		events = append(events, Rerouted{Stamp: by, Queue: queue})
	}
	if after.State == New && after.FirstSeen.IsZero() && after.Standing() == 0 {
		events = append(events, CaseClosed{Stamp: by, Outcome: Withdrawn})
	}
	return events
}

// standingSeverity is the highest severity of c's standing captures other than r.
func standingSeverity(c Case, r CaptureRef) vocab.Severity {
	var s vocab.Severity
	for _, o := range c.Captures {
		if !o.Withdrawn && !(o.Device == r.Device && o.Event == r.Event) {
			s = max(s, o.Severity)
		}
	}
	return s
}

// dueAfter is the case's new target time once r is in it, or zero when it
// stays. A rise counts from now and never puts the target off; a fall counts
// from the opening, as if the case had been what it is now from the start.
func dueAfter(c Case, r CaptureRef, now time.Time) time.Time {
	s := standingSeverity(c, r)
	if !r.Withdrawn {
		s = max(s, r.Severity)
	}
	switch {
	case s == 0:
		return time.Time{}
	case c.Exempt && r.Exempt == "" && !r.Withdrawn:
		return DueAt(s, now) // until now nobody was asked to look
	case s == c.Severity:
		return time.Time{}
	case s > c.Severity:
		if due := DueAt(s, now); due.Before(c.DueAt) {
			return due
		}
		return time.Time{}
	}
	return DueAt(s, c.OpenedAt)
}
