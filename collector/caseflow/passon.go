package caseflow

// A nickname, a "Miss", a year group's tutor: what a case is about is often only
// seen by who reads it. Who sees that it concerns a member of staff, or
// themselves, passes it on to the stricter queue, and it stays there.

// PassOn moves a case to who must review it instead: one of the safeguarding
// queue to the head, one that is about the head to the chair of governors.
type PassOn struct {
	Self   bool // it may be about the actor, who never sees it again
	Reason Text // 1 to 500 characters
}

func (PassOn) command() {}

// PassedOn is the event of PassOn.
type PassedOn struct {
	Stamp
	Queue    Queue
	Subjects []PersonKey // the actor, where it is about them
	Reason   Sealed
}

func (PassedOn) event() {}

// PassTo says where the actor may pass the case on to, if anywhere.
func PassTo(c Case, a Actor, self bool) (Queue, bool) {
	switch {
	case c.State == Closed || !MayAct(c, a):
		return 0, false
	case self && a.Has(Head) && c.Queue < QueueChair:
		return QueueChair, true
	case c.Queue == QueueDSL:
		return QueueHead, true
	}
	return 0, false
}

// decidePassOn asks for no claim: whoever holds the case may be the one it is about.
func decidePassOn(c Case, cmd PassOn, a Actor, by Stamp) ([]Event, error) {
	to, ok := PassTo(c, a, cmd.Self)
	if !ok {
		return nil, &InvalidError{Field: "state", Message: "This case cannot be passed on. It is closed, or with those who review such cases already."}
	}
	if err := checkText("reason", cmd.Reason.Sealed, cmd.Reason.Chars, MaxReasonChars); err != nil {
		return nil, err
	}
	e := PassedOn{Stamp: by, Queue: to, Reason: cmd.Reason.Sealed}
	if cmd.Self {
		e.Subjects = a.Persons
	}
	return []Event{e}, nil
}

func passedOn(c Case, e PassedOn) Case {
	c.Subjects = union(c.Subjects, e.Subjects)
	c.Floor = max(c.Floor, e.Queue)
	return moved(c, max(c.Queue, e.Queue))
}

// moved puts the case before other reviewers, who begin anew, by a playbook of their own.
func moved(c Case, q Queue) Case {
	c = unclaimed(c)
	c.Queue, c.Escalated, c.Waiting, c.Book, c.Consulted = q, Escalation{}, Waiting{}, Book{}, nil
	return weighExemption(c)
}
