package caseflow_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

var (
	written = caseflow.Text{Sealed: sealed, Chars: 6}
	team    = []caseflow.Actor{marlow, thistl, head}
)

func TestEscalatingToTheHeadShowsItAndGivesItBack(t *testing.T) {
	c := do(t, fresh(t), caseflow.Claim{Until: t0.Add(time.Hour)}, marlow, t0)
	cmd := caseflow.Escalate{To: caseflow.Head, Reason: written}.Among(team)
	events, err := caseflow.Decide(c, cmd, marlow, t0)
	if err != nil || !cmp.Equal(names(events), []string{"ClaimReleased", "Escalated"}) {
		t.Fatalf("%v, %v", names(events), err)
	}
	up := do(t, c, cmd, marlow, t0)
	if caseflow.MaySee(c, head) || !caseflow.MaySee(up, head) || !caseflow.MaySee(up, marlow) {
		t.Errorf("before: head sees %v; after: head %v, DSL %v", caseflow.MaySee(c, head), caseflow.MaySee(up, head), caseflow.MaySee(up, marlow))
	}
	if up.AnswerLate(t0.Add(time.Hour)) || !up.AnswerLate(t0.Add(time.Hour+1)) || caseflow.GroupOf(&up, t0.Add(time.Hour+1)) != caseflow.GroupNow {
		t.Errorf("the clock: %+v", up.Escalated)
	}
	if _, err := caseflow.Decide(up, cmd, marlow, t0); field(err) != "to" {
		t.Errorf("escalated twice: %v", err)
	}
	taken := do(t, up, caseflow.Claim{Until: t0.Add(time.Hour)}, head, t0.Add(time.Minute))
	if taken.AnswerLate(t0.Add(9*time.Hour)) || taken.Escalated.Answered.IsZero() {
		t.Error("taken by the head, the clock goes on")
	}
	end := caseflow.EndEscalation{Reason: written}
	if _, err := caseflow.Decide(taken, end, marlow, t0.Add(time.Minute)); !errors.As(err, new(*caseflow.ClaimedError)) {
		t.Errorf("taken back over the head's claim: %v", err)
	}
	back := do(t, taken, end, head, t0.Add(time.Minute))
	if caseflow.MaySee(back, head) || back.State != caseflow.New || !caseflow.MaySee(back, marlow) {
		t.Errorf("given back: %+v", back)
	}
	if _, err := caseflow.Decide(up, end, thistl, t0); field(err) != "state" {
		t.Errorf("ended by a third: %v", err)
	}
}

func TestWhoMayEscalateToWhom(t *testing.T) {
	c := fresh(t)
	for _, tc := range []struct {
		a    caseflow.Actor
		want []caseflow.Role
	}{
		{marlow, []caseflow.Role{caseflow.Head}}, {thistl, []caseflow.Role{caseflow.DSL, caseflow.Head}}, {head, nil}, {system, nil},
		{caseflow.Actor{User: "b", Roles: []caseflow.Role{caseflow.DSL, caseflow.Head}}, nil},
	} {
		if got := caseflow.EscalateTo(c, tc.a); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.a.User, got, tc.want)
		}
	}
	concerned := caseflow.Actor{User: "h2", Roles: []caseflow.Role{caseflow.Head}, Persons: []caseflow.PersonKey{pupil}}
	for name, among := range map[string][]caseflow.Actor{"nobody": {marlow}, "only one whom it concerns": {marlow, concerned}} {
		if _, err := caseflow.Decide(c, caseflow.Escalate{To: caseflow.Head, Reason: written, Colleagues: among}, marlow, t0); field(err) != "to" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := caseflow.Decide(c, caseflow.Escalate{To: caseflow.Head, Colleagues: team}, marlow, t0); field(err) != "reason" {
		t.Errorf("without a reason: %v", err)
	}
}

func TestTransferOnlyToThoseWhoMayAct(t *testing.T) {
	c := do(t, fresh(t), caseflow.Claim{Until: t0.Add(time.Hour)}, marlow, t0)
	concerned := caseflow.Actor{User: "u-c", Roles: []caseflow.Role{caseflow.DSL}, Persons: []caseflow.PersonKey{pupil}}
	all := append(slices.Clone(team), concerned)
	if got := caseflow.Takers(c, marlow, all); len(got) != 1 || got[0].User != thistl.User {
		t.Errorf("takers %v", got)
	}
	for _, to := range []caseflow.UserID{"", "nobody", marlow.User, head.User, concerned.User} {
		if _, err := caseflow.Decide(c, caseflow.Transfer{To: to, Colleagues: all}, marlow, t0); field(err) != "colleague" {
			t.Errorf("to %q: %v", to, err)
		}
	}
	given := do(t, c, caseflow.Transfer{To: thistl.User, Colleagues: all}, marlow, t0.Add(time.Minute))
	if owner, held := given.Held(t0.Add(time.Minute)); !held || owner != thistl.User || given.OwnerName != thistl.Name || !given.ClaimUntil.Equal(t0.Add(time.Minute+caseflow.ClaimFor)) {
		t.Errorf("%+v", given)
	}
	if _, err := caseflow.Decide(given, caseflow.Transfer{To: thistl.User, Colleagues: all}, marlow, t0.Add(time.Minute)); !errors.As(err, new(*caseflow.ClaimedError)) {
		t.Errorf("given again by who no longer holds it: %v", err)
	}
}

func TestWaitingRestsUntilItIsOver(t *testing.T) {
	wait := caseflow.Wait{On: written, Until: t0.Add(2 * time.Hour)}
	c := do(t, fresh(t), wait, marlow, t0)
	at := t0.Add(90 * time.Minute)
	if c.Late(at) || caseflow.GroupOf(&c, at) != caseflow.GroupLater || !c.Waits(at) || c.Waiting.ByName != marlow.Name {
		t.Errorf("while it waits: late %v, group %d, %+v", c.Late(at), caseflow.GroupOf(&c, at), c.Waiting)
	}
	if over := t0.Add(2 * time.Hour); !c.Late(over) || c.Waits(over) {
		t.Error("the wait does not end")
	}
	loud := do(t, do(t, caseflow.Case{}, open(vocab.SelfHarm, vocab.High), system, t0), wait, marlow, t0)
	if !loud.Late(at) || caseflow.GroupOf(&loud, at) != caseflow.GroupNow {
		t.Error("self-harm rests while it waits")
	}
	if n := do(t, c, caseflow.Join{Capture: capture(2, vocab.Low)}, system, at); n.Waits(at) {
		t.Error("a new capture does not end the wait")
	}
	if n := do(t, c, caseflow.EndWait{}, thistl, at); n.Waits(at) {
		t.Error("ending it does not end it")
	}
	for name, tc := range map[string]struct {
		cmd   caseflow.Wait
		field string
	}{
		"on nobody":   {caseflow.Wait{Until: at}, "on"},
		"on a novel":  {caseflow.Wait{On: caseflow.Text{Sealed: sealed, Chars: 201}, Until: at}, "on"},
		"until never": {caseflow.Wait{On: written}, "until"},
		"until past":  {caseflow.Wait{On: written, Until: t0}, "until"},
		"for months":  {caseflow.Wait{On: written, Until: t0.Add(caseflow.MaxWait + 1)}, "until"},
	} {
		if _, err := caseflow.Decide(fresh(t), tc.cmd, marlow, t0); field(err) != tc.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStepsAreTickedByAnybodyAndKeepTheirVersion(t *testing.T) {
	book := caseflow.Book{ID: "bullying", Version: 3}
	c := do(t, fresh(t), caseflow.Claim{Until: t0.Add(time.Hour)}, marlow, t0)
	c = do(t, c, caseflow.Mark{Book: book, Step: "safe-now", Done: true}, thistl, t0)
	if s, ok := c.Ticked("bullying", "safe-now"); !ok || s.ByName != thistl.Name || c.Book != book || c.Owner != marlow.User {
		t.Fatalf("%+v", c)
	}
	if events, err := caseflow.Decide(c, caseflow.Mark{Book: book, Step: "safe-now", Done: true}, marlow, t0); err != nil || len(events) != 0 {
		t.Errorf("ticked twice: %v, %v", names(events), err)
	}
	newer := caseflow.Book{ID: "bullying", Version: 4}
	c = do(t, c, caseflow.Mark{Book: newer, Step: "parents", Done: true}, marlow, t0)
	if c.Book != book || len(c.Steps) != 2 {
		t.Errorf("pinned %+v", c.Book)
	}
	c = do(t, c, caseflow.Mark{Book: book, Step: "safe-now"}, marlow, t0)
	if _, ok := c.Ticked("bullying", "safe-now"); ok {
		t.Error("the tick stays")
	}
	for _, bad := range []caseflow.Mark{{Book: caseflow.Book{ID: "a b", Version: 1}, Step: "x"}, {Book: book, Step: "He said"}, {Book: caseflow.Book{ID: "a"}, Step: "x"}} {
		if _, err := caseflow.Decide(c, bad, marlow, t0); field(err) != "step" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	moved := do(t, c, caseflow.Join{Capture: capture(2, vocab.Low), Subjects: []caseflow.PersonKey{teach}}, system, t0)
	if moved.Book != (caseflow.Book{}) || len(moved.Steps) != 1 {
		t.Errorf("with the head it is worked by %+v, steps %v", moved.Book, moved.Steps)
	}
}

func TestOutcomesAskForTheirDetails(t *testing.T) {
	long := caseflow.Text{Sealed: sealed, Chars: 201}
	for name, tc := range map[string]struct {
		outcome caseflow.Outcome
		change  func(*caseflow.Close)
		field   string
	}{
		"false alarm, no why":       {caseflow.FalseAlarm, func(c *caseflow.Close) { c.Why = "" }, "why"},
		"false alarm, made-up why":  {caseflow.FalseAlarm, func(c *caseflow.Close) { c.Why = "because" }, "why"},
		"false alarm, other":        {caseflow.FalseAlarm, func(c *caseflow.Close) { c.Why = caseflow.WhyOther }, "note"},
		"parents, nobody":           {caseflow.ParentsInformed, func(c *caseflow.Close) { c.Details.Whom = caseflow.Text{} }, "whom"},
		"parents, no time":          {caseflow.ParentsInformed, func(c *caseflow.Close) { c.Details.When = time.Time{} }, "when"},
		"parents, tomorrow":         {caseflow.ParentsInformed, func(c *caseflow.Close) { c.Details.When = t0.Add(24 * time.Hour) }, "when"},
		"parents, years ago":        {caseflow.ParentsInformed, func(c *caseflow.Close) { c.Details.When = t0.AddDate(-2, 0, 0) }, "when"},
		"recorded nowhere":          {caseflow.ConcernRecorded, func(c *caseflow.Close) { c.Details.Agency = caseflow.LADO }, "agency"},
		"recorded, no reference":    {caseflow.ConcernRecorded, func(c *caseflow.Close) { c.Details.Reference = caseflow.Text{} }, "reference"},
		"recorded, long reference":  {caseflow.ConcernRecorded, func(c *caseflow.Close) { c.Details.Reference.Chars = 101 }, "reference"},
		"referred to a record":      {caseflow.Referred, func(c *caseflow.Close) { c.Details.Agency = caseflow.CPOMS }, "agency"},
		"referred, nobody":          {caseflow.Referred, func(c *caseflow.Close) { c.Details.Whom = caseflow.Text{} }, "whom"},
		"referred, long name":       {caseflow.Referred, func(c *caseflow.Close) { c.Details.Whom = long }, "whom"},
		"referred, no time":         {caseflow.Referred, func(c *caseflow.Close) { c.Details.When = time.Time{} }, "when"},
		"referred, no reference":    {caseflow.Referred, func(c *caseflow.Close) { c.Details.Reference = caseflow.Text{} }, ""},
		"no concern needs nothing":  {caseflow.NoConcern, func(c *caseflow.Close) { c.Details = caseflow.Details{} }, ""},
		"recorded needs no time":    {caseflow.ConcernRecorded, func(c *caseflow.Close) { c.Details.When = time.Time{} }, ""},
		"a made-up playbook":        {caseflow.NoConcern, func(c *caseflow.Close) { c.Book.ID = "x y" }, "step"},
		"a clock a little in front": {caseflow.ParentsInformed, func(c *caseflow.Close) { c.Details.When = t0.Add(5 * time.Minute) }, ""},
	} {
		cmd := closing(tc.outcome)
		tc.change(&cmd)
		events, err := caseflow.Decide(fresh(t), cmd, marlow, t0)
		if field(err) != tc.field || (err == nil) != (tc.field == "") {
			t.Errorf("%s: %v", name, err)
		}
		if tc.outcome == caseflow.NoConcern && err == nil && !cmp.Equal(events[1].(caseflow.CaseClosed).Told, caseflow.Told{}) {
			t.Errorf("%s: kept %+v", name, events[1])
		}
	}
}

func TestNothingFlowsOnAClosedCase(t *testing.T) {
	c := do(t, fresh(t), closing(caseflow.NoConcern), marlow, t0)
	for _, cmd := range []caseflow.Command{
		caseflow.Escalate{To: caseflow.Head, Reason: written, Colleagues: team}, caseflow.EndEscalation{Reason: written}, caseflow.EndWait{},
		caseflow.Wait{On: written, Until: t0.Add(time.Hour)}, caseflow.Transfer{To: thistl.User, Colleagues: team}, caseflow.Mark{},
	} {
		if _, err := caseflow.Decide(c, cmd, marlow, t0); field(err) != "state" {
			t.Errorf("%T: %v", cmd, err)
		}
	}
}

func TestClaimWarnsBeforeItLapses(t *testing.T) {
	c := do(t, fresh(t), caseflow.Claim{Until: t0.Add(time.Hour)}, marlow, t0)
	for minutes, want := range map[int]bool{54: false, 55: true, 59: true, 60: false} {
		if got := c.Lapsing(marlow.User, t0.Add(time.Duration(minutes)*time.Minute)); got != want {
			t.Errorf("after %d minutes: %v", minutes, got)
		}
	}
	if c.Lapsing(thistl.User, t0.Add(58*time.Minute)) {
		t.Error("another is warned")
	}
}
