package triage_test

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func (m *machine) order() []caseflow.Ref {
	var refs []caseflow.Ref
	for r := range m.cases {
		refs = append(refs, r)
	}
	slices.Sort(refs)
	return refs
}

// pick draws a case and somebody who tries something on it.
func (m *machine) pick(t *rapid.T) (caseflow.Ref, caseflow.Actor) {
	refs := m.order()
	if len(refs) == 0 {
		t.Skip("no case yet")
	}
	return rapid.SampledFrom(refs).Draw(t, "case"), rapid.SampledFrom(users).Draw(t, "user")
}

// act tries a person's command. Whoever may not see the case must be told that
// there is none, and change nothing.
func (m *machine) act(t *rapid.T, cmd func() caseflow.Command) (caseflow.Ref, caseflow.Actor, error) {
	ref, a := m.pick(t)
	may := m.mayKnow(ref, a)
	_, err := m.decide(t, ref, cmd(), a)
	if hidden := errors.Is(err, caseflow.ErrHidden); hidden == may {
		t.Fatalf("%s on a case they may know of: %v: %v", a.User, may, err)
	}
	return ref, a, err
}

func (m *machine) Claim(t *rapid.T) {
	until := m.now.Add(time.Duration(rapid.IntRange(1, 120).Draw(t, "minutes")) * time.Minute)
	ref, a, err := m.act(t, func() caseflow.Command { return caseflow.Claim{Until: until} })
	m.onlyTheHolder(t, ref, a, err)
	if err == nil {
		m.holder[ref] = hold{a.User, until}
	}
}

func (m *machine) Release(t *rapid.T) {
	ref, a, err := m.act(t, func() caseflow.Command { return caseflow.Release{} })
	m.onlyTheHolder(t, ref, a, err)
	if err == nil {
		delete(m.holder, ref)
	}
}

func (m *machine) Close(t *rapid.T) {
	outcome := rapid.SampledFrom(append(caseflow.Outcomes(), "", caseflow.Withdrawn, "other")).Draw(t, "outcome")
	written := caseflow.Text{Sealed: caseflow.Sealed("x"), Chars: 1}
	agency := caseflow.CPOMS
	if outcome == caseflow.Referred {
		agency = caseflow.Prevent
	}
	ref, a, err := m.act(t, func() caseflow.Command {
		return caseflow.Close{Outcome: outcome, Why: caseflow.WhyJoke, Details: caseflow.Details{Agency: agency, When: m.now, Whom: written, Reference: written}}
	})
	m.onlyTheHolder(t, ref, a, err)
	if err == nil {
		delete(m.holder, ref)
		delete(m.asked, ref)
		if !slices.Contains(caseflow.Outcomes(), outcome) {
			t.Fatalf("closed with outcome %q", outcome)
		}
	}
}

// onlyTheHolder: while somebody holds a case, nobody else claims, releases or closes it.
func (m *machine) onlyTheHolder(t *rapid.T, ref caseflow.Ref, a caseflow.Actor, err error) {
	if h, ok := m.holder[ref]; ok && m.now.Before(h.until) && h.by != a.User && err == nil {
		t.Fatalf("%s took %s from %s", a.User, ref, h.by)
	}
}

func (m *machine) Note(t *rapid.T) {
	m.act(t, func() caseflow.Command { return caseflow.Note{Text: caseflow.Sealed("x"), Chars: 1} })
}

// Suggest: only somebody from outside suggests, and it changes nothing but the history.
func (m *machine) Suggest(t *rapid.T) {
	severity := vocab.Severity(rapid.IntRange(1, 4).Draw(t, "suggested"))
	before := map[caseflow.Ref]caseflow.Case{}
	for ref, c := range m.cases {
		before[ref] = c
	}
	ref, a, err := m.act(t, func() caseflow.Command {
		return caseflow.Suggest{Severity: severity, Why: caseflow.Sealed("x"), Chars: 1}
	})
	if err != nil {
		return
	}
	if !a.Has(caseflow.External) {
		t.Fatalf("%s suggested a severity", a.User)
	}
	was, is := before[ref], m.cases[ref]
	was.Consulted, is.Consulted = nil, nil // only that they answered, and what they said
	if is.Version = was.Version; !cmp.Equal(was, is) {
		t.Fatalf("a suggestion changed %s", ref)
	}
}

// Consult: who works on a pupil's case may ask somebody from outside, until it is closed or taken back.
func (m *machine) Consult(t *rapid.T) {
	outside := user("external", caseflow.PersonKey{53}, caseflow.External)
	ref, _, err := m.act(t, func() caseflow.Command {
		return caseflow.Consult{To: outside.User, Question: caseflow.Text{Sealed: caseflow.Sealed("x"), Chars: 1}, Colleagues: []caseflow.Actor{outside}}
	})
	if err == nil {
		m.asked[ref] = true
	}
}

func (m *machine) EndConsult(t *rapid.T) {
	ref, _, err := m.act(t, func() caseflow.Command { return caseflow.EndConsult{User: "external"} })
	if err == nil {
		delete(m.asked, ref)
	}
}

func (m *machine) See(t *rapid.T) { m.act(t, func() caseflow.Command { return caseflow.See{} }) }

func (m *machine) Reopen(t *rapid.T) {
	m.act(t, func() caseflow.Command { return caseflow.Reopen{Reason: caseflow.Sealed("x"), Chars: 1} })
}

func (m *machine) Wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 45).Draw(t, "minutes")) * time.Minute)
}

// mayKnow is the contract's answer, worked out from what was sent alone.
func (m *machine) mayKnow(ref caseflow.Ref, a caseflow.Actor) bool {
	aboutStaff, aboutHead := m.wasStaff[ref], false
	for _, r := range m.cases[ref].Captures {
		s := m.sent[eventKey{r.Device, r.Event}]
		people := []caseflow.PersonKey{s.typist}
		if d, ok := m.directory[s.typist]; ok {
			people = append(people, d.entry)
		}
		for k := range s.subjects {
			people = append(people, k)
			aboutStaff = true
		}
		aboutStaff = aboutStaff || s.staff
		for _, k := range people {
			aboutStaff = aboutStaff || k == dslKey || k == deputyKey
			aboutHead = aboutHead || k == headKey || k == coHeadKey || k == entryOf(headKey) || k == entryOf(coHeadKey)
			if a.Is(k) {
				return false
			}
		}
	}
	// An unmatched account on a staff device is the head's too; the group is
	// in the case's queue only, which may be stricter than the text alone asks.
	strict := m.cases[ref].Queue
	switch {
	case aboutHead && strict != caseflow.QueueChair:
		return false
	case aboutStaff && strict == caseflow.QueueDSL:
		return false
	case strict == caseflow.QueueDSL && a.Has(caseflow.External):
		c := m.cases[ref]
		return m.asked[ref] && c.State != caseflow.Closed && c.Audience == vocab.Pupil && !c.Person.IsZero()
	case strict == caseflow.QueueDSL:
		return a.Has(caseflow.DSL) || a.Has(caseflow.Deputy) || m.up[ref] == caseflow.Head && a.Has(caseflow.Head)
	case strict == caseflow.QueueHead:
		return a.Has(caseflow.Head)
	}
	return a.Has(caseflow.Chair)
}
