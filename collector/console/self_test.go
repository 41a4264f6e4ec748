package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// A safeguarding lead types on a pupil's laptop. Once the administrator has
// given her account, her case is the head's: she does not see it, count it or
// hear of it, whether it was open before or comes in afterwards.
func TestALeadWhoTypesNeverMeetsHerOwnCase(t *testing.T) {
	f, _ := withDirectory(t)
	lead, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("R. Teasel", caseflow.Head)
	admin := f.signIn("A. Admin", caseflow.Administrator)
	pupil := f.unmatched("ivo.f", "a pupil’s words")
	before := f.unmatched("h.marlow", "the lead’s earlier words")
	if p := lead.get("/cases/" + string(before)); p.status != http.StatusOK {
		t.Fatalf("while nobody knows whose account it is: status %d", p.status)
	}
	p := admin.post("/people/directory/link", url.Values{"user": {"u-h.-marlow"}, "account": {" H.Marlow "}})
	if p.status != http.StatusOK || !strings.Contains(p.body, "The account was kept") {
		t.Fatalf("giving the account: status %d", p.status)
	}
	me, err := f.tenant.User(t.Context(), "u-h.-marlow")
	if err != nil {
		t.Fatal(err)
	}
	actor := caseflow.Actor{User: me.ID, Name: me.Name, Roles: me.Roles, Persons: me.Persons}
	at, err := f.tenant.Position(t.Context(), actor)
	if err != nil {
		t.Fatal(err)
	}
	after := f.typeText(typed{account: "h.marlow", category: vocab.Violence, severity: vocab.Critical, hit: "the lead’s later words"})
	if now, err := f.tenant.Position(t.Context(), actor); err != nil || now != at {
		t.Errorf("the lead is told of a change: %v, %v", now != at, err)
	}

	for _, path := range []string{"/cases", "/cases?show=closed", "/", "/people", "/cases/" + string(pupil)} {
		body := lead.get(path).body
		for _, word := range []string{"earlier words", "later words", string(before), string(after)} {
			if strings.Contains(body, word) {
				t.Errorf("%s shows the lead %q", path, word)
			}
		}
	}
	for _, ref := range []caseflow.Ref{before, after} {
		if p := lead.get("/cases/" + string(ref)); p.status != http.StatusNotFound {
			t.Errorf("the lead opens her own case: status %d", p.status)
		}
		if p := lead.post(fmt.Sprintf("/cases/%s/claim", ref), nil); p.status != http.StatusNotFound {
			t.Errorf("the lead claims her own case: status %d", p.status)
		}
		if p := head.get("/cases/" + string(ref)); p.status != http.StatusOK {
			t.Errorf("the head does not see it: status %d", p.status)
		}
	}
	q, err := f.tenant.Queue(t.Context(), actor, store.QueueQuery{Now: f.clock()})
	if err != nil {
		t.Fatal(err)
	}
	if q.Total != 1 || len(q.Rows) != 1 || q.Counts[vocab.Critical] != 0 {
		t.Errorf("the lead counts %d, %v", q.Total, q.Counts)
	}
}
