package casework

import (
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
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

// What a revision changed is told in words: from what, to what and when.
func TestHistoryTellsWhatARevisionChanged(t *testing.T) {
	at := func(severity vocab.Severity, revision uint32) caseflow.CaptureRef {
		return caseflow.CaptureRef{Event: ulid.ID{1}, Severity: severity, Revision: revision}
	}
	kept := func(revision uint32, final bool) []store.CaptureRecord {
		return []store.CaptureRecord{{Arrival: triage.Arrival{Event: ulid.ID{1}, Revision: revision, Capture: &triage.Capture{Final: final}}}}
	}
	opened := caseflow.Opened{Open: caseflow.Open{Capture: at(vocab.High, 0)}}
	revised := func(c caseflow.CaptureRef) caseflow.Event {
		return caseflow.Revised{Revise: caseflow.Revise{Capture: c}}
	}
	for name, tc := range map[string]struct {
		history  []caseflow.Event
		captures []store.CaptureRecord
		does     string
		was      vocab.Severity
	}{
		"finished":          {[]caseflow.Event{opened, revised(at(vocab.Critical, 1))}, kept(1, true), "raised a capture from high to critical when the text was finished", vocab.High},
		"not finished":      {[]caseflow.Event{opened, revised(at(vocab.Critical, 1))}, kept(1, false), "raised a capture from high to critical as more of the text was typed", vocab.High},
		"finished after it": {[]caseflow.Event{opened, revised(at(vocab.Critical, 1)), revised(at(vocab.Critical, 2))}, kept(2, true), "raised a capture from high to critical as more of the text was typed", vocab.High},
		"lowered":           {[]caseflow.Event{opened, revised(at(vocab.Low, 1))}, kept(1, true), "lowered a capture from high to low when the text was finished", vocab.High},
		"first not known":   {[]caseflow.Event{revised(at(vocab.Critical, 1))}, kept(1, true), "weighed a capture as critical when the text was finished", 0},
	} {
		items, err := (&Service{}).history(t.Context(), nil, caseflow.Actor{}, store.CaseFile{History: tc.history, Captures: tc.captures})
		if err != nil {
			t.Fatal(err)
		}
		if items[0].Does != tc.does || items[0].Was != tc.was {
			t.Errorf("%s: %q from %s, want %q from %s", name, items[0].Does, items[0].Was, tc.does, tc.was)
		}
	}
}
