package casework_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// spy notes what casework asks of a store. Whatever is not here panics.
type spy struct {
	store.Tenant
	f     *fake
	calls []string
}

func (s *spy) note(call string) { s.calls = append(s.calls, call) }

func (s *spy) Info() store.School { return s.f.Info() }

func (s *spy) Case(ctx context.Context, a caseflow.Actor, ref caseflow.Ref) (store.CaseFile, error) {
	s.note("case")
	return s.f.Case(ctx, a, ref)
}

func (s *spy) Act(ctx context.Context, a store.Act) (caseflow.Case, error) {
	s.note("act")
	return s.f.Act(ctx, a)
}

func (s *spy) Append(ctx context.Context, e audit.Entry) error {
	s.note("append " + string(e.Action))
	return s.f.Append(ctx, e)
}

// Whatever is asked of a case that is hidden from who asks takes the same steps
// and ends in the same words as for one that does not exist.
func TestHiddenTakesTheStepsOfMissing(t *testing.T) {
	w := newWorld(t)
	staff := w.add(content{account: "j.porter", excerpt: "zebra", severity: vocab.High, audience: vocab.Staff})
	me := w.vault.PersonKey(1, "amy.oakfield")
	own := w.add(amy)
	viewers := map[string]caseflow.Actor{
		"a DSL": dsl, "one who is the typist": {User: "u-me", Roles: []caseflow.Role{caseflow.DSL}, Persons: []caseflow.PersonKey{me}},
		"a head": head, "somebody from outside": {User: "u-ext", Roles: []caseflow.Role{caseflow.External}}, "a technician": {User: "u-tech", Roles: []caseflow.Role{caseflow.Technician}},
	}
	hiddenFrom := map[string]caseflow.Ref{"a DSL": staff, "one who is the typist": own, "a head": own, "somebody from outside": own, "a technician": own}
	ctx := t.Context()
	asks := map[string]func(t store.Tenant, a caseflow.Actor, f casework.Form) error{
		"open": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Open(ctx, t, a, f.Ref)
			return err
		},
		"export": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Export(ctx, t, a, f.Ref, "x")
			return err
		},
		"review": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Review(ctx, t, a, f.Ref)
			return err
		},
		"draft": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.KeepDraft(ctx, t, a, f.Ref, map[string]string{"note": "x"})
			return err
		},
		"claim": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Claim(ctx, t, a, f)
			return err
		},
		"release": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Release(ctx, t, a, f)
			return err
		},
		"note": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Note(ctx, t, a, f, "x")
			return err
		},
		"close": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Close(ctx, t, a, casework.CloseForm{Form: f, Outcome: caseflow.NoConcern})
			return err
		},
		"reopen": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Reopen(ctx, t, a, f, "x")
			return err
		},
		"name": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.OpenName(ctx, t, a, f, "x")
			return err
		},
		"up": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Escalate(ctx, t, a, f, caseflow.Head, "x")
			return err
		},
		"wait": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Wait(ctx, t, a, f, "x", w.now)
			return err
		},
		"mark": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Mark(ctx, t, a, f, "x", true)
			return err
		},
		"ask": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.Consult(ctx, t, a, f, "u-ext", "x")
			return err
		},
		"unask": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			_, err := w.EndConsult(ctx, t, a, f, "u-ext")
			return err
		},
		"suggest": func(t store.Tenant, a caseflow.Actor, f casework.Form) error {
			return w.Suggest(ctx, t, a, casework.SuggestForm{Form: f, Outcome: caseflow.NoConcern, Why: "x"})
		},
		"advise": func(t store.Tenant, a caseflow.Actor, f casework.Form) error { return w.ReviewNote(ctx, t, a, f, "x") },
	}
	for who, viewer := range viewers {
		for what, ask := range asks {
			hidden, missing := &spy{f: w.f}, &spy{f: w.f}
			a := ask(hidden, viewer, form(hiddenFrom[who]))
			b := ask(missing, viewer, form("7ZZZ7ZZZ"))
			if !errors.Is(a, store.ErrNotFound) || a.Error() != b.Error() || !slices.Equal(hidden.calls, missing.calls) {
				t.Errorf("%s, %s: hidden %v by %v, missing %v by %v", who, what, a, hidden.calls, b, missing.calls)
			}
		}
	}
}
