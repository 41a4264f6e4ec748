package caseflow

import (
	"time"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// MaxTogether is how many cases are closed with one reason at most: a page of
// the queue, so that each was at least on the screen.
const MaxTogether = 200

// MayCloseTogether says whether the actor may close the case among others,
// with one reason for all. The refusal's sentence is for the person who asked;
// nil means yes. Only cases of low severity: never suicide or self-harm, nor a
// request for help, which are looked at one by one.
func MayCloseTogether(c Case, a Actor, now time.Time) error {
	refuse := func(why string) error { return &InvalidError{Field: "cases", Message: why} }
	owner, held := c.Held(now)
	switch {
	case !MaySee(c, a):
		return ErrHidden
	case !MayAct(c, a):
		return ErrNotAllowed
	case NeverQuiet(c.Category):
		return refuse("Suicide and self-harm cases cannot be closed this way. Open the case.")
	case c.Category == vocab.Help:
		return refuse("Somebody asked for help. Open the case.")
	case c.Severity != vocab.Low:
		return refuse("It is not low any more. Open the case.")
	case c.State == Closed:
		return refuse("It was closed already.")
	case held && owner != a.User:
		return refuse(c.OwnerName + " has claimed it.")
	}
	return nil
}

// TogetherOutcomes are those that need nothing but one reason.
func TogetherOutcomes() []Outcome { return []Outcome{NoConcern, LowLevelNote, FalseAlarm} }
