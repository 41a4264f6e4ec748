package badgerstore

import (
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/exemption"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/storetest"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// A stop between an approval and its tags is made up for at the next start.
func TestExemptionIsSettledAfterAStop(t *testing.T) {
	place := t.TempDir()
	s := open(t, place)
	tn := storetest.NewSchool(t, s)
	a := storetest.Arrive(1, 1, time.Minute)
	a.Capture.Categories = []vocab.Category{vocab.Violence}
	if _, err := tn.Ingest(t.Context(), append(a1(a), storetest.Arrive(2, 2, time.Minute))); err != nil {
		t.Fatal(err)
	}
	e := exemption.Exemption{ID: "e-1", Version: 2, State: exemption.Approved, Steps: []exemption.Step{{At: storetest.Start, Did: exemption.Approved}},
		Terms: exemption.Terms{Kind: exemption.Exam, Title: "Mock exams", Zone: "Europe/London", From: storetest.Start, Until: storetest.Start.Add(time.Hour), Categories: vocab.RuleCategories()}}
	bt := tn.(*tenant)
	err := bt.s.do(t.Context(), func(x *tx) error { x.saveExemption(bt.school, e); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, place)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if tn, err = s.School(t.Context(), tn.Info().ID); err != nil {
		t.Fatal(err)
	}
	page, err := tn.Queue(t.Context(), caseflow.Actor{System: true}, store.QueueQuery{Now: storetest.Start})
	if err != nil || len(page.Rows) != 2 {
		t.Fatalf("%d rows, %v", len(page.Rows), err)
	}
	for _, r := range page.Rows {
		if want := r.Case.Category == vocab.Violence; r.Case.Exempt != want {
			t.Errorf("%s: exempt %v", r.Case.Category, r.Case.Exempt)
		}
	}
	if kept, err := tn.Exemption(t.Context(), "e-1"); err != nil || !kept.Settled {
		t.Errorf("not settled: %v", err)
	}
}

func a1[T any](x T) []T { return []T{x} }
