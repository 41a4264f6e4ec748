package playbook_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/playbook"
)

func TestChanges(t *testing.T) {
	was := playbook.Playbook{Title: "T", DoNot: []string{"view it", "tell them"}, Sources: []string{"KCSIE"},
		Do: []playbook.Step{{ID: "a", Text: "Ring"}, {ID: "b", Text: "Write", Why: "today"}, {ID: "c", Text: "Rest"}}}
	next := playbook.Playbook{Title: "U", DoNot: []string{"tell them", "wait"}, Sources: []string{"KCSIE"},
		Do: []playbook.Step{{ID: "b", Text: "Write"}, {ID: "a", Text: "Ring"}, {ID: "d", Text: "New"}}}
	want := []playbook.Change{
		{"Please do not", "view it", ""}, {"Please do not", "", "wait"}, {"Step 1", "Write today", "Write"}, {"Step 3", "Rest", ""},
		{"Step 3", "", "New"}, {"Order of the steps", "As it was", "Another"}, {"Title", "T", "U"},
	}
	if got := playbook.Changes(was, next); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

// Whatever was taken out of the warnings is told, and nothing is where nothing changed.
func TestNoWarningGoesUnseen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), 0, 4, rapid.ID)
		was, next := playbook.Playbook{DoNot: list.Draw(t, "was")}, playbook.Playbook{DoNot: list.Draw(t, "next")}
		for _, l := range was.DoNot {
			told := slices.Contains(playbook.Changes(was, next), playbook.Change{What: "Please do not", Was: l})
			if told == slices.Contains(next.DoNot, l) {
				t.Fatalf("%q: told %v", l, told)
			}
		}
		if got := playbook.Changes(was, was); len(got) != 0 {
			t.Fatalf("%v", got)
		}
	})
}
