package storetest

import (
	"slices"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// testUnreviewed: a case that names both head and chair is shown to nobody, and
// the data protection officer is told that one waits until a post is filled.
func testUnreviewed(t *testing.T, open Open) {
	tn := newTenant(t, open)
	chairman := caseflow.Actor{User: "u-chairman", Name: "C", Roles: []caseflow.Role{caseflow.Chair}, Persons: []caseflow.PersonKey{Person(104)}}
	officer := caseflow.Actor{User: "u-officer", Name: "O", Roles: []caseflow.Role{caseflow.DPO}, Persons: []caseflow.PersonKey{Person(105)}}
	admin := caseflow.Actor{User: "u-admin", Name: "A", Roles: []caseflow.Role{caseflow.Administrator}}
	everybody := []caseflow.Actor{dsl, head, chairman, officer, admin}
	for _, a := range everybody {
		putUser(t, tn, a)
	}
	told := func(want string) {
		t.Helper()
		for _, a := range everybody {
			queues, err := tn.Unreviewed(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if is := string(a.User) == want; is != slices.Equal(queues, []caseflow.Queue{caseflow.QueueChair}) || !is && len(queues) > 0 {
				t.Errorf("%s is told %v; want %s alone", a.User, queues, want)
			}
		}
	}
	mustIngest(t, tn, Arrive(1, 1, 0), naming(Arrive(2, 2, 0), head.Persons[0]))
	told("nobody")
	both := mustIngest(t, tn, naming(Arrive(3, 3, 0), head.Persons[0], chairman.Persons[0]))[0].Case
	told("u-officer")
	mustIngest(t, tn, naming(Arrive(4, 4, 0), head.Persons[0], chairman.Persons[0], officer.Persons[0]))
	for _, a := range everybody[3:] { // each is told of the one that does not concern them
		if queues, err := tn.Unreviewed(t.Context(), a); err != nil || !slices.Equal(queues, []caseflow.Queue{caseflow.QueueChair}) {
			t.Errorf("%s is told %v, %v", a.User, queues, err)
		}
	}
	vice := chair // nobody whom it concerns
	putUser(t, tn, vice)
	told("nobody")
	if f, err := tn.Case(t.Context(), vice, both); err != nil || f.Case.Ref != both {
		t.Errorf("the vice-chair gets %v", err)
	}
}
