package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// classes gives the school a directory with two classes of Year 9: amy.in has history and maths, ben.out maths.
func (f *fixture) classes() {
	f.t.Helper()
	entry := func(n byte, account string, classes ...directory.Class) store.DirectoryEntry {
		return store.DirectoryEntry{Person: directory.Person{Key: caseflow.PersonKey{n, 1}, Audience: vocab.Pupil, Accounts: []caseflow.PersonKey{f.person(account)}},
			Year: "Year 9", Digest: caseflow.PersonKey{n}, Since: f.clock(), Classes: classes}
	}
	history9, maths := directory.Class{ID: "c-9h", Title: "9 History <b>"}, directory.Class{ID: "c-9m", Title: "9 Maths"}
	if _, err := f.tenant.PutDirectory(f.t.Context(), store.DirectoryImport{Source: "oneroster", At: f.clock(), By: audit.Who{Via: audit.ViaCommand, Name: "root"},
		Entries: []store.DirectoryEntry{entry(1, "amy.in", maths, history9), entry(2, "ben.out", maths)}}); err != nil {
		f.t.Fatal(err)
	}
}

// A lesson of one class of the directory covers its pupils, on whatever device,
// and nobody else; the list says who asked, when, and who entered it.
func TestExemptionForAClass(t *testing.T) {
	f := withOversight(t)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	f.classes()
	dsl, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head)
	if p := dsl.get("/exemptions/new"); !strings.Contains(p.body, "9 History &lt;b&gt;") || !strings.Contains(p.body, `name="classes"`) {
		t.Fatal("the form offers no class")
	}
	ask := func(pairs ...string) url.Values {
		form := history()
		form.Del("groups")
		form.Set("classes", "c-9h")
		return with(form, pairs...)
	}
	for field, form := range map[string]url.Values{"classes": ask("classes", "c-nothing"), "asked": ask("asked", ""), "asker": ask("asker", "")} {
		p := dsl.post("/exemptions", form)
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `href="#`+field+`"`) || !strings.Contains(p.body, `id="`+field+`-error"`) {
			t.Errorf("%s: status %d", field, p.status)
		}
	}
	p := dsl.post("/exemptions", ask())
	for _, want := range []string{"class 9 History &lt;b&gt;", "Mr Quill, 9 November 2026; entered by H. Marlow, 8:14am"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the list does not say %q", want)
		}
	}
	if p = head.post("/exemptions/form-1/decide", url.Values{"version": {"1"}, "act": {"approve"}}); p.status != http.StatusOK {
		t.Fatalf("approve: %d", p.status)
	}
	exempt := func(account string) bool {
		ref := f.typeText(typed{account: account, category: vocab.Violence, severity: vocab.High, hit: "drop a bomb on"})
		file, err := f.tenant.Case(t.Context(), caseflow.Actor{System: true}, ref)
		if err != nil {
			t.Fatal(err)
		}
		return file.Case.Exempt
	}
	if !exempt("amy.in") || exempt("ben.out") || exempt("who.knows") {
		t.Error("the class is not what is covered")
	}
}
