package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// bookFields are the fields of the form, as the page has them.
func bookFields(t *testing.T, p page) url.Values {
	t.Helper()
	form := url.Values{}
	for _, m := range regexp.MustCompile(`<input[^>]* name="((?:step_|title|base)\w*)"[^>]* value="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
		form.Set(m[1], m[2])
	}
	for _, m := range regexp.MustCompile(`(?s)<textarea[^>]* name="(\w+)"[^>]*>(.*?)</textarea>`).FindAllStringSubmatch(p.body, -1) {
		form.Set(m[1], m[2])
	}
	if form.Get("step_id_1") == "" || form.Get("do_not") == "" {
		t.Fatalf("the page has no form (status %d)", p.status)
	}
	return form
}

// TestSchoolsOwnPlaybook: proposed by one, approved by another; a case that was
// begun keeps its version, a new one has the new; the log has both people.
func TestSchoolsOwnPlaybook(t *testing.T) {
	f := newFixture(t)
	begun, fresh := f.one("Ivo"), f.one("Amy")
	dsl, head, other := f.signIn("H. Marlow", caseflow.DSL), f.signIn("A. Reed", caseflow.Head), f.signIn("S. Brack", caseflow.Technician)
	dsl.post(begun+"/steps", with(hidden(t, dsl.get(begun)), "steps", "", "step", "safe-now"))

	form := bookFields(t, dsl.get("/playbooks/bullying"))
	for name, tc := range map[string]struct{ field, value, want string }{
		"no title":      {"title", " ", "Enter a title."},
		"nothing not":   {"do_not", "\n \n", "at least one thing not to do"},
		"no reason":     {"reason", "", "Enter a reason."},
		"no source":     {"sources", "", "Name the policy"},
		"a long step":   {"step_text_1", strings.Repeat("x", 241), "240 characters or fewer"},
		"too many nots": {"do_not", strings.Repeat("x\n", 13), "at most 12 lines"},
	} {
		if p := dsl.post("/playbooks/bullying", with(with(form, "reason", "r"), tc.field, tc.value)); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, tc.want) {
			t.Errorf("%s: status %d", name, p.status)
		}
	}
	form = with(form, "step_text_2", "Our own <b>second</b> step", "reason", "The new anti-bullying policy")
	p := dsl.post("/playbooks/bullying", form)
	if p.status != http.StatusOK || !strings.Contains(p.body, "A change waits for approval") || strings.Contains(p.body, `value="approve"`) {
		t.Fatalf("proposing: status %d", p.status)
	}
	if p := dsl.post("/playbooks/bullying", form); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "waits for its approval already") {
		t.Errorf("a second change: status %d", p.status)
	}
	proposal := regexp.MustCompile(`name="proposal" value="([^"]+)"`).FindStringSubmatch(head.get("/playbooks/bullying").body)
	if proposal == nil {
		t.Fatal("the head has nothing to approve")
	}
	decide := url.Values{"proposal": {proposal[1]}, "decide": {"approve"}}
	for who, b := range map[string]*browser{"who proposed it": dsl, "a technician": other} {
		if p := b.post("/playbooks/bullying/decide", decide); p.status != http.StatusNotFound {
			t.Errorf("%s approves it: status %d", who, p.status)
		}
	}
	if p := head.post("/playbooks/bullying/decide", decide); !strings.Contains(p.body, "Version 2, this school’s. Proposed by H. Marlow, approved by A. Reed.") {
		t.Errorf("approving: status %d", p.status)
	}
	if p := head.post("/playbooks/bullying/decide", decide); p.status != http.StatusConflict {
		t.Errorf("approving twice: status %d", p.status)
	}
	if p := dsl.get(begun); strings.Contains(p.body, "Our own") || !strings.Contains(p.body, "Speak to the pupil who typed it alone") {
		t.Error("the begun case has another playbook")
	}
	p = dsl.get(fresh)
	if !strings.Contains(p.body, "Our own &lt;b&gt;second&lt;/b&gt; step") || !strings.Contains(p.body, `value="typist"`) {
		t.Error("a new case does not have the new playbook, with the step's own id")
	}
	if p := other.get("/playbooks"); p.status != http.StatusNotFound {
		t.Errorf("a technician reads the playbooks: status %d", p.status)
	}
}

// TestPlaybookChangedMeanwhile: an edit of a version that is not in force any
// more is refused with what was written, whoever proposed may take it back, an
// error stands at its own step, and the versions before can be read.
func TestPlaybookChangedMeanwhile(t *testing.T) {
	f := newFixture(t)
	dsl, deputy, head := f.signIn("H. Marlow", caseflow.DSL), f.signIn("O. Thistle", caseflow.Deputy), f.signIn("A. Reed", caseflow.Head)
	proposal := func(b *browser) url.Values {
		t.Helper()
		m := regexp.MustCompile(`name="proposal" value="([^"]+)"`).FindStringSubmatch(b.get("/playbooks/bullying").body)
		if m == nil {
			t.Fatal("nothing to decide")
		}
		return url.Values{"proposal": {m[1]}}
	}
	stale := with(bookFields(t, deputy.get("/playbooks/bullying")), "reason", "Ours", "title", "The deputy's")
	form := with(bookFields(t, dsl.get("/playbooks/bullying")), "reason", "Policy")
	p := dsl.post("/playbooks/bullying", with(form, "step_text_3", strings.Repeat("x", 241), "step_why_9", "why"))
	for _, want := range []string{`href="#step_text_3"`, `id="step_text_3-error"`, `id="step_text_9-error"`} {
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, want) {
			t.Errorf("a long third step: status %d, no %s", p.status, want)
		}
	}
	form = with(form, "do_not", "show the words to the other pupil or their parents", "step_text_7", "A step of ours")
	dsl.post("/playbooks/bullying", form)
	if p := deputy.post("/playbooks/bullying/decide", with(proposal(dsl), "decide", "withdraw")); p.status != http.StatusNotFound {
		t.Errorf("somebody else takes it back: status %d", p.status)
	}
	if p := dsl.post("/playbooks/bullying/decide", with(proposal(dsl), "decide", "withdraw")); strings.Contains(p.body, "waits for approval") {
		t.Error("it cannot be taken back")
	}
	dsl.post("/playbooks/bullying", form)
	p = head.get("/playbooks/bullying")
	changed := between(p.body, "What it changes", "</table>")
	for _, want := range []string{"copy this into e-mail: use the case", "<strong>Taken out</strong>", "A step of ours"} {
		if !strings.Contains(changed, want) {
			t.Errorf("who approves is not shown %q", want)
		}
	}
	head.post("/playbooks/bullying/decide", with(proposal(head), "decide", "approve"))
	p = deputy.post("/playbooks/bullying", stale)
	if p.status != http.StatusConflict || !strings.Contains(p.body, "was changed after you opened it") || !strings.Contains(p.body, "The deputy&#39;s") || !strings.Contains(p.body, "A step of ours") {
		t.Errorf("a stale edit: status %d", p.status)
	}
	if p := dsl.get("/playbooks/bullying"); strings.Contains(p.body, "waits for approval") || !strings.Contains(between(p.body, "Version 1, Lapwing’s own", "</details>"), "copy this into e-mail") {
		t.Error("the version before cannot be read, or the stale edit was kept")
	}
}
