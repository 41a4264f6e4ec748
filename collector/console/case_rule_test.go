package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// TestCaseLeadsToItsRule: whoever may read the rules follows the name of the
// one that hit; the chair, who may not, reads the name alone.
func TestCaseLeadsToItsRule(t *testing.T) {
	const title, link = "Told they are hated or unwanted", `href="/rules/r-1"`
	f := withOversight(t)
	boss := f.person("Boss")
	_, enter := f.user("A. Reed", []caseflow.PersonKey{boss}, caseflow.Head)
	head := f.enter(enter)
	staffCase := func(account string) string {
		return "/cases/" + string(f.typeText(typed{account: account, audience: vocab.Staff, category: vocab.Bullying, severity: vocab.High, hit: "nobody wants you"}))
	}
	pupil, staff, own := f.one("Ivo"), staffCase("J. Porter"), staffCase("Boss")
	for role, x := range map[caseflow.Role]struct {
		as   *browser
		path string
		led  bool
	}{
		caseflow.DSL:    {f.signIn("H. Marlow", caseflow.DSL), pupil, true},
		caseflow.Deputy: {f.signIn("O. Thistle", caseflow.Deputy), pupil, true},
		caseflow.Head:   {head, staff, true},
		caseflow.Chair:  {f.signIn("C. Chair", caseflow.Chair), own, false},
	} {
		p := x.as.get(x.path)
		if p.status != http.StatusOK || !strings.Contains(p.body, title) || strings.Contains(p.body, link) != x.led {
			t.Errorf("%s: status %d, a link to the rule: %v", role, p.status, strings.Contains(p.body, link))
		}
		if rule := x.as.get("/rules/r-1"); (rule.status == http.StatusOK) != x.led {
			t.Errorf("%s opens the rule's page: status %d", role, rule.status)
		}
	}
}
