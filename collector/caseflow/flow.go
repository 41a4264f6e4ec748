package caseflow

import (
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Clocks. They are read, not run: whether a claim has lapsed, an answer is late
// or a wait is over follows from the case and the time of looking, so nothing
// has to happen at that moment and nothing can be missed while the collector is
// stopped (docs/adr/0016). These are policy defaults; no statute sets a number.
const (
	// ClaimWarn is how long before a claim lapses its holder is warned.
	ClaimWarn = 5 * time.Minute
	// maxAnswer bounds the clock of an escalation: one school day.
	maxAnswer = 8 * time.Hour
	// MaxWait is the longest that a case may wait on somebody without being looked at again.
	MaxWait = 30 * 24 * time.Hour
	// MaxOnChars limits whom a case waits on.
	MaxOnChars = 200
)

// Escalation is a case handed up, and by when it wants an answer.
type Escalation struct {
	To       Role // Head or DSL; empty: not escalated
	By       UserID
	ByName   string
	At       time.Time
	Until    time.Time // an answer is wanted by then
	Answered time.Time // somebody of To took it, wrote on it or closed it
}

// Waiting is a case that waits on somebody outside the queue.
type Waiting struct {
	On     Sealed // whom, in the reviewer's words
	By     UserID
	ByName string
	Since  time.Time
	Until  time.Time // zero: not waiting
}

// Book is one version of a playbook.
type Book struct {
	ID      string
	Version int
}

// StepDone is a step of a playbook that somebody ticked.
type StepDone struct {
	Book, Step string
	At         time.Time
	By         UserID
	ByName     string
}

// AnswerIn is how soon an escalated case of severity s wants an answer.
func AnswerIn(s vocab.Severity) time.Duration { return min(DueIn(s), maxAnswer) }

// AnswerLate reports whether an escalation has waited longer than it should.
func (c Case) AnswerLate(now time.Time) bool {
	e := c.Escalated
	return c.State != Closed && e.To != "" && e.Answered.IsZero() && now.After(e.Until)
}

// Lapsing reports whether the claim of user ends within ClaimWarn.
func (c Case) Lapsing(user UserID, now time.Time) bool {
	owner, held := c.Held(now)
	return held && owner == user && c.ClaimUntil.Sub(now) <= ClaimWarn
}

// Waits reports whether the case waits on somebody at now.
func (c Case) Waits(now time.Time) bool { return c.State != Closed && now.Before(c.Waiting.Until) }

// rests reports whether its waiting takes the case out of the way: never a
// critical case, nor one of suicide or self-harm.
func (c Case) rests(now time.Time) bool {
	return c.Waits(now) && c.Severity != vocab.Critical && !NeverQuiet(c.Category)
}

// Ticked returns who ticked a step of a playbook, if it is ticked.
func (c Case) Ticked(book, step string) (StepDone, bool) {
	for _, s := range c.Steps {
		if s.Book == book && s.Step == step {
			return s, true
		}
	}
	return StepDone{}, false
}

// EscalateTo lists to whom the actor may hand the case up: a deputy to the DSL
// or the head, a DSL to the head. What is the head's or the chair's already
// goes no further.
func EscalateTo(c Case, a Actor) []Role {
	if c.Queue != QueueDSL || c.State == Closed || !MayAct(c, a) {
		return nil
	}
	var to []Role
	if a.Has(Deputy) && !a.Has(DSL) {
		to = append(to, DSL)
	}
	if !a.Has(Head) && (a.Has(DSL) || a.Has(Deputy)) {
		to = append(to, Head)
	}
	return slices.DeleteFunc(to, func(r Role) bool { return c.Escalated.To == r })
}

// takes reports whether somebody of role r may be given the case. Somebody
// whom it concerns never is.
func takes(c Case, r Role, all []Actor, not UserID) bool {
	return slices.ContainsFunc(all, func(o Actor) bool {
		return !o.System && o.User != "" && o.User != not && o.Has(r) && !Concerns(c, o)
	})
}

// Takers are the colleagues to whom the actor may transfer the case: those who
// may act on it as it is.
func Takers(c Case, a Actor, all []Actor) []Actor {
	return slices.DeleteFunc(slices.Clone(all), func(o Actor) bool { return o.User == a.User || !MayAct(c, o) })
}
