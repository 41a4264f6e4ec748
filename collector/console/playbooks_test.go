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
	for _, m := range regexp.MustCompile(`<input[^>]* name="((?:step_|title)\w*)"[^>]* value="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
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
