package casework_test

import (
	"testing"

	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// What a rule is called comes from the school's packs, not from a device,
// which may be stolen.
func TestRuleTitlesAreTheSchoolsOwn(t *testing.T) {
	for _, tc := range []struct{ name, known, want string }{
		{"a known rule", "Told to go away", "Told to go away"},
		{"a rule that is in no pack", "", "Told they are hated or unwanted"},
	} {
		w := newWorld(t, func(c *casework.Config) {
			c.RuleTitle = func(id string) string {
				if id != "bully.hated" {
					t.Errorf("asked for %q", id)
				}
				return tc.known
			}
		})
		ref := w.add(amy)
		v, err := w.Open(t.Context(), w.f, dsl, ref)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Captures[0].Rules[0].Title; got != tc.want {
			t.Errorf("%s: the case shows %q, want %q", tc.name, got, tc.want)
		}
		q, err := w.Queue(t.Context(), w.f, dsl, store.QueueQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Rows[0].RuleTitle; got != tc.want {
			t.Errorf("%s: the queue shows %q, want %q", tc.name, got, tc.want)
		}
	}
}
