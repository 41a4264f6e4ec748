package caseflow_test

import (
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
		caseflow.SignedIn:        "administrator technician dsl deputy head chair leadership governor dpo external",
		caseflow.ReviewCases:     "dsl deputy head chair external",
		caseflow.WorkCases:       "dsl deputy head chair",
		caseflow.NoteCases:       "dsl deputy head chair external",
		caseflow.SuggestSeverity: "external",
		caseflow.FindPeople:      "dsl deputy head chair",
		caseflow.ReadNames:       "dsl deputy head chair",
		caseflow.ReadFlags:       "dsl deputy",
		caseflow.SetFlags:        "dsl",
		caseflow.BreakGlass:      "dsl deputy",
		caseflow.ReadDevices:     "technician head",
		caseflow.ReadAudit:       "dpo",
		caseflow.ManageDevices:   "technician",
		caseflow.ReadNotices:     "administrator dsl deputy head dpo",
		caseflow.TellOnPaper:     "administrator dsl deputy head",
		caseflow.ReadCompliance:  "technician head leadership governor chair",

		caseflow.ReadPlaybooks: "dsl deputy head chair leadership dpo",
		caseflow.ReadPolicy:    "administrator technician dsl deputy head chair leadership governor dpo",

		caseflow.ReadMonitoringRecord: "technician head leadership governor chair dsl deputy",
		caseflow.KeepMonitoringRecord: "technician head dsl deputy",
		caseflow.ListUsers:            "administrator dsl head",
		caseflow.ConfirmRoles:         "dsl head",
		caseflow.SetScope:             "administrator",
		caseflow.KeepDirectory:        "administrator",
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

func TestExternalReviewer(t *testing.T) {
	ext := caseflow.Actor{User: "u", Roles: []caseflow.Role{caseflow.External}}
	c := caseflow.Case{Version: 1, Queue: caseflow.QueueDSL, Person: caseflow.PersonKey{1}, Audience: vocab.Pupil, State: caseflow.New, Severity: vocab.Low}
	if !caseflow.MaySee(c, ext) || !caseflow.Masked(c, ext) || caseflow.MayAct(c, ext) {
		t.Error("an external reviewer sees a pupil's case, masked, and does not work on it")
	}
	both := ext
	both.Roles = []caseflow.Role{caseflow.External, caseflow.Deputy}
	if caseflow.Masked(c, both) {
		t.Error("a deputy who is an external reviewer too sees names")
	}
	year7 := both
	year7.Scope = caseflow.Scope{Years: []string{"Year 7"}, Of: func(caseflow.PersonKey) caseflow.Place { return caseflow.Place{Year: "Year 8"} }}
	if !caseflow.MaySee(c, year7) || !caseflow.Masked(c, year7) || caseflow.MayAct(c, year7) {
		t.Error("beyond the deputy's years the external reviewer's eyes are left")
	}
	for _, cmd := range []caseflow.Command{caseflow.Claim{Until: t0.Add(1)}, caseflow.Release{}, caseflow.Close{Outcome: caseflow.NoConcern}, caseflow.Reopen{Chars: 1},
		caseflow.See{}, caseflow.Wait{}, caseflow.Escalate{}, caseflow.Transfer{}, caseflow.Mark{}} {
		if _, err := caseflow.Decide(c, cmd, ext, t0); err != caseflow.ErrNotAllowed {
			t.Errorf("%T: %v", cmd, err)
		}
	}
	for _, cmd := range []caseflow.Command{caseflow.Note{Text: []byte("x"), Chars: 1}, caseflow.Suggest{Severity: vocab.High, Why: []byte("x"), Chars: 1}} {
		if events, err := caseflow.Decide(c, cmd, ext, t0); err != nil || len(events) == 0 {
			t.Errorf("%T: %v", cmd, err)
		}
	}
}
