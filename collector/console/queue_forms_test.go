package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// A search by person finds that person's cases, and the name is in no address
// and in no line of the log; the ledger has who searched.
func TestSearchByPerson(t *testing.T) {
	f := newFixture(t)
	f.demo()
	hidden := f.typeText(typed{account: "J. Porter", audience: vocab.Staff, category: vocab.Gambling, severity: vocab.High, hit: "staff secret horse"})
	b := f.signIn("H. Marlow", caseflow.DSL)
	refs := f.queue(b)

	p := b.post("/cases/find", url.Values{"q": {" ivo FERNLEY "}, "back": {"/cases?category=bullying"}})
	if p.status != http.StatusOK || !strings.Contains(p.body, "Person: ivo FERNLEY") || !strings.Contains(p.body, string(refs["Ivo Fernley"])) || strings.Contains(p.body, string(refs["Rowan Ashdown"])) {
		t.Errorf("search: status %d at %s\n%s", p.status, p.path, p.body)
	}
	if strings.Contains(strings.ToLower(p.path), "fernley") || !strings.Contains(p.path, "category=bullying") {
		t.Errorf("the address after a search: %s", p.path)
	}
	other := f.signIn("O. Thistle", caseflow.Deputy)
	if q := other.get(p.path); strings.Contains(q.body, "ivo FERNLEY") {
		t.Error("somebody else opens the search from its address")
	}
	if strings.Contains(strings.ToLower(f.log.String()), "fernley") {
		t.Error("the log has the name")
	}

	// Nobody's name, and a member of staff's, look the same.
	nobody := b.post("/cases/find", url.Values{"q": {"No Body"}})
	staff := b.post("/cases/find", url.Values{"q": {"J. Porter"}})
	shape := func(p page) string {
		s := regexp.MustCompile(`person=[\w-]+|value="[\w-]{60,}"|value="[A-Z2-7]{26}"|after=[\w-]+`).ReplaceAllString(p.body, "")
		return strings.ReplaceAll(strings.ReplaceAll(s, "No Body", "X"), "J. Porter", "X")
	}
	if shape(nobody) != shape(staff) || strings.Contains(staff.body, string(hidden)) || !strings.Contains(staff.body, "No case matches this filter") {
		t.Error("a search tells that somebody has cases that are hidden")
	}
	if q := b.post("/cases/find", url.Values{"q": {string(hidden)}}); strings.Contains(q.path, string(hidden)) || strings.Contains(q.body, "staff secret horse") {
		t.Errorf("a hidden case's number leads to %s", q.path)
	}
	if q := b.post("/cases/find", url.Values{"q": {strings.ToLower(string(refs["Ivo Fernley"]))}}); q.path != "/cases/"+string(refs["Ivo Fernley"]) {
		t.Errorf("a case's number leads to %s", q.path)
	}
	if q := b.post("/cases/find", url.Values{"q": {"pgs-lt-0142"}}); !strings.Contains(q.body, "Device: PGS-LT-0142") {
		t.Errorf("a device's name leads to %s", q.path)
	}
	if q := b.post("/cases/find", url.Values{"q": {"  "}}); q.status != http.StatusUnprocessableEntity || !strings.Contains(q.body, "Enter a name, an account, a device or a case number.") {
		t.Errorf("an empty search: status %d", q.status)
	}
	n := 0
	for _, e := range f.ledger() {
		if e.Action == audit.CasesSearched {
			n++
			if e.Who.Name != "H. Marlow" || len(e.Object) == 0 || strings.Contains(strings.Join(e.Object, ""), "ivo") {
				t.Errorf("entry %+v", e)
			}
		}
	}
	if n < 3 {
		t.Errorf("%d searches in the ledger", n)
	}
}

func (f *fixture) ledger() []audit.Entry {
	f.t.Helper()
	all, err := f.tenant.Entries(f.t.Context(), 0, 1000)
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

var (
	boxes   = regexp.MustCompile(`name="cases" value="([^"]+)"`)
	formKey = regexp.MustCompile(`action="/cases/together"[^>]*><input type="hidden" name="key" value="([^"]+)"`)
)

// Low cases are closed together with one reason, each with an entry of its
// own; suicide is refused and named, and the form sent twice closes nothing twice.
func TestCloseLowCasesTogether(t *testing.T) {
	f := newFixture(t)
	low := func(who string, c vocab.Category, s vocab.Severity) caseflow.Ref {
		return f.typeText(typed{account: who, audience: vocab.Pupil, category: c, severity: s, level: vocab.Log, hit: "x", ago: time.Minute})
	}
	a, b := low("amy", vocab.Gambling, vocab.Low), low("ben", vocab.Piracy, vocab.Low)
	grave, medium := low("cat", vocab.Suicide, vocab.Low), low("dan", vocab.Gambling, vocab.Medium)
	staff := f.typeText(typed{account: "t", audience: vocab.Staff, category: vocab.Gambling, severity: vocab.Low, hit: "y"})
	dsl := f.signIn("H. Marlow", caseflow.DSL)
	p := dsl.get("/cases")
	var offered []string
	for _, m := range boxes.FindAllStringSubmatch(p.body, -1) {
		offered = append(offered, m[1])
	}
	if len(offered) != 2 {
		t.Fatalf("offered: %v", offered)
	}
	key := formKey.FindStringSubmatch(p.body)
	if key == nil {
		t.Fatal("no form")
	}
	form := url.Values{"key": {key[1]}, "back": {"/cases"}, "outcome": {"no-concern"},
		"cases": append(offered, string(grave)+".1", string(medium)+".1", string(staff)+".1", "ZZZZZZZZ.1")}
	if q := dsl.post("/cases/together", form); q.status != http.StatusUnprocessableEntity || !strings.Contains(q.body, "Enter a reason.") {
		t.Errorf("without a reason: status %d", q.status)
	}
	form.Set("reason", "All from the same homework")
	q := dsl.post("/cases/together", form)
	for _, want := range []string{"2 cases are recorded and closed.", "Suicide and self-harm cases cannot be closed this way. Open the case.", "It is not low any more."} {
		if !strings.Contains(q.body, want) {
			t.Errorf("the answer lacks %q", want)
		}
	}
	if strings.Count(q.body, "It cannot be opened.") != 2 {
		t.Error("a staff case and a case that does not exist are not told alike")
	}
	before := len(f.ledger())
	if q := dsl.post("/cases/together", form); !strings.Contains(q.body, "2 cases are recorded and closed.") {
		t.Error("the same form again says something else")
	}
	closed := map[string]int{}
	for i, e := range f.ledger() {
		if e.Action == audit.CaseClosed {
			closed[e.Object[0]]++
			if i >= before {
				t.Error("the same form again closed something")
			}
		}
	}
	if len(closed) != 2 || closed[string(a)] != 1 || closed[string(b)] != 1 {
		t.Errorf("closed in the ledger: %v", closed)
	}
}

// A filter is kept under a name for its person alone.
func TestSavedViews(t *testing.T) {
	f := newFixture(t)
	f.demo()
	b, other := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy)
	if p := b.post("/cases/views", url.Values{"back": {"/cases"}, "name": {"All"}}); p.status != http.StatusUnprocessableEntity {
		t.Errorf("a view without a filter: status %d", p.status)
	}
	p := b.post("/cases/views", url.Values{"back": {"/cases?category=bullying&person=abc"}, "name": {" Bullying  now "}})
	if p.path != "/cases?category=bullying" || !strings.Contains(p.body, "Bullying now") {
		t.Errorf("saved: %s", p.path)
	}
	if strings.Contains(other.get("/cases").body, "Bullying now") {
		t.Error("somebody else has the view")
	}
	if p := b.post("/cases/views", url.Values{"drop": {"Bullying now"}}); strings.Contains(p.body, "Bullying now") {
		t.Error("a removed view stays")
	}
}
