package caseflow

import (
	"slices"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// decideRematch brings later knowledge of a case's people into it, whatever
// its state: a closed case must not stay with a reviewer whom it turns out to concern.
func decideRematch(c Case, cmd Rematch, by Stamp) ([]Event, error) {
	if c.Version == 0 {
		return nil, ErrHidden
	}
	e := Rematched{Stamp: by}
	for _, s := range cmd.Subjects {
		if !s.IsZero() && !slices.Contains(c.Subjects, s) && !slices.Contains(e.Subjects, s) {
			e.Subjects = append(e.Subjects, s)
		}
	}
	if !cmd.Person.IsZero() && (cmd.Person != c.Person || cmd.Audience != c.Audience) {
		if cmd.Audience != vocab.Pupil && cmd.Audience != vocab.Staff {
			return nil, &InvalidError{Field: "audience", Message: "Somebody in the directory is a pupil or a member of staff."}
		}
		e.Person, e.Audience = cmd.Person, cmd.Audience
	}
	after := c
	var events []Event
	if !e.Person.IsZero() || len(e.Subjects) > 0 {
		events = []Event{e}
		after = Fold(c, e)
	}
	queue := strictest(c.Queue, cmd.Queue, after.concernsStaff())
	if c.Audience == vocab.Unknown && after.Audience == vocab.Pupil {
		queue = strictest(c.Floor, cmd.Queue, after.concernsStaff())
	}
	if after.State == Claimed && (queue != c.Queue || len(events) > 0) {
		// Whoever holds the case may be the one whom it now concerns.
		events = append(events, ClaimReleased{by})
	}
	if queue != c.Queue {
		events = append(events, Rerouted{Stamp: by, Queue: queue})
	}
	return events, nil
}
