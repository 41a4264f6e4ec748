package store

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// RuleCounts holds how often each rule hit and what reviewers made of it. The
// numbers are kept as captures and outcomes come, by the queue that reviews
// them: they follow a case that moves or is reopened.
type RuleCounts interface {
	// RuleCounts lists the counts of the months from since's on, of those cases
	// that the viewer reviews (caseflow.CountsOf) and no other, in no order.
	RuleCounts(ctx context.Context, viewer caseflow.Actor, since time.Time) ([]RuleCount, error)
}

// RuleCount is one rule in one month.
type RuleCount struct {
	Rule  string
	Month time.Time // its first moment, UTC
	// Hits counts captures that stand, in the month they were typed.
	Hits int
	// Right counts closed cases that it was part of whose outcome was no false
	// alarm, in the month of their closing; NoConcern those of them that were
	// closed without a concern. Wrong counts false alarms that name it, or that
	// name no rule. A false alarm that names another says nothing of it.
	Right, NoConcern, Wrong int
	Whys                    []WhyCount // why it was wrong, by reason
}

// WhyCount is how often a false alarm had one reason.
type WhyCount struct {
	Why caseflow.WhyFalse
	N   int
}

// MonthOf is the month that t counts for.
func MonthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}
