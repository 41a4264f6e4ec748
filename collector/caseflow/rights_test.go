package caseflow_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// The contract's role table, written down a second time: who may do what
// changes only where both are changed.
func TestWhoHoldsWhichRight(t *testing.T) {
	want := map[caseflow.Right]string{
		caseflow.SignedIn:       "administrator technician dsl deputy head chair leadership governor dpo external",
		caseflow.ReviewCases:    "dsl deputy head chair external",
		caseflow.WorkCases:      "dsl deputy head chair",
		caseflow.NoteCases:      "dsl deputy head chair external",
		caseflow.AdviseCases:    "external",
		caseflow.FindPeople:     "dsl deputy head chair",
		caseflow.ReadFlags:      "dsl deputy",
		caseflow.SetFlags:       "dsl",
		caseflow.BreakGlass:     "dsl deputy",
		caseflow.ReadDevices:    "technician head",
		caseflow.ReadAudit:      "dpo",
		caseflow.ManageDevices:  "technician",
		caseflow.ReadNotices:    "administrator dsl deputy head dpo",
		caseflow.TellOnPaper:    "administrator dsl deputy head",
		caseflow.ReadCompliance: "technician head leadership governor chair",

		caseflow.ReadPlaybooks: "dsl deputy head chair leadership dpo",
		caseflow.ReadPolicy:    "administrator technician dsl deputy head chair leadership governor dpo",

		caseflow.ReadMonitoringRecord: "technician head leadership governor chair dsl deputy",
		caseflow.PermitMedia:          "technician head",
		caseflow.KeepMonitoringRecord: "technician head dsl deputy",
		caseflow.ListUsers:            "administrator dsl head",
		caseflow.ConfirmRoles:         "dsl head",
		caseflow.SetScope:             "administrator",
		caseflow.KeepDirectory:        "administrator",
		caseflow.LearnUnreviewed:      "dpo administrator",
		caseflow.ProposeChanges:       "dsl deputy head", caseflow.ReadChanges: "dsl deputy head leadership dpo",
		caseflow.ApproveChanges: "head", caseflow.ApproveDelegated: "leadership", caseflow.DelegateApproval: "head",
	}
	for _, r := range caseflow.Rights() {
		for _, role := range caseflow.Roles() {
			a := caseflow.Actor{User: "u", Roles: []caseflow.Role{role}}
			holds := slices.Contains(strings.Fields(want[r]), string(role))
			if caseflow.Allows(a, r) != holds {
				t.Errorf("%s: %s %v", r, role, !holds)
			}
		}
		if caseflow.Allows(caseflow.Actor{System: true, Roles: caseflow.Roles(), User: "u"}, r) || caseflow.Allows(caseflow.Actor{Roles: caseflow.Roles()}, r) {
			t.Errorf("%s: held by nobody in particular", r)
		}
	}
	if len(caseflow.Rights()) != len(want) {
		t.Errorf("%d rights, %d written down here", len(caseflow.Rights()), len(want))
	}
}

func TestScopeAndGlass(t *testing.T) {
	year8 := caseflow.PersonKey{1}
	nowhere := caseflow.PersonKey{2}
	of := func(k caseflow.PersonKey) caseflow.Place {
		if k == year8 {
			return caseflow.Place{Year: "Year 8", Sites: []string{"North"}}
		}
		return caseflow.Place{}
	}
	me := caseflow.PersonKey{9}
	c := caseflow.Case{Version: 1, Queue: caseflow.QueueDSL, Person: year8, Audience: vocab.Pupil}
	dsl := func(s caseflow.Scope) caseflow.Actor {
		return caseflow.Actor{User: "u", Roles: []caseflow.Role{caseflow.DSL}, Persons: []caseflow.PersonKey{me}, Scope: s}
	}
	staff, own, unmatched, lost := c, c, c, c
	staff.Queue, own.Subjects, unmatched.Person, lost.Person = caseflow.QueueHead, []caseflow.PersonKey{me}, caseflow.PersonKey{}, nowhere
	for _, x := range []struct {
		name string
		c    caseflow.Case
		s    caseflow.Scope
		sees bool
		past bool
	}{
		{"the whole school", c, caseflow.Scope{}, true, false},
		{"own year", c, caseflow.Scope{Years: []string{"Year 7", "Year 8"}, Of: of}, true, false},
		{"own year and site", c, caseflow.Scope{Years: []string{"Year 8"}, Sites: []string{"North"}, Of: of}, true, false},
		{"own year, another site", c, caseflow.Scope{Years: []string{"Year 8"}, Sites: []string{"South"}, Of: of}, false, false},
		{"another year", c, caseflow.Scope{Years: []string{"Year 7"}, Of: of}, false, false},
		{"without the directory", c, caseflow.Scope{Years: []string{"Year 8"}}, false, false},
		{"an unmatched account", unmatched, caseflow.Scope{Years: []string{"Year 7"}, Of: of}, true, false},
		{"a year that is not known", lost, caseflow.Scope{Years: []string{"Year 7"}, Of: of}, true, false},
		{"broken glass", c, caseflow.Scope{Years: []string{"Year 7"}, Of: of, Broken: true}, true, true},
		{"broken glass in the own year", c, caseflow.Scope{Years: []string{"Year 8"}, Of: of, Broken: true}, true, false},
		{"broken glass and a staff case", staff, caseflow.Scope{Years: []string{"Year 7"}, Of: of, Broken: true}, false, false},
		{"broken glass and one's own case", own, caseflow.Scope{Years: []string{"Year 7"}, Of: of, Broken: true}, false, false},
	} {
		a := dsl(x.s)
		if caseflow.MaySee(x.c, a) != x.sees || caseflow.MayAct(x.c, a) != x.sees {
			t.Errorf("%s: sees %v", x.name, !x.sees)
		}
		if caseflow.BeyondScope(x.c, a) != x.past {
			t.Errorf("%s: beyond its scope %v", x.name, !x.past)
		}
	}
}

// Somebody from outside sees a case while they are asked about it, and works on none.
func TestExternalReviewer(t *testing.T) {
	ext := caseflow.Actor{User: "u-ext", Name: "Ex", Roles: []caseflow.Role{caseflow.External}, Persons: []caseflow.PersonKey{{7}}}
	dsl := caseflow.Actor{User: "u-dsl", Roles: []caseflow.Role{caseflow.DSL}}
	c := caseflow.Case{Version: 1, Queue: caseflow.QueueDSL, Person: caseflow.PersonKey{1}, Audience: vocab.Pupil, State: caseflow.New, Severity: vocab.Low}
	if caseflow.MaySee(c, ext) {
		t.Error("an external reviewer sees what nobody asked about")
	}
	ask := func(c caseflow.Case, all ...caseflow.Actor) (caseflow.Case, error) {
		events, err := caseflow.Decide(c, caseflow.Consult{To: ext.User, Question: caseflow.Text{Sealed: []byte("x"), Chars: 1}, Colleagues: all}, dsl, t0)
		return caseflow.Fold(c, events...), err
	}
	asked, err := ask(c, ext)
	if err != nil || !caseflow.MaySee(asked, ext) || caseflow.MayAct(asked, ext) || !caseflow.MaySuggest(asked, ext) {
		t.Fatalf("asked: %v", err)
	}
	refuse := func(what string, c caseflow.Case, all ...caseflow.Actor) {
		t.Helper()
		var invalid *caseflow.InvalidError
		if _, err := ask(c, all...); !errors.As(err, &invalid) || invalid.Field != "reviewer" {
			t.Errorf("%s: %v", what, err)
		}
	}
	unmatched, about, plain := c, c, ext
	unmatched.Person, about.Typist, plain.Roles = caseflow.PersonKey{}, caseflow.PersonKey{7}, nil
	refuse("an account that nobody has matched", unmatched, ext)
	refuse("the one whom it is about", about, ext)
	refuse("somebody without the role", c, plain)
	refuse("a stranger", c)
	refuse("twice", asked, ext)
	both := ext
	both.Roles = []caseflow.Role{caseflow.External, caseflow.Deputy}
	both.Scope = caseflow.Scope{Years: []string{"Year 7"}, Of: func(caseflow.PersonKey) caseflow.Place { return caseflow.Place{Year: "Year 8"} }}
	if !caseflow.MaySee(asked, both) || caseflow.MaySee(asked, caseflow.Working(both)) || caseflow.MayAct(asked, both) {
		t.Error("beyond the deputy's years the external reviewer's eyes are left")
	}
	for _, cmd := range []caseflow.Command{caseflow.Claim{Until: t0.Add(1)}, caseflow.Release{}, caseflow.Close{Outcome: caseflow.NoConcern}, caseflow.Reopen{Chars: 1},
		caseflow.See{}, caseflow.Wait{}, caseflow.Escalate{}, caseflow.Transfer{}, caseflow.Mark{}, caseflow.OpenName{}, caseflow.Consult{}, caseflow.EndConsult{User: ext.User}} {
		if _, err := caseflow.Decide(asked, cmd, ext, t0); err != caseflow.ErrNotAllowed {
			t.Errorf("%T: %v", cmd, err)
		}
	}
	suggest := caseflow.Suggest{Outcome: caseflow.NoConcern, Severity: vocab.Low, Why: []byte("x"), Chars: 1}
	events, err := caseflow.Decide(asked, suggest, ext, t0.Add(1))
	if err != nil {
		t.Fatal(err)
	}
	after := caseflow.Fold(asked, events...)
	o, _ := after.Asked(ext.User)
	if o.Outcome != caseflow.NoConcern || o.Severity != 0 || !o.Answered.Equal(t0.Add(1)) || after.Severity != asked.Severity || after.State != asked.State {
		t.Errorf("suggested: %+v", o)
	}
	if _, err := caseflow.Decide(asked, suggest, dsl, t0); err != caseflow.ErrNotAllowed {
		t.Errorf("a DSL suggests: %v", err)
	}
	for field, cmd := range map[string]caseflow.Suggest{
		"outcome": {Severity: vocab.Low, Why: []byte("x"), Chars: 1}, "severity": {Severity: 9, Why: []byte("x"), Chars: 1}, "reason": {Outcome: caseflow.NoConcern},
	} {
		var invalid *caseflow.InvalidError
		if _, err := caseflow.Decide(asked, cmd, ext, t0); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	stamp := caseflow.Stamp{At: t0, User: dsl.User}
	for what, e := range map[string]caseflow.Event{
		"closed": caseflow.CaseClosed{Stamp: stamp, Outcome: caseflow.NoConcern}, "moved": caseflow.Rerouted{Stamp: stamp, Queue: caseflow.QueueHead},
		"taken back": caseflow.ConsultEnded{Stamp: stamp, To: ext.User}, "named": caseflow.Rematched{Stamp: stamp, Subjects: ext.Persons},
	} {
		if caseflow.MaySee(caseflow.Fold(asked, e), ext) {
			t.Errorf("%s: still seen", what)
		}
	}
	if closed := caseflow.Fold(asked, caseflow.CaseClosed{Stamp: stamp}, caseflow.Reopened{Stamp: stamp}); caseflow.MaySee(closed, ext) {
		t.Error("reopening asks nobody again")
	}
}
