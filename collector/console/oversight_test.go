package console_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/collectortest"
	"github.com/lapwing-schools/lapwing/collector/console"
	"github.com/lapwing-schools/lapwing/collector/oversight"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

const smallPack = `
pack: core
version: 3
title: Core
language: en-GB
review: reviewed
sources: [own work]
rules:
  - id: r-1
    title: Told they are hated or unwanted
    category: bullying
    four_c: conduct
    severity: high
    level: alert
    phrases: ["everyone hates you", "nobody (likes|wants) (you|her)"]
    examples: {hit: ["everyone hates you", "nobody likes her"], miss: ["everyone likes you", "i hate rain"]}
  - id: violence-war
    title: Threatens with a weapon of war
    category: violence
    four_c: conduct
    severity: high
    level: alert
    phrases: ["drop a bomb on"]
    examples: {hit: ["drop a bomb on them", "we drop a bomb on it"], miss: ["bath bomb", "the bomb was dropped"]}
  - id: suicide-words
    title: Says they want to die
    category: suicide
    four_c: conduct
    severity: critical
    level: alert
    phrases: ["want to die"]
    examples: {hit: ["i want to die", "want to die"], miss: ["want to dye my hair", "want a die"]}
`

// withOversight is newFixture with the pages of exemptions and rules.
func withOversight(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.New(policy.Config{Rules: fstest.MapFS{"core.yaml": {Data: []byte(smallPack)}}, Form: collectortest.Form(), Key: key, Now: f.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	handler, err := console.New(console.Config{Store: f.store, Cases: f.cases, Auth: f.signer, Now: f.clock, Logger: slog.New(slog.NewTextHandler(f.log, nil)), Heartbeat: 50 * time.Millisecond,
		Oversight: oversight.New(oversight.Config{Policies: p, Now: f.clock, Zone: zone}), Trials: f.cases, Rules: p})
	if err != nil {
		t.Fatal(err)
	}
	f.serve(handler)
	return f
}

// history is a form for Year 9 history on the trolley, all day today.
func history() url.Values {
	return url.Values{"key": {"form-1"}, "kind": {"lesson"}, "title": {"Year 9 history"}, "asker": {"Mr Quill"}, "asked": {"2026-11-09"}, "groups": {"Year 8 trolley A"}, "categories": {"violence", "bullying"},
		"from": {"2026-11-12"}, "until": {"2026-11-20"}, "reason": {"Causes of the war"}, "risk": {"A real threat reads like the lesson; the teacher watches."}}
}

func between(body, from, to string) string {
	_, rest, _ := strings.Cut(body, from)
	part, _, _ := strings.Cut(rest, to)
	return part
}

func TestExemptionOverHTTP(t *testing.T) {
	f := withOversight(t)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	dsl, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head)
	ask := history()
	ask.Set("title", "")
	ask["categories"] = []string{"suicide"}
	p := dsl.post("/exemptions", ask)
	if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `href="#title"`) || !strings.Contains(p.body, `href="#categories"`) || !strings.Contains(p.body, "Causes of the war") {
		t.Errorf("a wrong form: status %d", p.status)
	}
	for range 2 { // sent twice
		if p = dsl.post("/exemptions", history()); p.status != http.StatusOK || strings.Count(p.body, `<section class="lw-card" id="e-`) != 1 {
			t.Fatalf("asked: status %d\n%s", p.status, p.body)
		}
	}
	if strings.Contains(p.body, `value="approve"`) {
		t.Error("who asked is offered to approve")
	}
	before := f.typeText(typed{account: "Pax Hollins", audience: vocab.Pupil, category: vocab.Violence, severity: vocab.Critical, hit: "drop a bomb on"})
	f.typeText(typed{account: "Ivo Fernley", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.Low, hit: "nobody likes her", device: "d-other"})
	f.typeText(typed{account: "Tamsin Oakfield", audience: vocab.Pupil, category: vocab.Suicide, severity: vocab.High, hit: "want to die"})
	decide := "/exemptions/form-1/decide"
	for name, x := range map[string]struct {
		b    *browser
		form url.Values
		want int
	}{
		"own approval":         {dsl, url.Values{"version": {"1"}, "act": {"approve"}}, http.StatusNotFound},
		"technician":           {f.signIn("T. Brack", caseflow.Technician), url.Values{"version": {"1"}, "act": {"approve"}}, http.StatusNotFound},
		"leadership":           {f.signIn("L. Lead", caseflow.Leadership), url.Values{"version": {"1"}, "act": {"approve"}}, http.StatusNotFound},
		"a made-up act":        {head, url.Values{"version": {"1"}, "act": {"drop"}}, http.StatusNotFound},
		"refusal, no reason":   {head, url.Values{"version": {"1"}, "act": {"refuse"}}, http.StatusUnprocessableEntity},
		"a stale version":      {head, url.Values{"version": {"7"}, "act": {"approve"}}, http.StatusConflict},
		"a note of 100,000":    {head, url.Values{"version": {"1"}, "act": {"refuse"}, "note": {strings.Repeat("a", 100_000)}}, http.StatusUnprocessableEntity},
		"a form of a megabyte": {head, url.Values{"version": {"1"}, "act": {"refuse"}, "note": {strings.Repeat("a", 1<<20)}}, http.StatusRequestEntityTooLarge},
	} {
		if got := x.b.post(decide, x.form); got.status != x.want {
			t.Errorf("%s: status %d, want %d", name, got.status, x.want)
		}
	}
	for range 2 {
		if p = head.post(decide, url.Values{"version": {"1"}, "act": {"approve"}}); p.status != http.StatusOK || !strings.Contains(p.body, "Exempt until 20 November") {
			t.Fatalf("approved: status %d", p.status)
		}
	}
	q := dsl.get("/cases").body
	if n := strings.Count(q, "Exempt: Year 9 history, until 20 November"); n != 1 {
		t.Errorf("%d exempt rows, want 1", n)
	}
	if strings.Index(q, "Pax Hollins") < strings.Index(q, "Ivo Fernley") || strings.Index(q, "Tamsin Oakfield") > strings.Index(q, "Ivo Fernley") {
		t.Error("the exempt critical case is not below the low one, or suicide is not first")
	}
	if c := dsl.get("/cases/" + string(before)).body; !strings.Contains(c, "Exempt: Year 9 history, until 20 November") || !strings.Contains(c, "marked captures of this case as exempt") {
		t.Error("the case does not say what covers it")
	}
	if p = dsl.post(decide, url.Values{"version": {"2"}, "act": {"revoke"}, "note": {"The lesson is over"}}); p.status != http.StatusOK || !strings.Contains(p.body, "Revoked") {
		t.Errorf("revoked: status %d", p.status)
	}
	if q := dsl.get("/cases").body; strings.Contains(q, "Exempt:") || strings.Index(q, "Pax Hollins") > strings.Index(q, "Ivo Fernley") {
		t.Error("the revoked exemption still holds")
	}
	var words []audit.Action
	entries, err := f.tenant.Entries(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(string(e.Action), "exemption.") {
			words = append(words, e.Action)
		}
	}
	if len(words) != 3 || words[0] != audit.ExemptionProposed || words[1] != audit.ExemptionApproved || words[2] != audit.ExemptionRevoked {
		t.Errorf("ledger: %v", words)
	}
	if strings.Contains(f.log.String(), "Quill") || strings.Contains(f.log.String(), "lesson is over") {
		t.Error("the log has what people wrote")
	}
}

// TestExemptionEnds: what is typed after its last day is not covered.
func TestExemptionEnds(t *testing.T) {
	f := withOversight(t)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	dsl, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head)
	dsl.post("/exemptions", history())
	head.post("/exemptions/form-1/decide", url.Values{"version": {"1"}, "act": {"approve"}})
	f.pass(9 * 24 * time.Hour)
	late := f.typeText(typed{account: "Pax Hollins", audience: vocab.Pupil, category: vocab.Violence, severity: vocab.High, hit: "drop a bomb on"})
	dsl, head = f.enter(f.link("u-h.-marlow")), f.enter(f.link("u-a.-reed"))
	if c := dsl.get("/cases/" + string(late)).body; strings.Contains(c, "Exempt:") {
		t.Error("covered after the last day")
	}
	p := head.get("/exemptions")
	if !strings.Contains(p.body, "Ended 20 November") || strings.Contains(p.body, `value="revoke"`) {
		t.Error("it does not stand among the ended")
	}
}

func TestRuleChangeOverHTTP(t *testing.T) {
	f := withOversight(t)
	f.device("d-0142", "PGS-LT-0142", 0, works(morning)...)
	dsl, head, leader := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head), f.signIn("L. Lead", caseflow.Leadership)
	for i := range 10 {
		ref := f.typeText(typed{account: "pupil " + string(rune('a'+i)), audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.Low, hit: "nobody likes her"})
		outcome := caseflow.Close{Outcome: caseflow.NoConcern}
		if i < 3 {
			outcome = caseflow.Close{Outcome: caseflow.FalseAlarm, Why: caseflow.WhyLesson, Rule: "r-1"}
		}
		f.act(ref, outcome)
	}
	f.typeText(typed{account: "J. Porter", audience: vocab.Staff, category: vocab.Bullying, severity: vocab.High, hit: "nobody wants you"})
	p := dsl.get("/rules")
	if row := between(p.body, `href="/rules/r-1"`, "</tr>"); !strings.Contains(row, "Right 7 times in 10 here") || !strings.Contains(row, ">10<") {
		t.Errorf("the DSL reads: %s", row)
	}
	if row := between(head.get("/rules").body, `href="/rules/r-1"`, "</tr>"); !strings.Contains(row, ">1<") || !strings.Contains(row, "No verdict here yet") {
		t.Errorf("the head reads: %s", row)
	}
	if b := leader.get("/rules").body; strings.Contains(b, "in 10 here") || strings.Contains(b, ">10<") {
		t.Error("leadership reads counts")
	}
	if p := dsl.get("/rules/r-1"); !strings.Contains(p.body, "everyone hates you") || !strings.Contains(p.body, "School work: 3") || !strings.Contains(p.body, "November 2026") {
		t.Error("the rule's page lacks examples, reasons or months")
	}
	form := url.Values{"key": {"change-1"}, "setting": {"set"}, "level": {"log"}, "severity": {"low"}, "group": {"Year 8 trolley A"}, "reason": {"Set text in year 8"}, "risk": {"Real bullying stays in the log"}}
	for name, x := range map[string]struct {
		rule, field, value string
		want               int
		message            string
	}{
		"suicide off":       {"suicide-words", "setting", "off", 422, "cannot be switched off"},
		"suicide log":       {"suicide-words", "level", "log", 422, "stay at alert"},
		"unknown group":     {"r-1", "group", "<b>", 422, "from the list"},
		"no risk note":      {"r-1", "risk", " ", 422, "Enter the risk note"},
		"unknown severity":  {"r-1", "severity", "huge", 422, "Choose a severity"},
		"hostile reason":    {"r-1", "reason", "a\u202eb", 422, "cannot be read"},
		"too long a reason": {"r-1", "reason", strings.Repeat("a", 501), 422, "500 characters"},
		"no such rule":      {"nothing", "reason", "x", 404, ""},
		"a key of a novel":  {"r-1", "key", strings.Repeat("k", 200), 422, ""},
	} {
		bad := url.Values{}
		for k, v := range form {
			bad[k] = v
		}
		bad.Set(x.field, x.value)
		if p := dsl.post("/rules/"+x.rule+"/change", bad); p.status != x.want || !strings.Contains(p.body, x.message) {
			t.Errorf("%s: status %d", name, p.status)
		}
	}
	if p := leader.post("/rules/r-1/change", form); p.status != http.StatusNotFound {
		t.Errorf("leadership proposes: %d", p.status)
	}
	for range 2 {
		if p := dsl.post("/rules/r-1/change", form); p.status != http.StatusOK || p.path != "/rules/changes" || strings.Count(p.body, `id="c-change-1"`) != 1 {
			t.Fatalf("proposed: status %d at %s", p.status, p.path)
		}
	}
	decide := "/rules/changes/change-1/decide"
	if p := dsl.post(decide, url.Values{"version": {"1"}, "act": {"approve"}}); p.status != http.StatusNotFound {
		t.Errorf("own approval: %d", p.status)
	}
	if p := leader.post(decide, url.Values{"version": {"1"}, "act": {"approve"}}); p.status != http.StatusNotFound {
		t.Errorf("leadership, not delegated: %d", p.status)
	}
	if p := leader.post("/rules/approvals", url.Values{"to": {"leadership"}}); p.status != http.StatusNotFound {
		t.Errorf("leadership delegates to itself: %d", p.status)
	}
	head.post("/rules/approvals", url.Values{"to": {"leadership"}})
	if p := leader.post(decide, url.Values{"version": {"1"}, "act": {"approve"}}); p.status != http.StatusOK || !strings.Contains(p.body, "Approved") {
		t.Errorf("leadership, delegated: %d", p.status)
	}
	if p := head.post(decide, url.Values{"version": {"1"}, "act": {"refuse"}, "note": {"no"}}); p.status != http.StatusConflict {
		t.Errorf("decided by a second: %d", p.status)
	}
	if row := between(dsl.get("/rules").body, `href="/rules/r-1"`, "</tr>"); !strings.Contains(row, "Low, log on Year 8 trolley A") {
		t.Errorf("the list does not say what is changed: %s", row)
	}
}

func TestTrialOverHTTP(t *testing.T) {
	f := withOversight(t)
	f.demo()
	f.typeText(typed{account: "J. Porter", audience: vocab.Staff, category: vocab.Bullying, severity: vocab.High, hit: "nobody wants you"})
	f.typeText(typed{account: "Old Case", audience: vocab.Pupil, category: vocab.Drugs, severity: vocab.High, hit: "nobody wants you", ago: 15 * 24 * time.Hour})
	dsl := f.signIn("H. Marlow", caseflow.DSL)
	for phrase, message := range map[string]string{"": "Enter a phrase", strings.Repeat("a ", 200): "200 characters", "((": "cannot be read as a phrase", "@nothing": "cannot be read as a phrase"} {
		if p := dsl.post("/rules/try", url.Values{"phrase": {phrase}}); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, message) {
			t.Errorf("%.10q: status %d", phrase, p.status)
		}
	}
	p := dsl.post("/rules/try", url.Values{"phrase": {"nobody (wants|likes)"}})
	if p.status != http.StatusOK || !strings.Contains(p.body, "It would have hit 3 captures in 2 cases.") || strings.Contains(p.path, "nobody") {
		t.Errorf("status %d at %s: %s", p.status, p.path, between(p.body, `class="lw-lede"`, "</p>"))
	}
	if strings.Contains(p.body, "J. Porter") || strings.Contains(p.body, "nobody wants you here") {
		t.Error("the page shows more than how many and where")
	}
	if other := f.signIn("O. Thistle", caseflow.Deputy).get(p.path); other.status != http.StatusNotFound {
		t.Errorf("another person's trial: %d", other.status)
	}
	if tech := f.signIn("T. Brack", caseflow.Technician).get("/rules/try"); tech.status != http.StatusNotFound {
		t.Errorf("a technician: %d", tech.status)
	}
	entries, err := f.tenant.Entries(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, e := range entries {
		if e.Action == audit.PhraseTried {
			read += len(e.Object)
		}
	}
	if read != 5 {
		t.Errorf("the ledger has %d cases that were looked into, want the DSL's 5 of the last 14 days", read)
	}
	if strings.Contains(f.log.String(), "nobody") {
		t.Error("the log has the phrase")
	}
}

// TestOversightByRole walks every page of exemptions and rules as every role:
// who may not know of it gets the page for what does not exist, and nobody but
// those who review pupils' cases reads their numbers.
func TestOversightByRole(t *testing.T) {
	f := withOversight(t)
	f.demo()
	dsl := f.signIn("H. Marlow", caseflow.DSL)
	dsl.post("/exemptions", history())
	change := url.Values{"key": {"change-1"}, "setting": {"off"}, "group": {""}, "reason": {"noisy"}, "risk": {"watched"}}
	dsl.post("/rules/r-1/change", change)
	read := []string{"/exemptions", "/rules", "/rules/changes", "/rules/r-1"}
	may := map[caseflow.Role]struct{ read, propose, try bool }{
		caseflow.DSL: {true, true, true}, caseflow.Deputy: {true, true, true}, caseflow.Head: {true, true, true},
		caseflow.Leadership: {read: true}, caseflow.DPO: {read: true}, caseflow.Chair: {try: true},
	}
	if !strings.Contains(dsl.get("/rules").body, ">7<") {
		t.Fatal("the DSL does not read the 7 hits")
	}
	status := func(ok bool) int {
		if ok {
			return http.StatusOK
		}
		return http.StatusNotFound
	}
	for _, role := range caseflow.Roles() {
		b := f.signIn("N. "+string(role), role)
		missing := b.get("/nothing").body
		look := func(path string, ok bool) page {
			t.Helper()
			p := b.get(path)
			if p.status != status(ok) || !ok && p.body != missing {
				t.Errorf("%s on %s: status %d, want %d and the one page", role, path, p.status, status(ok))
			}
			return p
		}
		for _, path := range read {
			p := look(path, may[role].read)
			if role != caseflow.DSL && role != caseflow.Deputy && strings.Contains(p.body, ">7<") {
				t.Errorf("%s reads the DSL's counts on %s", role, path)
			}
			for _, secret := range []string{"everyone hates you</mark>", "Rowan Ashdown", "Tamsin Oakfield"} {
				if strings.Contains(p.body, secret) {
					t.Errorf("%s reads %q on %s", role, secret, path)
				}
			}
		}
		look("/exemptions/new", may[role].propose)
		look("/rules/try", may[role].try)
		for path, form := range map[string]url.Values{"/rules/changes/change-1/decide": {"version": {"1"}, "act": {"approve"}}, "/exemptions/form-1/decide": {"version": {"1"}, "act": {"approve"}}} {
			if role == caseflow.Head {
				continue // who may, and would end the walk
			}
			if p := b.post(path, form); p.status != http.StatusNotFound {
				t.Errorf("%s approves on %s: status %d", role, path, p.status)
			}
		}
		for _, path := range []string{"/exemptions", "/rules/r-1/change", "/rules/try", "/rules/approvals"} {
			ok := may[role].propose
			switch path {
			case "/rules/try":
				ok = may[role].try
			case "/rules/approvals":
				ok = role == caseflow.Head
			}
			if p := b.post(path, url.Values{}); (p.status == http.StatusNotFound) == ok {
				t.Errorf("%s posts to %s: status %d", role, path, p.status)
			}
		}
	}
	if p := f.browser().post("/exemptions", history()); p.status != http.StatusOK || !strings.HasPrefix(p.path, "/sign-in") {
		t.Errorf("signed out: %d at %s", p.status, p.path)
	}
}
