package lapwingv1

import (
	"slices"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func TestSeverity(t *testing.T) {
	for s, want := range map[vocab.Severity]Severity{
		vocab.Low: Severity_SEVERITY_LOW, vocab.Medium: Severity_SEVERITY_MEDIUM,
		vocab.High: Severity_SEVERITY_HIGH, vocab.Critical: Severity_SEVERITY_CRITICAL,
	} {
		if got := FromSeverity(s); got != want || got.Vocab() != s {
			t.Errorf("%v became %v and %v", s, got, got.Vocab())
		}
	}
	if FromSeverity(0) != 0 || FromSeverity(5) != 0 || Severity(0).Vocab() != 0 || Severity(5).Vocab() != 0 || Severity(-1).Vocab() != 0 {
		t.Error("a severity out of range became one")
	}
}

func TestLevel(t *testing.T) {
	for l, want := range map[vocab.Level]Level{vocab.Log: Level_LEVEL_LOG, vocab.Alert: Level_LEVEL_ALERT} {
		if got := FromLevel(l); got != want || got.Vocab() != l {
			t.Errorf("%v became %v and %v", l, got, got.Vocab())
		}
	}
	if FromLevel(0) != 0 || FromLevel(3) != 0 || Level(0).Vocab() != 0 || Level(3).Vocab() != 0 || Level(257).Vocab() != 0 {
		t.Error("a level out of range became one")
	}
}

func TestCategories(t *testing.T) {
	got := FromCategories([]vocab.Category{vocab.SelfHarm, vocab.Suicide})
	if !slices.Equal(got, []string{"self-harm", "suicide"}) {
		t.Errorf("got %v", got)
	}
}
