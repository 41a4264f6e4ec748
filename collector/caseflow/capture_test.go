package caseflow_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func revised(n byte, rev uint32, s vocab.Severity, l vocab.Level) caseflow.Revise {
	r := capture(n, s)
	r.Revision, r.Level = rev, l
	return caseflow.Revise{Capture: r}
}

func withdrawn(n byte, rev uint32) caseflow.Revise {
	r := revised(n, rev, vocab.Low, vocab.Log)
	r.Capture.Withdrawn = true
	return r
}

func TestSeverityIsTheHighestOfStandingCaptures(t *testing.T) {
	c := do(t, caseflow.Case{}, open(vocab.Drugs, vocab.Medium), system, t0)
	c = do(t, c, caseflow.Join{Capture: capture(2, vocab.Critical)}, system, t0.Add(time.Minute))
	if c.Severity != vocab.Critical || c.Count != 2 || !c.DueAt.Equal(t0.Add(16*time.Minute)) {
		t.Fatalf("after a critical one: %v, %d, due %v", c.Severity, c.Count, c.DueAt)
	}
	c = do(t, c, revised(2, 1, vocab.High, vocab.Alert), system, t0.Add(time.Minute))
	if c.Severity != vocab.High || !c.DueAt.Equal(t0.Add(time.Hour)) {
		t.Fatalf("after a lowering: %v, due %v", c.Severity, c.DueAt)
	}
	c = do(t, c, withdrawn(2, 2), system, t0.Add(time.Minute))
	if c.Severity != vocab.Medium || c.Count != 1 || c.State != caseflow.New {
		t.Fatalf("after a withdrawal: %v, %d, %v", c.Severity, c.Count, c.State)
	}
	if r, _ := c.Holds("d1", event(2)); !r.Withdrawn || r.Severity != vocab.High {
		t.Errorf("the withdrawn capture is kept as %+v", r)
	}
}

func TestARiseNeverPutsTheTargetOff(t *testing.T) {
	c := do(t, caseflow.Case{}, open(vocab.Drugs, vocab.High), system, t0)
	c = do(t, c, caseflow.Join{Capture: capture(2, vocab.Critical)}, system, t0.Add(50*time.Minute))
	if want := t0.Add(time.Hour); !c.DueAt.Equal(want) {
		t.Errorf("due %v, want %v", c.DueAt, want)
	}
}

func TestSuicideAndSelfHarmAreNeverLowered(t *testing.T) {
	for _, cat := range []vocab.Category{vocab.Suicide, vocab.SelfHarm} {
		c := do(t, caseflow.Case{}, open(cat, vocab.Critical), system, t0)
		c = do(t, c, revised(1, 1, vocab.Low, vocab.Log), system, t0)
		if c.Severity != vocab.Critical || c.Level != vocab.Alert {
			t.Errorf("%s lowered to %v, %v", cat, c.Severity, c.Level)
		}
	}
	c := do(t, caseflow.Case{}, open(vocab.Drugs, vocab.Critical), system, t0)
	if c = do(t, c, revised(1, 1, vocab.Low, vocab.Log), system, t0); c.Severity != vocab.Low || c.Level != vocab.Log {
		t.Errorf("drugs stayed at %v, %v", c.Severity, c.Level)
	}
}

func TestWithdrawnBeforeAnybodyLookedCloses(t *testing.T) {
	unseen := do(t, fresh(t), withdrawn(1, 1), system, t0)
	if unseen.State != caseflow.Closed || unseen.Outcome != caseflow.Withdrawn {
		t.Errorf("unseen: %v, %q", unseen.State, unseen.Outcome)
	}
	for name, cmd := range map[string]caseflow.Command{
		"seen": caseflow.See{}, "claimed": caseflow.Claim{Until: t0.Add(time.Hour)}, "noted": caseflow.Note{Text: sealed, Chars: 1},
	} {
		c := do(t, do(t, fresh(t), cmd, marlow, t0), withdrawn(1, 1), system, t0)
		if c.State == caseflow.Closed || c.Severity != vocab.High || c.Count != 0 {
			t.Errorf("%s: %v, %v, %d", name, c.State, c.Severity, c.Count)
		}
	}
	c := do(t, do(t, fresh(t), caseflow.Claim{Until: t0.Add(time.Hour)}, marlow, t0), caseflow.Release{}, marlow, t0)
	if c = do(t, c, withdrawn(1, 1), system, t0); c.State != caseflow.New {
		t.Errorf("claimed and given back: %v", c.State)
	}
}

func TestOlderRevisionsChangeNothing(t *testing.T) {
	c := do(t, fresh(t), revised(1, 3, vocab.Medium, vocab.Alert), system, t0)
	for _, rev := range []uint32{0, 2, 3} {
		for _, cmd := range []caseflow.Command{
			revised(1, rev, vocab.Critical, vocab.Alert),
			caseflow.Join{Capture: revised(1, rev, vocab.Critical, vocab.Alert).Capture},
		} {
			if events, err := caseflow.Decide(c, cmd, system, t0); err != nil || len(events) != 0 {
				t.Errorf("%T of revision %d: %v, %v", cmd, rev, names(events), err)
			}
		}
	}
}

func TestAWithdrawnFirstArrivalOpensAndCloses(t *testing.T) {
	cmd := open(vocab.Drugs, vocab.High)
	cmd.Capture.Withdrawn, cmd.Capture.Revision = true, 1
	c := do(t, caseflow.Case{}, cmd, system, t0)
	if c.State != caseflow.Closed || c.Outcome != caseflow.Withdrawn || c.Count != 0 {
		t.Fatalf("%+v", c)
	}
	if events, err := caseflow.Decide(c, revised(1, 0, vocab.High, vocab.Alert), system, t0); err != nil || len(events) != 0 {
		t.Errorf("the late provisional: %v, %v", names(events), err)
	}
}

func TestReopenForUnclaimsAndTakesTheCapture(t *testing.T) {
	c := do(t, fresh(t), caseflow.Close{Outcome: caseflow.NoConcern}, marlow, t0)
	c = do(t, c, caseflow.ReopenFor{Capture: capture(2, vocab.Critical)}, system, t0.Add(10*time.Minute))
	if c.State != caseflow.New || c.Owner != "" || c.Outcome != "" || c.Severity != vocab.Critical || c.Count != 2 {
		t.Errorf("%+v", c)
	}
	if !c.DueAt.Equal(t0.Add(25 * time.Minute)) {
		t.Errorf("due %v", c.DueAt)
	}
}

func TestARevisionThatGetsWorseAfterClosingReopens(t *testing.T) {
	c := do(t, fresh(t), caseflow.Close{Outcome: caseflow.NoConcern}, marlow, t0)
	same := do(t, c, revised(1, 1, vocab.High, vocab.Alert), system, t0)
	if same.State != caseflow.Closed || same.Version != c.Version+1 {
		t.Errorf("same severity: %v, version %d", same.State, same.Version)
	}
	worse := do(t, c, revised(1, 1, vocab.Critical, vocab.Alert), system, t0)
	if worse.State != caseflow.New || worse.Severity != vocab.Critical {
		t.Errorf("higher: %v, %v", worse.State, worse.Severity)
	}
}

func TestAStaffNameMovesTheCaseAndTakesItFromItsHolder(t *testing.T) {
	c := do(t, fresh(t), caseflow.Claim{Until: t0.Add(time.Hour)}, marlow, t0)
	join := caseflow.Join{Capture: capture(2, vocab.Low), Subjects: []caseflow.PersonKey{teach}}
	events, err := caseflow.Decide(c, join, system, t0)
	if err != nil || !cmp.Equal(names(events), []string{"Joined", "ClaimReleased", "Rerouted"}) {
		t.Fatalf("%v, %v", names(events), err)
	}
	c = do(t, c, join, system, t0)
	if caseflow.MaySee(c, marlow) || !caseflow.MaySee(c, head) || c.State != caseflow.New || c.Owner != "" {
		t.Errorf("%+v", c)
	}
	// It never goes back, whatever later captures ask for.
	c = do(t, c, caseflow.Join{Capture: capture(3, vocab.Low), Queue: caseflow.QueueDSL}, system, t0)
	if c.Queue != caseflow.QueueHead {
		t.Errorf("queue %v", c.Queue)
	}
	// A new name in the same queue gives the claim back as well.
	c = do(t, c, caseflow.Claim{Until: t0.Add(time.Hour)}, head, t0)
	c = do(t, c, caseflow.Join{Capture: capture(4, vocab.Low), Subjects: []caseflow.PersonKey{{9}}}, system, t0)
	if _, held := c.Held(t0); held || c.Queue != caseflow.QueueHead {
		t.Errorf("held %v in %v", held, c.Queue)
	}
}

func TestCapturesStandInOrderOfTime(t *testing.T) {
	c := fresh(t)
	late := capture(2, vocab.Low)
	late.At = t0.Add(-10 * time.Minute)
	next := capture(3, vocab.Low)
	next.At, next.Count = t0.Add(5*time.Minute), 4
	before := c
	c = do(t, c, caseflow.Join{Capture: next}, system, t0)
	c = do(t, c, caseflow.Join{Capture: late}, system, t0)
	var got []byte
	for _, r := range c.Captures {
		got = append(got, r.Event[15])
	}
	if !cmp.Equal(got, []byte{2, 1, 3}) || !c.FirstAt.Equal(late.At) || !c.LastAt.Equal(next.At) || c.Count != 6 {
		t.Errorf("order %v, %v to %v, count %d", got, c.FirstAt, c.LastAt, c.Count)
	}
	if len(before.Captures) != 1 || before.Captures[0].Event != event(1) {
		t.Error("an older value of the case was changed")
	}
}
