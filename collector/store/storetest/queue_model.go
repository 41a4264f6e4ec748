package storetest

import (
	"slices"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// filter draws up to two filters of the queue.
func filter(r *rapid.T, q *store.QueueQuery, now time.Time) {
	for range rapid.IntRange(0, 2).Draw(r, "filters") {
		switch rapid.IntRange(0, 11).Draw(r, "filter") {
		case 0:
			q.Owner = "u-dsl"
		case 1:
			q.Category = vocab.Bullying
		case 2:
			q.Person = Person(1)
		case 3:
			q.Severity = vocab.High
		case 4:
			q.Unclaimed = true
		case 5:
			q.Waiting = true
		case 6:
			q.Year = rapid.SampledFrom(modelYears).Draw(r, "year")
		case 7:
			q.Exempt = rapid.SampledFrom([]store.Exempt{store.ExemptOnly, store.ExemptNot}).Draw(r, "exempt")
		case 8:
			q.Device = "device-1"
		case 9:
			q.From = now.Add(-rapid.SampledFrom(steps).Draw(r, "from"))
		case 10:
			q.Until = now.Add(-rapid.SampledFrom(steps).Draw(r, "until"))
			q.ClosedFrom = now.Add(-rapid.SampledFrom(steps).Draw(r, "closed from"))
		case 11:
			q.People = rapid.SampledFrom([][]caseflow.PersonKey{{}, {Person(1), Person(101)}, {entryKey(1)}, {{}}}).Draw(r, "people")
		}
	}
}

// modelYears are the years of a model's directory; the empty one is not known.
var modelYears = []string{"", "Year 7", "Year 8"}

// wanted is QueueQuery's meaning once more, in the plainest words.
func (m *model) wanted(q store.QueueQuery, c caseflow.Case) bool {
	open := c.State != caseflow.Closed
	if len(q.States) == 0 && !open || len(q.States) > 0 && !slices.Contains(q.States, c.State) {
		return false
	}
	owner, held := c.Held(q.Now)
	_ = owner
	inPeople := func() bool {
		for _, k := range q.People {
			if !k.IsZero() && (k == c.Typist || k == c.Person) {
				return true
			}
		}
		return false
	}
	checks := []struct{ asked, holds bool }{
		{q.Owner != "", c.Owner == q.Owner},
		{q.Category != "", c.Category == q.Category},
		{!q.Person.IsZero(), c.Typist == q.Person},
		{q.Severity != 0, c.Severity == q.Severity},
		{q.Unclaimed, open && !held},
		{q.Waiting, open && q.Now.Before(c.Waiting.Until)},
		{q.Year != "", m.place(c.Person).Year == q.Year},
		{q.Exempt == store.ExemptOnly, c.Exempt},
		{q.Exempt == store.ExemptNot, !c.Exempt},
		{q.Device != "", c.Device == q.Device},
		{!q.From.IsZero(), !c.LastAt.Before(q.From)},
		{!q.Until.IsZero(), c.LastAt.Before(q.Until)},
		{!q.ClosedFrom.IsZero(), !c.ClosedAt.Before(q.ClosedFrom)},
		{q.People != nil, inPeople()},
		{q.People != nil || !q.Person.IsZero() || q.Year != "" || q.Device != "", !c.NameHidden()},
	}
	for _, x := range checks {
		if x.asked && !x.holds {
			return false
		}
	}
	return true
}

// place is where the model's directory has somebody.
func (m *model) place(k caseflow.PersonKey) caseflow.Place {
	for _, e := range m.entries {
		if e.Key == k && !k.IsZero() {
			return caseflow.Place{Year: e.Year, Sites: e.Sites}
		}
	}
	return caseflow.Place{}
}

// change replaces a user; what permission looks at moves that user's position.
func (m *model) change(u store.User) {
	old := m.users[u.ID]
	m.users[u.ID] = u
	strip := func(u store.User) store.User {
		u.Version, u.Created, u.Name = 0, time.Time{}, ""
		return u
	}
	if old.Version == 0 || !gocmp.Equal(strip(old), strip(u), cmpopts.EquateEmpty()) {
		if m.rights == nil {
			m.rights = map[caseflow.UserID]bool{}
		}
		m.rights[u.ID] = true
	}
}

// scoped are viewers who see some years only, as a directory has them; one has
// broken the glass, one is from outside.
func scoped(of func(caseflow.PersonKey) caseflow.Place) []caseflow.Actor {
	return []caseflow.Actor{
		{User: "u-year7", Name: "Yu Seven", Roles: []caseflow.Role{caseflow.Deputy}, Scope: caseflow.Scope{Years: []string{"Year 7"}, Of: of}},
		{User: "u-glass", Name: "Gil Ass", Roles: []caseflow.Role{caseflow.DSL}, Persons: []caseflow.PersonKey{Person(2)},
			Scope: caseflow.Scope{Years: []string{"Year 7"}, Of: of, Broken: true}},
		{User: "u-external", Name: "Ex Ternal", Roles: []caseflow.Role{caseflow.External}},
	}
}

// everybody are all viewers, each as the model and as the store knows them.
func (x *machine) everybody() (model, stored []caseflow.Actor) {
	return append(slices.Clone(viewers), scoped(x.m.place)...), append(slices.Clone(viewers), scoped(x.tn.Place)...)
}
