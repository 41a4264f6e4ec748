package badgerstore

import "github.com/lapwing-schools/lapwing/collector/caseflow"

// Rows of the flow of a case: what of it stands in the head, and its events.

func escalationFields(c *codec, x *caseflow.Escalation) {
	text(c, 1, &x.To)
	text(c, 2, &x.By)
	text(c, 3, &x.ByName)
	c.moment(4, &x.At)
	c.moment(5, &x.Until)
	c.moment(6, &x.Answered)
}

func waitingFields(c *codec, x *caseflow.Waiting) {
	raw(c, 1, &x.On)
	text(c, 2, &x.By)
	text(c, 3, &x.ByName)
	c.moment(4, &x.Since)
	c.moment(5, &x.Until)
}

func bookFields(c *codec, x *caseflow.Book) {
	text(c, 1, &x.ID)
	signed(c, 2, &x.Version)
}

func stepDoneFields(c *codec, x *caseflow.StepDone) {
	text(c, 1, &x.Book)
	text(c, 2, &x.Step)
	c.moment(3, &x.At)
	text(c, 4, &x.By)
	text(c, 5, &x.ByName)
}

func toldFields(c *codec, x *caseflow.Told) {
	text(c, 1, &x.Agency)
	c.moment(2, &x.When)
	raw(c, 3, &x.Reference)
	raw(c, 4, &x.Whom)
}

func escalatedFields(c *codec, x *caseflow.Escalated) {
	nested(c, 1, &x.Stamp, stampFields)
	text(c, 2, &x.To)
	raw(c, 3, &x.Reason)
	c.moment(4, &x.Until)
}

func answeredFields(c *codec, x *caseflow.Answered) { nested(c, 1, &x.Stamp, stampFields) }

func escalationEndedFields(c *codec, x *caseflow.EscalationEnded) {
	nested(c, 1, &x.Stamp, stampFields)
	raw(c, 2, &x.Reason)
}

func waitBeganFields(c *codec, x *caseflow.WaitBegan) {
	nested(c, 1, &x.Stamp, stampFields)
	raw(c, 2, &x.On)
	c.moment(3, &x.Until)
}

func waitEndedFields(c *codec, x *caseflow.WaitEnded) { nested(c, 1, &x.Stamp, stampFields) }

func transferredFields(c *codec, x *caseflow.Transferred) {
	nested(c, 1, &x.Stamp, stampFields)
	text(c, 2, &x.To)
	text(c, 3, &x.ToName)
	c.moment(4, &x.Until)
	raw(c, 5, &x.Reason)
}

func stepMarkedFields(c *codec, x *caseflow.StepMarked) {
	nested(c, 1, &x.Stamp, stampFields)
	nested(c, 2, &x.Book, bookFields)
	text(c, 3, &x.Step)
	c.flag(4, &x.Done)
}

func consultationFields(c *codec, x *caseflow.Consultation) {
	text(c, 1, &x.User)
	text(c, 2, &x.Name)
	text(c, 3, &x.ByName)
	c.moment(4, &x.At)
	c.moment(5, &x.Answered)
	text(c, 6, &x.Outcome)
	number(c, 7, &x.Severity)
}

func consultedFields(c *codec, x *caseflow.Consulted) {
	nested(c, 1, &x.Stamp, stampFields)
	text(c, 2, &x.To)
	text(c, 3, &x.ToName)
	raw(c, 4, &x.Question)
}

func consultEndedFields(c *codec, x *caseflow.ConsultEnded) {
	nested(c, 1, &x.Stamp, stampFields)
	text(c, 2, &x.To)
	text(c, 3, &x.ToName)
}

func passedOnFields(c *codec, x *caseflow.PassedOn) {
	nested(c, 1, &x.Stamp, stampFields)
	number(c, 2, &x.Queue)
	list(c, 3, &x.Subjects, personKey)
	raw(c, 4, &x.Reason)
}
