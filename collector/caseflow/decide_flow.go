package caseflow

import (
	"slices"
	"strings"
)

// decideFlow answers the commands of command_flow.go for somebody who may act.
func decideFlow(c Case, cmd Command, a Actor, by Stamp) ([]Event, error) {
	if c.State == Closed {
		return nil, &InvalidError{Field: "state", Message: "This case is closed. Reopen it first."}
	}
	if cmd, ok := cmd.(Mark); ok {
		return decideMark(c, cmd, by)
	}
	if err := heldByOther(c, by); err != nil {
		return nil, err
	}
	switch cmd := cmd.(type) {
	case Escalate:
		return decideEscalate(c, cmd, a, by)
	case EndEscalation:
		return decideEndEscalation(c, cmd, a, by)
	case Wait:
		return decideWait(cmd, by)
	case EndWait:
		if c.Waiting.Until.IsZero() {
			return nil, &InvalidError{Field: "state", Message: "This case does not wait on anybody."}
		}
		return []Event{WaitEnded{by}}, nil
	case Transfer:
		return decideTransfer(c, cmd, by)
	}
	return nil, ErrNotAllowed
}

func decideEscalate(c Case, cmd Escalate, a Actor, by Stamp) ([]Event, error) {
	if !slices.Contains(EscalateTo(c, a), cmd.To) {
		message := "Choose whom to escalate to."
		if cmd.To != "" && c.Escalated.To == cmd.To {
			message = "This case is escalated to them already."
		}
		return nil, &InvalidError{Field: "to", Message: message}
	}
	if !takes(c, cmd.To, cmd.Colleagues, by.User) {
		return nil, &InvalidError{Field: "to", Message: "Nobody with this role can take the case. Choose somebody else, or tell them in person."}
	}
	if err := checkText("reason", cmd.Reason.Sealed, cmd.Reason.Chars, MaxReasonChars); err != nil {
		return nil, err
	}
	return append(release(c, by), Escalated{Stamp: by, To: cmd.To, Reason: cmd.Reason.Sealed, Until: by.At.Add(AnswerIn(c.Severity))}), nil
}

func decideEndEscalation(c Case, cmd EndEscalation, a Actor, by Stamp) ([]Event, error) {
	if c.Escalated.To == "" {
		return nil, &InvalidError{Field: "state", Message: "This case is not escalated."}
	}
	if c.Escalated.By != by.User && !a.Has(c.Escalated.To) {
		return nil, &InvalidError{Field: "state", Message: "Only who escalated this case, or whom it was escalated to, can end that."}
	}
	if err := checkText("reason", cmd.Reason.Sealed, cmd.Reason.Chars, MaxReasonChars); err != nil {
		return nil, err
	}
	// Whoever gives it back may not see it any more, and so must not hold it.
	return append(release(c, by), EscalationEnded{Stamp: by, Reason: cmd.Reason.Sealed}), nil
}

// release gives a live or lapsed claim back, if there is one.
func release(c Case, by Stamp) []Event {
	if c.State != Claimed {
		return nil
	}
	return []Event{ClaimReleased{by}}
}

func decideWait(cmd Wait, by Stamp) ([]Event, error) {
	var p []error
	switch n := cmd.On.Chars; {
	case n > MaxOnChars:
		p = append(p, &InvalidError{Field: "on", Limit: MaxOnChars, Message: "Whom it waits on must be 200 characters or fewer."})
	case n < 1 || len(cmd.On.Sealed) == 0:
		p = append(p, &InvalidError{Field: "on", Message: "Enter whom the case waits on."})
	}
	switch {
	case cmd.Until.IsZero():
		p = append(p, &InvalidError{Field: "until", Message: "Enter until when the case waits."})
	case !cmd.Until.After(by.At) || cmd.Until.Sub(by.At) > MaxWait:
		p = append(p, &InvalidError{Field: "until", Limit: 30, Message: "The time must be in the next 30 days."})
	}
	if err := problems(p...); err != nil {
		return nil, err
	}
	return []Event{WaitBegan{Stamp: by, On: cmd.On.Sealed, Until: cmd.Until}}, nil
}

func decideTransfer(c Case, cmd Transfer, by Stamp) ([]Event, error) {
	i := slices.IndexFunc(cmd.Colleagues, func(o Actor) bool { return o.User == cmd.To })
	if cmd.To == "" || cmd.To == by.User || i < 0 || !MayAct(c, cmd.Colleagues[i]) {
		// One answer, whether there is such a person or not.
		return nil, &InvalidError{Field: "colleague", Message: "Choose a colleague from the list."}
	}
	if !cmd.Reason.empty() {
		if err := checkText("reason", cmd.Reason.Sealed, cmd.Reason.Chars, MaxReasonChars); err != nil {
			return nil, err
		}
	}
	to := cmd.Colleagues[i]
	events := []Event{Transferred{Stamp: by, To: to.User, ToName: to.Name, Until: by.At.Add(ClaimFor), Reason: cmd.Reason.Sealed}}
	return append(events, answered(c, to, by)...), nil
}

// answered is what follows when a begins on a case that was handed up.
func answered(c Case, a Actor, by Stamp) []Event {
	e := c.Escalated
	if e.To == "" || !e.Answered.IsZero() || !a.Has(e.To) || a.User == e.By {
		return nil
	}
	return []Event{Answered{by}}
}

func decideMark(c Case, cmd Mark, by Stamp) ([]Event, error) {
	if !stepID(cmd.Book.ID) || !stepID(cmd.Step) || cmd.Book.Version < 1 {
		return nil, &InvalidError{Field: "step", Message: "This step is not of the playbook. Open the case again."}
	}
	if _, done := c.Ticked(cmd.Book.ID, cmd.Step); done == cmd.Done {
		return nil, nil
	}
	return []Event{StepMarked{Stamp: by, Book: cmd.Book, Step: cmd.Step, Done: cmd.Done}}, nil
}

// stepID reports whether s may stand in the clear: the id of a playbook or a step.
func stepID(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
