package caseflow

import "time"

// Help is what a request for help asks of those who read it. It is chosen on
// the form by the person who asks, never worked out.
type Help struct {
	// Asked: the case began with a request for help.
	Asked bool
	// AboutStaff: it is about an adult who works at the school, whoever that is.
	// Such a case is never the DSL's alone to see: it goes to the head at least.
	AboutStaff bool
	// AboutHead: it is about the head teacher, by the post's name and not the
	// person's. It goes to the chair of governors.
	AboutHead bool
	// HideName: readers see a pseudonym until one of them gives a reason.
	HideName bool
}

// OpenName shows the name of a person who asked not to show it, to all who may
// see the case. Chars counts the reason, 1 to 500.
type OpenName struct {
	Reason Sealed
	Chars  int
}

func (OpenName) command() {}

// NameOpened says who opened a name, and why.
type NameOpened struct {
	Stamp
	Reason Sealed
}

func (NameOpened) event() {}

// NameHidden reports whether readers are shown a pseudonym: whoever makes a
// page, a list or an export asks it before it names anybody.
func (c Case) NameHidden() bool { return c.Help.HideName && c.NameOpenedAt.IsZero() }

// concernsStaff reports whether a case is not for the DSL.
func (c Case) concernsStaff() bool {
	return c.Floor > QueueDSL || forHead(c.Audience, c.Subjects, c.Help)
}

func decideOpenName(c Case, cmd OpenName, by Stamp) ([]Event, error) {
	if !c.Help.HideName {
		return nil, &InvalidError{Field: "reason", Message: "The name in this case is not hidden."}
	}
	if !c.NameHidden() {
		return nil, nil
	}
	if err := checkText("reason", cmd.Reason, cmd.Chars, MaxReasonChars); err != nil {
		return nil, err
	}
	return []Event{NameOpened{Stamp: by, Reason: cmd.Reason}}, nil
}

func nameOpened(c Case, at time.Time) Case {
	if c.NameOpenedAt.IsZero() {
		c.NameOpenedAt = at
	}
	return seen(c, at)
}
