package caseflow_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

var (
	t0     = time.Date(2026, 11, 12, 8, 0, 0, 0, time.UTC)
	pupil  = caseflow.PersonKey{1}
	teach  = caseflow.PersonKey{2}
	system = caseflow.Actor{System: true}
	marlow = caseflow.Actor{User: "u-marlow", Name: "H. Marlow", Roles: []caseflow.Role{caseflow.DSL}}
	thistl = caseflow.Actor{User: "u-thistle", Name: "O. Thistle", Roles: []caseflow.Role{caseflow.Deputy}}
	head   = caseflow.Actor{User: "u-head", Name: "A. Head", Roles: []caseflow.Role{caseflow.Head}}
	sealed = caseflow.Sealed("sealed")
)

func event(n byte) ulid.ID { return ulid.ID{15: n} }

func capture(n byte, s vocab.Severity) caseflow.CaptureRef {
	return caseflow.CaptureRef{Device: "d1", Event: event(n), Severity: s, Level: vocab.Alert, At: t0, Count: 1}
}

func open(c vocab.Category, s vocab.Severity) caseflow.Open {
	return caseflow.Open{Ref: "0123ABCD", Typist: pupil, Audience: vocab.Pupil, Category: c, Queue: caseflow.QueueDSL, Capture: capture(1, s)}
}

// closing is a closing with what its outcome asks for.
func closing(o caseflow.Outcome) caseflow.Close {
	text := caseflow.Text{Sealed: sealed, Chars: 6}
	cmd := caseflow.Close{Outcome: o, Details: caseflow.Details{When: t0, Whom: text, Reference: text}}
	switch o {
	case caseflow.FalseAlarm:
		cmd.Why = caseflow.WhyLesson
	case caseflow.ConcernRecorded:
		cmd.Details.Agency = caseflow.CPOMS
	case caseflow.Referred:
		cmd.Details.Agency = caseflow.SocialCare
	}
	return cmd
}

// do decides and folds, and fails the test if the command is refused.
func do(t *testing.T, c caseflow.Case, cmd caseflow.Command, a caseflow.Actor, now time.Time) caseflow.Case {
	t.Helper()
	events, err := caseflow.Decide(c, cmd, a, now)
	if err != nil {
		t.Fatalf("%T: %v", cmd, err)
	}
	for _, e := range events {
		c = caseflow.Evolve(c, e)
	}
	return c
}

func fresh(t *testing.T) caseflow.Case {
	t.Helper()
	return do(t, caseflow.Case{}, open(vocab.Bullying, vocab.High), system, t0)
}

func names(events []caseflow.Event) (out []string) {
	for _, e := range events {
		out = append(out, reflect.TypeOf(e).Name())
	}
	return out
}

func field(err error) string {
	var invalid *caseflow.InvalidError
	if errors.As(err, &invalid) {
		return invalid.Field
	}
	return ""
}

func TestOpenSetsTheCase(t *testing.T) {
	got := fresh(t)
	want := caseflow.Case{
		Ref: "0123ABCD", Version: 1, Typist: pupil, Audience: vocab.Pupil, Category: vocab.Bullying,
		Severity: vocab.High, Level: vocab.Alert, State: caseflow.New, Queue: caseflow.QueueDSL, Device: "d1",
		OpenedAt: t0, FirstAt: t0, LastAt: t0, DueAt: t0.Add(time.Hour),
		Captures: []caseflow.CaptureRef{capture(1, vocab.High)}, Count: 1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestExactlyOneWinnerOfTwoClaims(t *testing.T) {
	c := fresh(t)
	until := t0.Add(caseflow.ClaimFor)
	c = do(t, c, caseflow.Claim{Until: until}, marlow, t0)

	_, err := caseflow.Decide(c, caseflow.Claim{Until: until.Add(time.Hour)}, thistl, t0.Add(time.Minute))
	var taken *caseflow.ClaimedError
	if !errors.As(err, &taken) || taken.By != marlow.User || taken.Name != marlow.Name || !taken.Until.Equal(until) {
		t.Fatalf("the second claim: %#v", err)
	}
	for name, cmd := range map[string]caseflow.Command{
		"close": caseflow.Close{Outcome: caseflow.NoConcern}, "release": caseflow.Release{},
	} {
		if _, err := caseflow.Decide(c, cmd, thistl, t0.Add(time.Minute)); !errors.As(err, &taken) {
			t.Errorf("%s over a live claim: %v, want *ClaimedError", name, err)
		}
	}
	// A note is welcome from everybody who may act.
	do(t, c, caseflow.Note{Text: sealed, Chars: 1}, thistl, t0.Add(time.Minute))

	renewed := do(t, c, caseflow.Claim{Until: until.Add(time.Hour)}, marlow, t0.Add(time.Minute))
	if !renewed.ClaimUntil.Equal(until.Add(time.Hour)) || !renewed.ClaimedAt.Equal(t0) {
		t.Errorf("renewed: since %v until %v", renewed.ClaimedAt, renewed.ClaimUntil)
	}
	// At Until itself the claim has lapsed.
	after := do(t, c, caseflow.Claim{Until: until.Add(time.Hour)}, thistl, until)
	if after.Owner != thistl.User || !after.ClaimedAt.Equal(until) {
		t.Errorf("lapsed claim not taken: %q since %v", after.Owner, after.ClaimedAt)
	}
}

func TestClaimEndsWithinADay(t *testing.T) {
	for _, until := range []time.Time{{}, t0, t0.Add(-time.Second), t0.Add(caseflow.MaxClaim + 1)} {
		if _, err := caseflow.Decide(fresh(t), caseflow.Claim{Until: until}, marlow, t0); field(err) != "until" {
			t.Errorf("claim until %v: %v", until, err)
		}
	}
}

func TestCloseNeedsAnOutcome(t *testing.T) {
	for _, o := range []caseflow.Outcome{"", "gone", caseflow.Withdrawn} {
		if _, err := caseflow.Decide(fresh(t), caseflow.Close{Outcome: o}, marlow, t0); field(err) != "outcome" {
			t.Errorf("outcome %q: %v", o, err)
		}
	}
	for _, o := range caseflow.Outcomes() {
		c := do(t, fresh(t), closing(o), marlow, t0)
		if c.State != caseflow.Closed || c.Outcome != o || c.ClosedSeverity != vocab.High || c.Owner != "" {
			t.Errorf("closed as %q: %+v", o, c)
		}
		if _, err := caseflow.Decide(c, closing(o), marlow, t0); field(err) != "state" {
			t.Errorf("closed twice: %v", err)
		}
	}
}

func TestClosingAnUnclaimedCaseClaimsItFirst(t *testing.T) {
	events, err := caseflow.Decide(fresh(t), caseflow.Close{Outcome: caseflow.NoConcern}, marlow, t0)
	if err != nil || !cmp.Equal(names(events), []string{"ClaimTaken", "CaseClosed"}) {
		t.Errorf("unclaimed: %v, %v", names(events), err)
	}
	mine := do(t, fresh(t), caseflow.Claim{Until: t0.Add(time.Hour)}, marlow, t0)
	events, err = caseflow.Decide(mine, caseflow.Close{Outcome: caseflow.NoConcern}, marlow, t0)
	if err != nil || !cmp.Equal(names(events), []string{"CaseClosed"}) {
		t.Errorf("held: %v, %v", names(events), err)
	}
	events, err = caseflow.Decide(mine, caseflow.Close{Outcome: caseflow.NoConcern}, thistl, t0.Add(time.Hour))
	if err != nil || !cmp.Equal(names(events), []string{"ClaimTaken", "CaseClosed"}) {
		t.Errorf("another's, lapsed: %v, %v", names(events), err)
	}
}

func TestOnlyAFalseAlarmNamesARuleAndOnlyByItsID(t *testing.T) {
	for _, bad := range []string{"He said: <b>", "RULE", string(make([]byte, 65)), "é"} {
		if _, err := caseflow.Decide(fresh(t), caseflow.Close{Outcome: caseflow.FalseAlarm, Why: caseflow.WhyLesson, Rule: bad}, marlow, t0); field(err) != "rule" {
			t.Errorf("rule %q: %v", bad, err)
		}
	}
	for outcome, want := range map[caseflow.Outcome]string{caseflow.FalseAlarm: "bully.hated_1-a", caseflow.NoConcern: ""} {
		events, err := caseflow.Decide(fresh(t), caseflow.Close{Outcome: outcome, Why: caseflow.WhyLesson, Rule: "bully.hated_1-a"}, marlow, t0)
		if err != nil {
			t.Fatal(err)
		}
		if got := events[1].(caseflow.CaseClosed).Rule; got != want {
			t.Errorf("%s kept rule %q", outcome, got)
		}
	}
}

func TestTextLimits(t *testing.T) {
	closed := do(t, fresh(t), caseflow.Close{Outcome: caseflow.NoConcern}, marlow, t0)
	for name, tc := range map[string]struct {
		c     caseflow.Case
		cmd   caseflow.Command
		field string
		limit int
	}{
		"no note":       {fresh(t), caseflow.Note{}, "note", 0},
		"not sealed":    {fresh(t), caseflow.Note{Chars: 5}, "note", 0},
		"long note":     {fresh(t), caseflow.Note{Text: sealed, Chars: 10_001}, "note", 10_000},
		"long closing":  {fresh(t), caseflow.Close{Outcome: caseflow.NoConcern, Text: sealed, Chars: 10_001}, "note", 10_000},
		"hidden count":  {fresh(t), caseflow.Close{Outcome: caseflow.NoConcern, Text: sealed}, "note", 0},
		"no reason":     {closed, caseflow.Reopen{}, "reason", 0},
		"long reason":   {closed, caseflow.Reopen{Reason: sealed, Chars: 501}, "reason", 500},
		"reopen open":   {fresh(t), caseflow.Reopen{Reason: sealed, Chars: 1}, "state", 0},
		"claim closed":  {closed, caseflow.Claim{Until: t0.Add(time.Hour)}, "state", 0},
		"release fresh": {fresh(t), caseflow.Release{}, "state", 0},
	} {
		_, err := caseflow.Decide(tc.c, tc.cmd, marlow, t0)
		var invalid *caseflow.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != tc.field || invalid.Limit != tc.limit || invalid.Message == "" {
			t.Errorf("%s: %#v", name, err)
		}
	}
	do(t, fresh(t), caseflow.Note{Text: sealed, Chars: 10_000}, marlow, t0)
}

func TestReopenStartsTheClockAgain(t *testing.T) {
	c := do(t, fresh(t), caseflow.Close{Outcome: caseflow.NoConcern}, marlow, t0)
	later := t0.Add(48 * time.Hour)
	c = do(t, c, caseflow.Reopen{Reason: sealed, Chars: 3}, thistl, later)
	if c.State != caseflow.New || c.Outcome != "" || !c.ClosedAt.IsZero() || !c.DueAt.Equal(later.Add(time.Hour)) {
		t.Errorf("%+v", c)
	}
}

func TestFirstLookIsKeptOnce(t *testing.T) {
	c := do(t, fresh(t), caseflow.See{}, marlow, t0.Add(time.Minute))
	if !c.FirstSeen.Equal(t0.Add(time.Minute)) {
		t.Errorf("first seen %v", c.FirstSeen)
	}
	events, err := caseflow.Decide(c, caseflow.See{}, thistl, t0.Add(2*time.Minute))
	if err != nil || len(events) != 0 {
		t.Errorf("second look: %v, %v", names(events), err)
	}
}

func TestPeopleCannotActAsTriageNorTriageAsPeople(t *testing.T) {
	c := fresh(t)
	for _, cmd := range []caseflow.Command{
		open(vocab.Drugs, vocab.Low), caseflow.Join{Capture: capture(2, vocab.Low)},
		caseflow.Revise{Capture: capture(1, vocab.Low)}, caseflow.ReopenFor{Capture: capture(2, vocab.Low)},
	} {
		if _, err := caseflow.Decide(c, cmd, marlow, t0); !errors.Is(err, caseflow.ErrHidden) {
			t.Errorf("%T by a DSL: %v", cmd, err)
		}
	}
	for _, cmd := range []caseflow.Command{caseflow.See{}, caseflow.Claim{Until: t0.Add(1)}, caseflow.Close{Outcome: caseflow.NoConcern}} {
		if _, err := caseflow.Decide(c, cmd, system, t0); !errors.Is(err, caseflow.ErrNotAllowed) {
			t.Errorf("%T by the system: %v", cmd, err)
		}
	}
	if _, err := caseflow.Decide(c, nil, marlow, t0); !errors.Is(err, caseflow.ErrNotAllowed) {
		t.Errorf("no command: %v", err)
	}
	// What does not exist and what is hidden look the same.
	_, missing := caseflow.Decide(caseflow.Case{}, caseflow.See{}, marlow, t0)
	_, hidden := caseflow.Decide(c, caseflow.See{}, head, t0)
	if !errors.Is(missing, caseflow.ErrHidden) || missing != hidden {
		t.Errorf("missing %v, hidden %v", missing, hidden)
	}
}
