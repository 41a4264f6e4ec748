package badgerstore

import (
	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// eventRow is one event of a case: exactly one field is set, and its number
// says which event it is.
type eventRow struct{ Event caseflow.Event }

func eventFields(c *codec, x *eventRow) {
	event(c, 1, x, openedFields)
	event(c, 2, x, joinedFields)
	event(c, 3, x, revisedFields)
	event(c, 4, x, reopenedForFields)
	event(c, 5, x, reroutedFields)
	event(c, 6, x, seenFirstFields)
	event(c, 7, x, claimTakenFields)
	event(c, 8, x, claimReleasedFields)
	event(c, 9, x, notedFields)
	event(c, 10, x, caseClosedFields)
	event(c, 11, x, reopenedFields)
	event(c, 12, x, rematchedFields)
	event(c, 13, x, escalatedFields)
	event(c, 14, x, answeredFields)
	event(c, 15, x, escalationEndedFields)
	event(c, 16, x, waitBeganFields)
	event(c, 17, x, waitEndedFields)
	event(c, 18, x, transferredFields)
	event(c, 19, x, stepMarkedFields)
	event(c, 20, x, taggedFields)
	event(c, 21, x, suggestedFields)
	event(c, 22, x, consultedFields)
	event(c, 23, x, consultEndedFields)
	event(c, 40, x, nameOpenedFields)
	event(c, 41, x, passedOnFields)
	if c.reading && x.Event == nil {
		c.fail() // an event of a later version: the case cannot be told without it
	}
}

// event writes x under n when it is a T, and reads it back. Unlike nested it
// writes an empty body too.
func event[T caseflow.Event](c *codec, n uint64, x *eventRow, fields func(*codec, *T)) {
	if !c.reading {
		if e, ok := x.Event.(T); ok {
			inner := codec{}
			fields(&inner, &e)
			c.putBytes(n, inner.out)
		}
		return
	}
	if f, ok := c.find(n, kindBytes); ok {
		var e T
		if decodeBody(f.b, &e, fields) != nil {
			c.fail()
			return
		}
		x.Event = e
	}
}

func stampFields(c *codec, x *caseflow.Stamp) {
	c.moment(1, &x.At)
	text(c, 2, &x.User)
	text(c, 3, &x.Name)
}

func openedFields(c *codec, x *caseflow.Opened) {
	nested(c, 1, &x.Stamp, stampFields)
	text(c, 2, &x.Ref)
	c.fixed(3, x.Typist[:])
	list(c, 4, &x.Subjects, personKey)
	number(c, 5, &x.Audience)
	text(c, 6, &x.Category)
	number(c, 7, &x.Queue)
	text(c, 8, &x.LinkedTo)
	nested(c, 9, &x.Capture, captureRefFields)
	c.moment(10, &x.DueAt)
	c.fixed(11, x.Person[:])
	nested(c, 40, &x.Help, helpFields)
}

func nameOpenedFields(c *codec, x *caseflow.NameOpened) {
	nested(c, 1, &x.Stamp, stampFields)
	raw(c, 2, &x.Reason)
}

func helpFields(c *codec, x *caseflow.Help) {
	c.flag(1, &x.Asked)
	c.flag(2, &x.AboutStaff)
	c.flag(3, &x.HideName)
	c.flag(4, &x.AboutHead)
}

func joinedFields(c *codec, x *caseflow.Joined) {
	nested(c, 1, &x.Stamp, stampFields)
	nested(c, 2, &x.Capture, captureRefFields)
	list(c, 3, &x.Subjects, personKey)
	number(c, 4, &x.Queue)
	c.moment(5, &x.DueAt)
}

func revisedFields(c *codec, x *caseflow.Revised) {
	nested(c, 1, &x.Stamp, stampFields)
	nested(c, 2, &x.Capture, captureRefFields)
	list(c, 3, &x.Subjects, personKey)
	number(c, 4, &x.Queue)
	c.moment(5, &x.DueAt)
}

func reopenedForFields(c *codec, x *caseflow.ReopenedFor) {
	nested(c, 1, &x.Stamp, stampFields)
	nested(c, 2, &x.Capture, captureRefFields)
	list(c, 3, &x.Subjects, personKey)
	number(c, 4, &x.Queue)
	c.moment(5, &x.DueAt)
}

func reroutedFields(c *codec, x *caseflow.Rerouted) {
	nested(c, 1, &x.Stamp, stampFields)
	number(c, 2, &x.Queue)
}

func seenFirstFields(c *codec, x *caseflow.SeenFirst) { nested(c, 1, &x.Stamp, stampFields) }

func claimTakenFields(c *codec, x *caseflow.ClaimTaken) {
	nested(c, 1, &x.Stamp, stampFields)
	c.moment(2, &x.Until)
}

func claimReleasedFields(c *codec, x *caseflow.ClaimReleased) { nested(c, 1, &x.Stamp, stampFields) }

func notedFields(c *codec, x *caseflow.Noted) {
	nested(c, 1, &x.Stamp, stampFields)
	raw(c, 2, &x.Text)
}

func caseClosedFields(c *codec, x *caseflow.CaseClosed) {
	nested(c, 1, &x.Stamp, stampFields)
	text(c, 2, &x.Outcome)
	text(c, 3, &x.Rule)
	raw(c, 4, &x.Text)
	text(c, 5, &x.Why)
	nested(c, 6, &x.Told, toldFields)
	nested(c, 7, &x.Book, bookFields)
}

func reopenedFields(c *codec, x *caseflow.Reopened) {
	nested(c, 1, &x.Stamp, stampFields)
	raw(c, 2, &x.Reason)
	c.moment(3, &x.DueAt)
}

func rematchedFields(c *codec, x *caseflow.Rematched) {
	nested(c, 1, &x.Stamp, stampFields)
	c.fixed(2, x.Person[:])
	number(c, 3, &x.Audience)
	list(c, 4, &x.Subjects, personKey)
}

func suggestedFields(c *codec, x *caseflow.Suggested) {
	nested(c, 1, &x.Stamp, stampFields)
	number(c, 2, &x.Severity)
	raw(c, 3, &x.Why)
	text(c, 4, &x.Outcome)
}
