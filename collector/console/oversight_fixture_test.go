package console_test

import (
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// link is a new sign-in link of a user.
func (f *fixture) link(id caseflow.UserID) string {
	f.t.Helper()
	token, err := auth.NewLink(f.t.Context(), f.tenant, id, f.clock(), time.Hour)
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// act does something to a case as a DSL.
func (f *fixture) act(ref caseflow.Ref, cmd caseflow.Command) {
	f.t.Helper()
	dsl := caseflow.Actor{User: "u-other", Name: "Another DSL", Roles: []caseflow.Role{caseflow.DSL}}
	if _, err := f.tenant.Act(f.t.Context(), store.Act{Ref: ref, Command: cmd, Actor: dsl, At: f.clock()}); err != nil {
		f.t.Fatal(err)
	}
}
