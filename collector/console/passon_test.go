package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// TestPassOn: who reads that a case is about a colleague, or about themselves,
// passes it on, and does not meet it again.
func TestPassOn(t *testing.T) {
	f := newFixture(t)
	path := f.one("Ivo")
	boss := f.person("boss")
	_, link := f.user("Boss", []caseflow.PersonKey{boss}, caseflow.Head)
	dsl, deputy, head, chair := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy), f.enter(link), f.signIn("C. Curlew", caseflow.Chair)
	deputy.post(path+"/claim", nil) // whoever holds it may be meant
	form := with(hidden(t, dsl.get(path)), "act", "staff", "note", "half a note")
	if p := dsl.post(path+"/pass", form); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="pass_reason-error"`) || !strings.Contains(p.body, "half a note</textarea>") {
		t.Errorf("without a reason: status %d", p.status)
	}
	p := dsl.post(path+"/pass", with(form, "pass_reason", "“Mister Q” is a tutor"))
	if p.status != http.StatusOK || !strings.HasPrefix(p.path, "/cases?passed=") || !strings.Contains(p.body, "is passed on.") || strings.Contains(p.body, `href="`+path+`"`) {
		t.Fatalf("passing on: status %d at %s", p.status, p.path)
	}
	missing := dsl.get("/cases/7ZZZ7ZZZ")
	for name, b := range map[string]*browser{"the DSL": dsl, "the deputy": deputy} {
		if p := b.get(path); p.status != http.StatusNotFound || name == "the DSL" && p.body != missing.body {
			t.Errorf("%s still opens it: status %d", name, p.status)
		}
	}
	p = head.get(path)
	for _, want := range []string{"H. Marlow passed this case on to the head teacher", "“Mister Q” is a tutor", "A member of staff is concerned", "It is about me"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the head does not read %q", want)
		}
	}
	if p := head.post(path+"/pass", with(hidden(t, p), "act", "staff", "pass_reason", "x")); p.status != http.StatusUnprocessableEntity {
		t.Errorf("the head passes it to the head: status %d", p.status)
	}
	head.post(path+"/pass", with(hidden(t, p), "act", "self", "pass_reason", "I am the tutor"))
	if p := head.get(path); p.status != http.StatusNotFound {
		t.Errorf("the head still opens it: status %d", p.status)
	}
	if p := chair.get(path); !strings.Contains(p.body, "Boss passed this case on to the chair of governors") || strings.Contains(p.body, `id="pass"`) {
		t.Errorf("the chair: status %d", p.status)
	}
}
