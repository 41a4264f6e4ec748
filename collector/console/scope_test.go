package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// A deputy is limited to a year, confirmed by somebody else; sees that year at
// once and no other; breaks the glass for a reason, and the case's owner is told.
func TestYearsAndGlass(t *testing.T) {
	f, _ := withDirectory(t)
	deputy, dsl := f.signIn("O. Thistle", caseflow.Deputy), f.signIn("H. Marlow", caseflow.DSL)
	admin := f.signIn("A. Admin", caseflow.Administrator)
	entry := func(n byte, account, year string) store.DirectoryEntry {
		k := f.person(account)
		return store.DirectoryEntry{Person: directory.Person{Key: caseflow.PersonKey{n, 1}, Audience: vocab.Pupil, Accounts: []caseflow.PersonKey{k}},
			Year: year, Digest: caseflow.PersonKey{n}, Since: f.clock()}
	}
	if _, err := f.tenant.PutDirectory(t.Context(), store.DirectoryImport{Source: "csv", At: f.clock(), By: audit.Who{Via: audit.ViaCommand, Name: "root"},
		Entries: []store.DirectoryEntry{entry(1, "amy.seven", "Year 7"), entry(2, "ben.eight", "Year 8")}}); err != nil {
		t.Fatal(err)
	}
	plant := func(account, hit string) caseflow.Ref {
		return f.typeText(typed{account: account, audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: hit})
	}
	plant("amy.seven", "words of seven")
	eight := plant("ben.eight", "words of eight")
	unmatched := plant("who.knows", "words of nobody")
	dsl.post("/cases/"+string(eight)+"/claim", nil)

	if p := admin.get("/people/u-o.-thistle/scope"); p.status != http.StatusOK || !strings.Contains(p.body, "Year 7") {
		t.Fatalf("the form: status %d", p.status)
	}
	admin.post("/people/u-o.-thistle/scope", url.Values{"years": {"Year 7", "Year 99"}})
	if p := deputy.get("/cases"); !strings.Contains(p.body, "words of eight") {
		t.Error("a limit is in force before anybody confirmed it")
	}
	if p := deputy.post("/people/u-o.-thistle/scope/confirm", url.Values{"grant": {"Year 7"}}); p.status != http.StatusNotFound {
		t.Errorf("a deputy confirms the own limit: %d", p.status)
	}
	if p := dsl.get("/people"); !strings.Contains(p.body, "is to see <strong>Year 7</strong>") {
		t.Error("nobody is asked to confirm")
	}
	dsl.post("/people/u-o.-thistle/scope/confirm", url.Values{"grant": {"Year 7"}})
	if p := dsl.get("/cases/" + string(eight)); strings.Contains(p.body, "O. Thistle, deputy DSL") {
		t.Error("a case of Year 8 can be given to somebody who sees Year 7")
	}
	if p := dsl.get("/cases/" + string(unmatched)); !strings.Contains(p.body, "O. Thistle, deputy DSL") {
		t.Error("a case that is everybody's cannot be given to a deputy")
	}
	missing := deputy.get("/cases/7ZZZ7ZZZ")
	queue := deputy.get("/cases")
	if !strings.Contains(queue.body, "words of seven") || !strings.Contains(queue.body, "words of nobody") || strings.Contains(queue.body, "words of eight") || strings.Contains(queue.body, string(eight)) {
		t.Error("the queue is not that of Year 7 and of accounts that nobody knows")
	}
	if p := deputy.get("/cases/" + string(eight)); p.status != missing.status || p.body != missing.body {
		t.Error("a case of another year is not the page of a missing one")
	}
	if p := deputy.get("/cases/" + string(unmatched)); p.status != http.StatusOK {
		t.Error("an unmatched account's case is hidden")
	}

	// The last who sees the whole school keeps it.
	admin.post("/people/u-h.-marlow/scope", url.Values{"years": {"Year 8"}})
	head := f.signIn("R. Teasel", caseflow.Head)
	if p := head.post("/people/u-h.-marlow/scope/confirm", url.Values{"grant": {"Year 8"}}); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "Somebody must see the whole school") {
		t.Errorf("the last with the whole school in view is limited: %d", p.status)
	}

	// Broken glass.
	if p := deputy.post("/cases/beyond", url.Values{"reason": {" "}}); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "Enter a reason.") {
		t.Errorf("without a reason: %d", p.status)
	}
	if p := deputy.post("/cases/beyond", url.Values{"reason": {"Sister of a pupil in my year"}}); !strings.Contains(p.body, "You see the whole school until") || !strings.Contains(p.body, "words of eight") {
		t.Error("broken glass shows no other year")
	}
	if p := deputy.get("/cases/" + string(eight)); p.status != http.StatusOK {
		t.Errorf("broken glass opens no case: %d", p.status)
	}
	if p := dsl.get("/cases"); !strings.Contains(p.body, "O. Thistle opened case "+string(eight)+" from beyond their own years or sites") {
		t.Error("the owner is not told")
	}
	for _, want := range []audit.Action{audit.ScopeAsked, audit.ScopeSet, audit.GlassBroken, audit.GlassRead} {
		n := 0
		for _, e := range f.ledger() {
			if e.Action == want {
				n++
				if want == audit.GlassBroken && e.Reason != "Sister of a pupil in my year" {
					t.Errorf("reason %q", e.Reason)
				}
			}
		}
		if n == 0 {
			t.Errorf("no %s in the ledger", want)
		}
	}
	f.pass(61 * time.Minute)
	u, err := f.tenant.User(t.Context(), "u-o.-thistle")
	if err != nil {
		t.Fatal(err)
	}
	if a := store.ActorOf(u, f.tenant, f.clock()); a.Scope.Broken {
		t.Error("broken glass outlives its hour")
	}
}
