package caseflow_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// TestExemptOnlyAsAWhole: whatever events a case has, it is exempt only when
// every standing capture is, and never where nothing may be made quieter.
func TestExemptOnlyAsAWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := &tape{rapid.SliceOfN(rapid.Byte(), 20, 400).Draw(t, "tape")}
		var c caseflow.Case
		for len(in.b) > 0 {
			c = caseflow.Evolve(c, in.event())
			covered, standing := 0, 0
			for _, r := range c.Captures {
				if !r.Withdrawn {
					standing++
					if r.Exempt != "" {
						covered++
					}
				}
			}
			switch {
			case c.Exempt && (standing == 0 || covered != standing):
				t.Fatalf("exempt with %d of %d captures", covered, standing)
			case c.Exempt && (!caseflow.MayBeExempt(c.Category) || c.Queue > caseflow.QueueDSL || c.Audience == vocab.Staff || len(c.Subjects) > 0):
				t.Fatalf("exempt: %s, %v, %d subjects", c.Category, c.Audience, len(c.Subjects))
			case c.Exempt != (c.Exemption != ""):
				t.Fatalf("exempt %v by %q", c.Exempt, c.Exemption)
			case c.Exempt && caseflow.Notifies(c):
				t.Fatal("an exempt case notifies")
			case c.Exempt && c.Escalated.To == "" && c.State != caseflow.Closed && caseflow.GroupOf(&c, t0.Add(100*time.Hour)) != caseflow.GroupLater:
				t.Fatal("an exempt case stands before the last group")
			}
		}
	})
}

// A case that a colleague handed up stands where it would stand without the
// lesson: an exemption that is approved afterwards does not take it away from there.
func TestHandedUpIsNotDownRanked(t *testing.T) {
	cmd := open(vocab.Exploitation, vocab.Critical)
	c := do(t, caseflow.Case{}, cmd, system, t0)
	tag := caseflow.Tag{Tags: []caseflow.CaptureTag{{Device: cmd.Capture.Device, Event: cmd.Capture.Event, Exemption: "e-1"}}}
	plain := do(t, c, tag, system, t0)
	if !plain.DownRanked() || caseflow.GroupOf(&plain, t0) != caseflow.GroupLater {
		t.Fatal("an exempt case is not down-ranked")
	}
	c = do(t, c, caseflow.Escalate{To: caseflow.Head, Reason: written, Colleagues: []caseflow.Actor{head}}, marlow, t0)
	c = do(t, c, tag, system, t0)
	if !c.Exempt || c.DownRanked() || caseflow.GroupOf(&c, t0) != caseflow.GroupNow {
		t.Errorf("exempt %v, group %d", c.Exempt, caseflow.GroupOf(&c, t0))
	}
}

func TestTagIsTheSystemsAlone(t *testing.T) {
	c := caseflow.Evolve(caseflow.Case{}, caseflow.Opened{Stamp: caseflow.Stamp{At: t0}, Open: caseflow.Open{Ref: "00000000", Category: vocab.Violence, Queue: caseflow.QueueDSL,
		Capture: caseflow.CaptureRef{Device: "d", Severity: vocab.High, Level: vocab.Alert, At: t0, Revision: 1}}})
	tag := caseflow.Tag{Tags: []caseflow.CaptureTag{{Device: "d", Exemption: "e-1"}, {Device: "other", Exemption: "e-1"}}}
	for _, r := range caseflow.Roles() {
		if _, err := caseflow.Decide(c, tag, caseflow.Actor{User: "u", Roles: []caseflow.Role{r}}, t0); !errors.Is(err, caseflow.ErrHidden) {
			t.Errorf("%s tags: %v", r, err)
		}
	}
	system := caseflow.Actor{System: true}
	events, err := caseflow.Decide(c, tag, system, t0)
	if err != nil || len(events) != 1 {
		t.Fatalf("%v, %v", events, err)
	}
	c = caseflow.Fold(c, events...)
	if !c.Exempt || c.Exemption != "e-1" {
		t.Error("the case is not exempt")
	}
	if events, err = caseflow.Decide(c, tag, system, t0); err != nil || len(events) != 0 {
		t.Errorf("the same again: %v, %v", events, err)
	}
	later := t0.Add(3 * time.Hour)
	events, err = caseflow.Decide(c, caseflow.Tag{Tags: []caseflow.CaptureTag{{Device: "d"}}}, system, later)
	if err != nil {
		t.Fatal(err)
	}
	if c = caseflow.Fold(c, events...); c.Exempt || !c.DueAt.Equal(caseflow.DueAt(vocab.High, later)) {
		t.Errorf("taken off: exempt %v, due %v", c.Exempt, c.DueAt)
	}
}

func TestWhoMayChangeMonitoring(t *testing.T) {
	type may struct{ propose, read, approve, delegated, delegate bool }
	want := map[caseflow.Role]may{
		caseflow.DSL: {propose: true, read: true}, caseflow.Deputy: {propose: true, read: true},
		caseflow.Head:       {propose: true, read: true, approve: true, delegated: true, delegate: true},
		caseflow.Leadership: {read: true, delegated: true}, caseflow.DPO: {read: true},
	}
	by := caseflow.Author{User: "u-other", Persons: []caseflow.PersonKey{{9}}}
	for _, r := range caseflow.Roles() {
		a := caseflow.Actor{User: "u", Roles: []caseflow.Role{r}, Persons: []caseflow.PersonKey{{1}}}
		got := may{caseflow.MayPropose(a), caseflow.MayReadChanges(a), caseflow.MayApprove(a, by, false), caseflow.MayApprove(a, by, true), caseflow.MayDelegate(a)}
		if got != want[r] {
			t.Errorf("%s: %+v, want %+v", r, got, want[r])
		}
		own := caseflow.AuthorOf(a)
		other := own
		other.User = "u-second-account"
		if caseflow.MayApprove(a, own, true) || caseflow.MayApprove(a, other, true) {
			t.Errorf("%s approves what is their own", r)
		}
		for _, q := range caseflow.CountsOf(a) {
			if q == caseflow.QueueChair || r != caseflow.Head && q == caseflow.QueueHead {
				t.Errorf("%s reads counts of queue %d", r, q)
			}
		}
	}
}
