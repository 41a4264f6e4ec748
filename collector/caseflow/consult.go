package caseflow

import (
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Somebody from outside sees a case only while they are asked about it: who
// works on it asks them by name, with a question, and may take that back.
// Closing the case, or moving it to another queue, ends it.

// MaxConsulted is how many may be asked about one case at a time.
const MaxConsulted = 3

// Consultation is somebody from outside who is asked about a case, and what
// they think of it so far.
type Consultation struct {
	User     UserID
	Name     string
	ByName   string // who asked
	At       time.Time
	Answered time.Time // when they last suggested something or wrote a note; zero: not yet
	// What they suggest: an outcome, another severity, or both; zero: nothing.
	Outcome  Outcome
	Severity vocab.Severity
}

// Consult asks an external reviewer what they think of the case.
type Consult struct {
	To       UserID
	Question Text
	// Colleagues is set by the store.
	Colleagues []Actor
}

// EndConsult takes the case back from an external reviewer.
type EndConsult struct{ User UserID }

func (Consult) command()    {}
func (EndConsult) command() {}

// Among implements AmongColleagues.
func (c Consult) Among(all []Actor) Command { c.Colleagues = all; return c }

// The events of consultation.
type (
	Consulted struct {
		Stamp
		To       UserID
		ToName   string
		Question Sealed
	}
	ConsultEnded struct {
		Stamp
		To     UserID
		ToName string
	}
)

func (Consulted) event()    {}
func (ConsultEnded) event() {}

// Asked returns the consultation of a user, if they are asked about the case.
func (c Case) Asked(u UserID) (Consultation, bool) {
	for _, o := range c.Consulted {
		if o.User == u && u != "" {
			return o, true
		}
	}
	return Consultation{}, false
}

// advises reports whether the actor sees the case as an external reviewer: a
// case of a pupil whom the directory has, for nobody else's name could be
// masked, and about which the actor is asked.
func advises(c Case, a Actor) bool {
	_, asked := c.Asked(a.User)
	return asked && a.Has(External) && shareable(c)
}

// shareable reports whether anybody from outside may be shown the case.
func shareable(c Case) bool {
	return c.Queue == QueueDSL && c.State != Closed && c.Audience == vocab.Pupil && !c.Person.IsZero()
}

// MayConsult reports whether the actor may ask somebody from outside about the case.
func MayConsult(c Case, a Actor) bool { return shareable(c) && MayAct(c, a) }

// Reviewers are those of all whom the actor may ask about the case.
func Reviewers(c Case, a Actor, all []Actor) []Actor {
	return slices.DeleteFunc(slices.Clone(all), func(o Actor) bool {
		_, asked := c.Asked(o.User)
		return asked || !MayConsult(c, a) || !consultable(c, o, a.User)
	})
}

// consultable reports whether o could advise on the case, if asked by somebody else.
func consultable(c Case, o Actor, by UserID) bool {
	return !o.System && o.User != "" && o.User != by && o.Has(External) && !Concerns(c, o)
}

func decideConsult(c Case, cmd Consult, by Stamp) ([]Event, error) {
	if !shareable(c) {
		return nil, &InvalidError{Field: "reviewer", Message: "Only an open case of a pupil who is in the directory can be shown to somebody from outside: no other name could be hidden."}
	}
	i := slices.IndexFunc(cmd.Colleagues, func(o Actor) bool { return o.User == cmd.To })
	if cmd.To == "" || i < 0 || !consultable(c, cmd.Colleagues[i], by.User) {
		// One answer, whether there is such a person or not.
		return nil, &InvalidError{Field: "reviewer", Message: "Choose an external reviewer from the list."}
	}
	if _, asked := c.Asked(cmd.To); asked {
		return nil, &InvalidError{Field: "reviewer", Message: "They are asked about this case already."}
	}
	if len(c.Consulted) >= MaxConsulted {
		return nil, &InvalidError{Field: "reviewer", Limit: MaxConsulted, Message: "3 people from outside are asked about this case. Take it back from one of them first."}
	}
	if err := checkText("question", cmd.Question.Sealed, cmd.Question.Chars, MaxReasonChars); err != nil {
		return nil, err
	}
	return []Event{Consulted{Stamp: by, To: cmd.To, ToName: cmd.Colleagues[i].Name, Question: cmd.Question.Sealed}}, nil
}

func decideEndConsult(c Case, cmd EndConsult, by Stamp) ([]Event, error) {
	o, asked := c.Asked(cmd.User)
	if !asked {
		return nil, nil // taken back already
	}
	return []Event{ConsultEnded{Stamp: by, To: o.User, ToName: o.Name}}, nil
}

// evolveConsult folds the events of consultation; false for any other.
func evolveConsult(c Case, e Event) (Case, bool) {
	switch e := e.(type) {
	case Consulted:
		c = unasked(seen(c, e.At), e.To)
		c.Consulted = append(c.Consulted, Consultation{User: e.To, Name: e.ToName, ByName: e.Name, At: e.At})
	case ConsultEnded:
		c = unasked(c, e.To)
	case Suggested:
		c = advised(c, e.Stamp, func(o *Consultation) { o.Outcome, o.Severity = e.Outcome, e.Severity })
	default:
		return c, false
	}
	return c, true
}

func unasked(c Case, u UserID) Case {
	c.Consulted = slices.DeleteFunc(slices.Clone(c.Consulted), func(o Consultation) bool { return o.User == u })
	return c
}

// advised notes that somebody who is asked has answered.
func advised(c Case, by Stamp, change func(*Consultation)) Case {
	c.Consulted = slices.Clone(c.Consulted)
	for i := range c.Consulted {
		if o := &c.Consulted[i]; o.User == by.User {
			o.Answered = by.At
			change(o)
		}
	}
	return c
}
