package triage_test

import (
	"errors"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

var written = caseflow.Text{Sealed: caseflow.Sealed("x"), Chars: 1}

// Escalate: a case is handed up only to somebody who is there and whom it does
// not concern, and by one who does not hold it any more afterwards.
func (m *machine) Escalate(t *rapid.T) {
	to := rapid.SampledFrom([]caseflow.Role{caseflow.Head, caseflow.DSL, caseflow.Chair, ""}).Draw(t, "to")
	ref, a, err := m.act(t, func() caseflow.Command { return caseflow.Escalate{To: to, Reason: written}.Among(users) })
	m.onlyTheHolder(t, ref, a, err)
	if err != nil {
		return
	}
	if to != caseflow.Head && to != caseflow.DSL {
		t.Fatalf("%s was escalated to %q", ref, to)
	}
	m.up[ref] = to
	delete(m.holder, ref)
	someone := slices.ContainsFunc(users, func(o caseflow.Actor) bool {
		return o.User != a.User && o.Has(to) && m.mayKnow(ref, o)
	})
	if !someone {
		t.Fatalf("%s was escalated to %s, and nobody of them may see it", ref, to)
	}
}

func (m *machine) EndEscalation(t *rapid.T) {
	ref, a, err := m.act(t, func() caseflow.Command { return caseflow.EndEscalation{Reason: written} })
	m.onlyTheHolder(t, ref, a, err)
	if err != nil {
		return
	}
	if m.up[ref] == "" {
		t.Fatalf("%s was not escalated, and that was ended", ref)
	}
	delete(m.up, ref)
	delete(m.holder, ref)
}

// Transfer: to somebody who may see it, and then nobody else holds it.
func (m *machine) Transfer(t *rapid.T) {
	to := rapid.SampledFrom(users).Draw(t, "to")
	ref, a, err := m.act(t, func() caseflow.Command { return caseflow.Transfer{To: to.User}.Among(users) })
	m.onlyTheHolder(t, ref, a, err)
	if err != nil {
		return
	}
	if !m.mayKnow(ref, to) || to.User == a.User {
		t.Fatalf("%s gave %s to %s", a.User, ref, to.User)
	}
	m.holder[ref] = hold{to.User, m.now.Add(caseflow.ClaimFor)}
}

func (m *machine) WaitOn(t *rapid.T) {
	until := m.now.Add(time.Duration(rapid.IntRange(-1, 60).Draw(t, "hours")) * time.Hour)
	ref, a, err := m.act(t, func() caseflow.Command {
		if rapid.Bool().Draw(t, "over") {
			return caseflow.EndWait{}
		}
		return caseflow.Wait{On: written, Until: until}
	})
	m.onlyTheHolder(t, ref, a, err)
}

// Mark is for everybody who may act, whoever holds the case.
func (m *machine) Mark(t *rapid.T) {
	step := rapid.SampledFrom([]string{"one", "two"}).Draw(t, "step")
	cmd := caseflow.Mark{Book: caseflow.Book{ID: "general", Version: rapid.IntRange(1, 3).Draw(t, "version")}, Step: step, Done: rapid.Bool().Draw(t, "done")}
	ref, a, err := m.act(t, func() caseflow.Command { return cmd })
	if err != nil {
		if !errors.Is(err, caseflow.ErrHidden) && m.cases[ref].State != caseflow.Closed {
			t.Fatalf("%s may not tick on %s: %v", a.User, ref, err)
		}
		return
	}
	if _, done := m.cases[ref].Ticked("general", step); done != cmd.Done {
		t.Fatalf("%s: step %s is ticked: %v", ref, step, done)
	}
}
