package casework

import (
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// A capture's completion is no news to a reviewer unless it weighs differently.
func TestHistoryLeavesOutWhatChangedNothing(t *testing.T) {
	capture := func(severity vocab.Severity, revision uint32, withdrawn bool) caseflow.CaptureRef {
		return caseflow.CaptureRef{Event: ulid.ID{1}, Severity: severity, Revision: revision, Withdrawn: withdrawn}
	}
	file := store.CaseFile{History: []caseflow.Event{
		caseflow.Opened{Open: caseflow.Open{Capture: capture(vocab.High, 0, false)}},
		caseflow.Revised{Revise: caseflow.Revise{Capture: capture(vocab.High, 1, false)}},
		caseflow.Revised{Revise: caseflow.Revise{Capture: capture(vocab.Critical, 2, false)}},
		caseflow.Revised{Revise: caseflow.Revise{Capture: capture(vocab.Critical, 3, true)}},
	}}
	items, err := (&Service{}).history(t.Context(), nil, caseflow.Actor{}, file)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []ItemKind
	for _, it := range items {
		kinds = append(kinds, it.Kind)
	}
	want := []ItemKind{ItemWithdrawn, ItemRevised, ItemOpened} // newest first
	if len(kinds) != len(want) {
		t.Fatalf("history is %v, want %v", kinds, want)
	}
	for i := range want {
		if kinds[i] != want[i] {
			t.Errorf("history is %v, want %v", kinds, want)
		}
	}
}
