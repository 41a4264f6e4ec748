package caseflow_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Whoever holds the posts and whomever a case concerns: somebody may work on
// it, or somebody whom it does not concern is told that it waits, if there is
// an officer or administrator at all; and nobody whom it concerns is told.
func TestNoCaseIsLostSilently(t *testing.T) {
	people := []caseflow.PersonKey{{1}, {2}, {3}, {4}}
	rapid.Check(t, func(t *rapid.T) {
		var all []caseflow.Actor
		for i := range rapid.IntRange(0, 5).Draw(t, "people") {
			all = append(all, caseflow.Actor{User: caseflow.UserID(rune('a' + i)),
				Roles:   rapid.SliceOfNDistinct(rapid.SampledFrom(caseflow.Roles()), 1, 2, rapid.ID).Draw(t, "roles"),
				Persons: rapid.SliceOfN(rapid.SampledFrom(people), 0, 1).Draw(t, "persons")})
		}
		c := caseflow.Case{Version: 1, State: rapid.SampledFrom([]caseflow.State{caseflow.New, caseflow.Claimed, caseflow.Closed}).Draw(t, "state"),
			Queue: rapid.SampledFrom(caseflow.Queues()).Draw(t, "queue"), Audience: vocab.Pupil,
			Typist: rapid.SampledFrom(people).Draw(t, "typist"), Subjects: rapid.SliceOfN(rapid.SampledFrom(people), 0, 2).Draw(t, "subjects")}
		works := slices.ContainsFunc(all, func(a caseflow.Actor) bool { return caseflow.MayAct(c, a) })
		told, mayBeTold := false, false
		for _, a := range all {
			is := caseflow.ToldUnreviewed(c, a, all)
			if is && (caseflow.Concerns(c, a) || works || c.State == caseflow.Closed || !a.Has(caseflow.DPO) && !a.Has(caseflow.Administrator)) {
				t.Fatalf("%v is told", a)
			}
			told = told || is
			mayBeTold = mayBeTold || !caseflow.Concerns(c, a) && (a.Has(caseflow.DPO) || a.Has(caseflow.Administrator))
		}
		if c.State != caseflow.Closed && !works && mayBeTold && !told {
			t.Fatal("the case waits and nobody is told")
		}
	})
}

func TestWhoIsToldOfACaseThatNobodyMayOpen(t *testing.T) {
	head, chair := caseflow.PersonKey{1}, caseflow.PersonKey{2}
	c := caseflow.Case{Version: 1, State: caseflow.New, Queue: caseflow.QueueChair, Audience: vocab.Pupil, Subjects: []caseflow.PersonKey{head, chair}}
	user := func(id caseflow.UserID, r caseflow.Role, p ...caseflow.PersonKey) caseflow.Actor {
		return caseflow.Actor{User: id, Roles: []caseflow.Role{r}, Persons: p}
	}
	staff := []caseflow.Actor{user("h", caseflow.Head, head), user("c", caseflow.Chair, chair), user("d", caseflow.DSL), user("a", caseflow.Administrator)}
	told := func(all ...caseflow.Actor) (ids string) {
		for _, a := range all {
			if caseflow.ToldUnreviewed(c, a, all) {
				ids += string(a.User)
			}
		}
		return ids
	}
	dpo, dpoNamed := user("o", caseflow.DPO), user("n", caseflow.DPO, chair)
	vice := user("v", caseflow.Chair)
	for _, tc := range []struct {
		all  []caseflow.Actor
		want string
	}{
		{staff, "a"},
		{append(slices.Clone(staff), dpo), "o"},
		{append(slices.Clone(staff), dpoNamed), "a"},
		{append(slices.Clone(staff), dpo, vice), ""},
	} {
		if got := told(tc.all...); got != tc.want {
			t.Errorf("told %q, want %q", got, tc.want)
		}
	}
	if got := caseflow.Unfilled(staff); !slices.Equal(got, []caseflow.Role{caseflow.DPO}) {
		t.Errorf("unfilled: %v", got)
	}
	if got := caseflow.Unfilled(nil); len(got) != 4 {
		t.Errorf("unfilled: %v", got)
	}
}
