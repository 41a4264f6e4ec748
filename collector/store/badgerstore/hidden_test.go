package badgerstore

import (
	"errors"
	"expvar"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/storetest"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// work is what Badger was asked for.
type work struct{ rows, iterators int64 }

func done(t *testing.T) (w work) {
	t.Helper()
	for name, n := range map[string]*int64{"badger_get_num_user": &w.rows, "badger_iterator_num_user": &w.iterators} {
		v, ok := expvar.Get(name).(*expvar.Int)
		if !ok {
			t.Fatalf("Badger does not count %s", name)
		}
		*n = v.Value()
	}
	return w
}

// A case that is hidden, open or closed, short or long, and one that is not
// there: the same answer, for the same reads.
func TestHiddenAndMissingCostTheSame(t *testing.T) {
	s, err := Open(t.TempDir(), Options{Reserve: 1 << 20, MemTable: 8 << 20, metrics: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	tn := storetest.NewSchool(t, s)
	ctx := t.Context()
	head := caseflow.Actor{User: "u-head", Name: "Head", Roles: []caseflow.Role{caseflow.Head}}
	dsl := caseflow.Actor{User: "u-dsl", Name: "Dee", Roles: []caseflow.Role{caseflow.DSL}}
	outside := caseflow.Actor{User: "u-ext", Name: "Ex", Roles: []caseflow.Role{caseflow.External}}
	staff := func(n int) caseflow.Ref {
		a := storetest.Arrive(n, 100+n, time.Duration(n)*time.Second)
		a.Audience = vocab.Staff
		receipts, err := tn.Ingest(ctx, []triage.Arrival{a})
		if err != nil {
			t.Fatal(err)
		}
		return receipts[0].Case
	}
	open, closed := staff(1), staff(2)
	for range 30 { // a long history must not show
		if _, err := tn.Act(ctx, store.Act{Ref: closed, Actor: head, At: storetest.Start, Command: caseflow.Note{Text: caseflow.Sealed("x"), Chars: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tn.Act(ctx, store.Act{Ref: closed, Actor: head, At: storetest.Start, Command: caseflow.Close{Outcome: caseflow.NoConcern}}); err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func(caseflow.Actor, caseflow.Ref) error{
		"case":  func(a caseflow.Actor, ref caseflow.Ref) error { _, err := tn.Case(ctx, a, ref); return err },
		"draft": func(a caseflow.Actor, ref caseflow.Ref) error { _, err := tn.Draft(ctx, ref, a); return err },
		"put draft": func(a caseflow.Actor, ref caseflow.Ref) error {
			return tn.PutDraft(ctx, ref, a, store.Draft{Content: caseflow.Sealed("x"), At: storetest.Start})
		},
		"claim": func(a caseflow.Actor, ref caseflow.Ref) error {
			_, err := tn.Act(ctx, store.Act{Ref: ref, Key: "k", Expect: 7, Actor: a, At: storetest.Start, Command: caseflow.Claim{Until: storetest.Start.Add(time.Hour)}})
			return err
		},
		"who read": func(a caseflow.Actor, ref caseflow.Ref) error { _, err := tn.Reads(ctx, a, ref, 10); return err },
	} {
		for _, viewer := range []caseflow.Actor{dsl, outside} {
			cost := map[string]work{}
			for what, ref := range map[string]caseflow.Ref{"open": open, "closed": closed, "missing": "7ZZZ7ZZZ"} {
				before := done(t)
				if err := ask(viewer, ref); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%s, %s, %s: %v", name, viewer.User, what, err)
				}
				after := done(t)
				cost[what] = work{after.rows - before.rows, after.iterators - before.iterators}
			}
			// One row and no history, whatever there is: an iterator's work would grow with it.
			one := work{rows: 1}
			if cost["open"] != one || cost["closed"] != one || cost["missing"] != one {
				t.Errorf("%s, %s: work %v", name, viewer.User, cost)
			}
		}
	}
}
