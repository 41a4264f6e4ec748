package triage_test

import (
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func asks(h caseflow.Help) func(*triage.Arrival) {
	return func(a *triage.Arrival) {
		h.Asked = true
		a.Capture.Categories, a.Capture.Help = []vocab.Category{vocab.Help}, h
	}
}

// A request for help joins nothing and nothing joins it: beside a case with a
// name, a hidden one would not stay hidden.
func TestEachRequestForHelpIsACaseOfItsOwn(t *testing.T) {
	s := &school{}
	first, _ := s.take(t, arrival(1, 0, vocab.High, asks(caseflow.Help{})), t0)
	second, cmd := s.take(t, arrival(2, time.Minute, vocab.High, asks(caseflow.Help{HideName: true})), t0)
	if _, opened := cmd.(caseflow.Open); !opened || second.Ref == first.Ref || second.LinkedTo != "" {
		t.Errorf("second request: %T, linked to %q", cmd, second.LinkedTo)
	}
	captured := arrival(3, 2*time.Minute, vocab.High)
	captured.Capture.Categories = []vocab.Category{vocab.Help}
	if third, _ := s.take(t, captured, t0); third.Ref == first.Ref || third.Ref == second.Ref || third.LinkedTo != "" {
		t.Errorf("a capture joined a request: %+v", third)
	}
	// The same request again, as after a lost acknowledgement, is the same.
	if again, cmd := s.take(t, arrival(1, 0, vocab.High, asks(caseflow.Help{})), t0); cmd != nil {
		t.Errorf("again: %T %v", cmd, again.Ref)
	}
}
