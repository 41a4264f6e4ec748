package caseflow

import (
	"cmp"
	"time"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// DueIn is the target time of a severity, from the moment the collector knew
// of it to a person's decision. These are Lapwing's policy defaults, from the
// console's design (ui notes: critical is "now", high this hour, medium today,
// low this week); no statute sets a number. Time out of school counts: the
// school's calendar belongs to the escalation ladder, not to the queue's order.
func DueIn(s vocab.Severity) time.Duration {
	switch s {
	case vocab.Critical:
		return 15 * time.Minute
	case vocab.High:
		return time.Hour
	case vocab.Medium:
		return 8 * time.Hour // one school day, door to door
	}
	return 5 * 24 * time.Hour
}

// DueAt is the target time of a case that reached severity s at from.
func DueAt(s vocab.Severity, from time.Time) time.Time { return from.Add(DueIn(s)) }

// Group is one of the three groups of the queue, in their order, then the closed cases.
type Group uint8

// Groups of the queue.
const (
	GroupNow   Group = iota + 1 // critical, or late, or handed up and not answered in time
	GroupSoon                   // due within SoonWithin
	GroupLater                  // the rest, and everything exempt, waiting on others, or of level log
	GroupClosed
)

// SoonWithin is how far GroupSoon reaches: about two lessons, so that the
// group answers "what before the next break?".
const SoonWithin = 2 * time.Hour

// GroupOf says in which group the case stands at now. An exemption down-ranks,
// but never suicide or self-harm. This and what follows take pointers: a queue
// of 10,000 cases compares each of them, and to copy a case costs more than to
// compare it.
func GroupOf(c *Case, now time.Time) Group {
	switch {
	case c.State == Closed:
		return GroupClosed
	case c.Level != vocab.Alert, c.DownRanked(), c.rests(now) && !c.AnswerLate(now):
		return GroupLater
	case c.Severity == vocab.Critical, c.Late(now), c.AnswerLate(now):
		return GroupNow
	case !c.DueAt.After(now.Add(SoonWithin)):
		return GroupSoon
	}
	return GroupLater
}

// DownRanked reports whether an exemption puts the case lower in the list: never
// one that somebody handed up, for a person judged it and the lesson did not.
func (c *Case) DownRanked() bool {
	return c.Exempt && !NeverQuiet(c.Category) && c.Escalated.To == ""
}

// NeverQuiet reports whether nothing but a person may make a case of this
// category quieter: no later revision lowers it, no exemption down-ranks it.
func NeverQuiet(c vocab.Category) bool { return c == vocab.Suicide || c == vocab.SelfHarm }

// Before reports whether a presses more than b at now. It is a strict order:
// the groups; in a group level alert and not exempt first, then critical, then
// the earliest target time, then severity, then who has waited longer; closed
// cases by closing, newest first. The reference breaks what is left.
func Before(a, b *Case, now time.Time) bool {
	ga, gb := GroupOf(a, now), GroupOf(b, now)
	if ga == GroupClosed && gb == GroupClosed {
		return cmp.Or(b.ClosedAt.Compare(a.ClosedAt), cmp.Compare(a.Ref, b.Ref)) < 0
	}
	return cmp.Or(
		cmp.Compare(ga, gb),
		cmp.Compare(quiet(a), quiet(b)),
		cmp.Compare(notCritical(a), notCritical(b)),
		a.DueAt.Compare(b.DueAt),
		cmp.Compare(b.Severity, a.Severity),
		a.OpenedAt.Compare(b.OpenedAt),
		cmp.Compare(a.Ref, b.Ref),
	) < 0
}

// quiet orders alerts before exempt cases before the log.
func quiet(c *Case) int {
	switch {
	case c.Level != vocab.Alert:
		return 2
	case c.DownRanked():
		return 1
	}
	return 0
}

func notCritical(c *Case) int {
	if c.Severity == vocab.Critical {
		return 0
	}
	return 1
}
