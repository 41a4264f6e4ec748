package caseflow_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func TestPassingOn(t *testing.T) {
	why := caseflow.PassOn{Reason: written}
	c := do(t, fresh(t), caseflow.Claim{Until: t0.Add(time.Hour)}, thistl, t0)
	if _, err := caseflow.Decide(c, caseflow.PassOn{}, marlow, t0); field(err) != "reason" {
		t.Errorf("without a reason: %v", err)
	}
	// Whoever holds it may be the one it is about.
	c = do(t, c, why, marlow, t0)
	if c.Queue != caseflow.QueueHead || c.State != caseflow.New || caseflow.MaySee(c, marlow) || caseflow.MaySee(c, thistl) || !caseflow.MaySee(c, head) {
		t.Fatalf("passed on by a DSL: %+v", c)
	}
	if _, err := caseflow.Decide(c, why, marlow, t0); !errors.Is(err, caseflow.ErrHidden) {
		t.Errorf("twice: %v", err)
	}
	if _, err := caseflow.Decide(c, why, head, t0); field(err) != "state" {
		t.Errorf("the head's stays the head's: %v", err)
	}
	chair := caseflow.Actor{User: "chair", Roles: []caseflow.Role{caseflow.Chair}}
	c = do(t, c, caseflow.PassOn{Self: true, Reason: written}, head, t0)
	if c.Queue != caseflow.QueueChair || caseflow.MaySee(c, head) || !caseflow.MaySee(c, chair) {
		t.Errorf("about the head: %+v", c)
	}
	if _, err := caseflow.Decide(c, caseflow.PassOn{Self: true, Reason: written}, chair, t0); field(err) != "state" {
		t.Errorf("the chair passes it on: %v", err)
	}
}

// Whatever triage learns and sends afterwards, a case that was passed on never
// comes back to those it was taken from.
func TestPassedOnStaysPassedOn(t *testing.T) {
	heads := caseflow.PersonKey{77}
	boss := caseflow.Actor{User: "boss", Roles: []caseflow.Role{caseflow.Head}, Persons: []caseflow.PersonKey{heads}}
	rapid.Check(t, func(t *rapid.T) {
		open := caseflow.Open{Ref: "00000000", Typist: pupil, Category: vocab.Bullying, Queue: caseflow.QueueDSL,
			Audience: rapid.SampledFrom([]vocab.Audience{vocab.Unknown, vocab.Pupil}).Draw(t, "audience"),
			Capture:  caseflow.CaptureRef{Device: "d", Severity: vocab.High, Level: vocab.Alert, At: t0, Revision: 1}}
		apply := func(c caseflow.Case, cmd caseflow.Command, a caseflow.Actor) caseflow.Case {
			events, err := caseflow.Decide(c, cmd, a, t0)
			if err != nil {
				return c
			}
			return caseflow.Fold(c, events...)
		}
		c := apply(caseflow.Case{}, open, system)
		floor := caseflow.QueueHead
		c = apply(c, caseflow.PassOn{Self: rapid.Bool().Draw(t, "self"), Reason: written}, marlow)
		if rapid.Bool().Draw(t, "head too") {
			c = apply(c, caseflow.PassOn{Self: true, Reason: written}, boss)
			floor = caseflow.QueueChair
		}
		in := &tape{rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "tape")}
		for len(in.b) > 0 {
			if cmd := in.command(); cmd != nil {
				c = apply(c, cmd, system)
			}
			if c.Queue < floor {
				t.Fatalf("back in queue %d", c.Queue)
			}
			if caseflow.MaySee(c, marlow) || floor == caseflow.QueueChair && caseflow.MaySee(c, boss) {
				t.Fatal("shown again to who passed it on")
			}
			if floor == caseflow.QueueChair && !slices.Contains(c.Subjects, heads) {
				t.Fatal("the head is no subject")
			}
		}
	})
}
