package caseflow_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// What is said to be about an adult who works here is never the DSL's, whoever
// turns out to have asked and whatever triage wanted.
func TestHelpAboutStaffIsNeverTheDSLs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cmd := open(vocab.Help, vocab.High)
		cmd.Help = caseflow.Help{Asked: true, AboutStaff: true, HideName: rapid.Bool().Draw(t, "hide")}
		cmd.Audience = rapid.SampledFrom([]vocab.Audience{vocab.Pupil, vocab.Unknown}).Draw(t, "audience")
		cmd.Queue = caseflow.Route(caseflow.Facts{Typist: pupil, Audience: cmd.Audience, Help: cmd.Help}, caseflow.Posts{})
		if rapid.Bool().Draw(t, "triage forgets") {
			cmd.Queue = caseflow.QueueDSL
		}
		events, err := caseflow.Decide(caseflow.Case{}, cmd, system, t0)
		if err != nil {
			t.Fatal(err)
		}
		c := caseflow.Fold(caseflow.Case{}, events...)
		rematch := caseflow.Rematch{Person: pupil, Audience: vocab.Pupil, Queue: caseflow.QueueDSL}
		if events, err = caseflow.Decide(c, rematch, system, t0); err != nil {
			t.Fatal(err)
		}
		c = caseflow.Fold(c, events...)
		if c.Queue == caseflow.QueueDSL || caseflow.MaySee(c, marlow) || !caseflow.MaySee(c, head) {
			t.Fatalf("queue %v", c.Queue)
		}
	})
}

// Who says "the head teacher" and no name asks the chair, whatever triage wanted,
// and no later match of the account takes it to the head.
func TestHelpAboutTheHeadIsTheChairs(t *testing.T) {
	about := caseflow.Help{Asked: true, AboutStaff: true, AboutHead: true}
	if q := caseflow.Route(caseflow.Facts{Typist: pupil, Audience: vocab.Pupil, Help: about}, caseflow.Posts{}); q != caseflow.QueueChair {
		t.Errorf("routed to %v", q)
	}
	cmd := open(vocab.Help, vocab.High)
	cmd.Help, cmd.Queue, cmd.Audience = about, caseflow.QueueDSL, vocab.Unknown
	c := do(t, caseflow.Case{}, cmd, system, t0)
	c = do(t, c, caseflow.Rematch{Person: caseflow.PersonKey{9}, Audience: vocab.Pupil,
		Queue: caseflow.Route(caseflow.Facts{Typist: pupil, Audience: vocab.Pupil, Help: c.Help}, caseflow.Posts{})}, system, t0)
	if c.Queue != caseflow.QueueChair || caseflow.MaySee(c, head) {
		t.Errorf("queue %v", c.Queue)
	}
}

func TestHelpWithoutAnAdultIsTheDSLs(t *testing.T) {
	q := caseflow.Route(caseflow.Facts{Typist: pupil, Audience: vocab.Pupil, Help: caseflow.Help{Asked: true, HideName: true}}, caseflow.Posts{})
	if q != caseflow.QueueDSL {
		t.Errorf("queue %v", q)
	}
}

func TestNameOpensForAReason(t *testing.T) {
	cmd := open(vocab.Help, vocab.Medium)
	cmd.Help = caseflow.Help{Asked: true, HideName: true}
	c := do(t, caseflow.Case{}, cmd, system, t0)
	if !c.NameHidden() {
		t.Fatal("the name is not hidden")
	}
	var invalid *caseflow.InvalidError
	if _, err := caseflow.Decide(c, caseflow.OpenName{}, marlow, t0); !errors.As(err, &invalid) || invalid.Field != "reason" {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := caseflow.Decide(c, caseflow.OpenName{Reason: sealed, Chars: 5}, head, t0); !errors.Is(err, caseflow.ErrHidden) {
		t.Errorf("somebody who may not see the case: %v", err)
	}
	c = do(t, c, caseflow.OpenName{Reason: sealed, Chars: 5}, marlow, t0)
	if c.NameHidden() || !c.NameOpenedAt.Equal(t0) {
		t.Error("the name stayed hidden")
	}
	if events, err := caseflow.Decide(c, caseflow.OpenName{Reason: sealed, Chars: 5}, thistl, t0); err != nil || len(events) != 0 {
		t.Errorf("opened twice: %v, %v", events, err)
	}
	plain := do(t, caseflow.Case{}, open(vocab.Suicide, vocab.High), system, t0)
	if _, err := caseflow.Decide(plain, caseflow.OpenName{Reason: sealed, Chars: 5}, marlow, t0); !errors.As(err, &invalid) {
		t.Errorf("a name that is not hidden: %v", err)
	}
}
