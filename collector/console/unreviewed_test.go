package console_test

import (
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// A case about both the head and the chair is opened by nobody. The data
// protection officer is told that it waits, and nothing of it; those whom it
// concerns are told nothing, until somebody else holds the post.
func TestACaseThatNobodyMayOpen(t *testing.T) {
	f := newFixture(t)
	boss, chairman, officer := f.person("boss"), f.person("chairman"), f.person("officer")
	enter := func(name string, p *caseflow.PersonKey, role ...caseflow.Role) *browser {
		var keys []caseflow.PersonKey
		if p != nil {
			keys = append(keys, *p)
		}
		_, link := f.user(name, keys, role...)
		return f.enter(link)
	}
	people := map[string]*browser{
		"head": enter("Boss", &boss, caseflow.Head, caseflow.DPO), "chair": enter("Chairman", &chairman, caseflow.Chair), "dsl": enter("Lead", nil, caseflow.DSL),
		"admin": enter("Admin", nil, caseflow.Administrator), "dpo": enter("Officer", &officer, caseflow.DPO), "leadership": enter("Senior", nil, caseflow.Leadership),
	}
	told := func(when, want string) {
		t.Helper()
		for name, b := range people {
			for _, path := range []string{"/", "/people", "/audit", "/cases"} {
				p := b.get(path)
				is := strings.Contains(p.body, "data-unreviewed")
				if is && !strings.Contains(want, name) {
					t.Errorf("%s: %s is told on %s", when, name, path)
				}
				if path == "/" && !is && strings.Contains(want, name) {
					t.Errorf("%s: %s is not told", when, name)
				}
				if strings.Contains(p.body, "bothsecret") {
					t.Errorf("%s: %s reads the words on %s", when, name, path)
				}
			}
		}
	}
	told("before", "nobody")
	ref := f.typeText(typed{account: "ivo", audience: vocab.Pupil, category: vocab.Bullying, severity: vocab.High, hit: "bothsecret", subjects: []caseflow.PersonKey{boss, chairman}})
	told("about head and chair", "dpo")
	if p := people["dpo"].get("/"); !strings.Contains(p.body, "the vice-chair") || strings.Contains(p.body, string(ref)) || strings.Contains(p.body, "bullying") {
		t.Error("the officer is not told what to do, or told too much")
	}
	f.typeText(typed{account: "amy", audience: vocab.Pupil, category: vocab.Drugs, severity: vocab.High, hit: "bothsecret", subjects: []caseflow.PersonKey{boss, chairman, officer}})
	told("another names the officer too", "dpo admin")
	people["vice"] = enter("Vice", nil, caseflow.Chair)
	if p := people["vice"].get("/"); !strings.Contains(p.body, "2 cases wait for you.") {
		t.Error("the vice-chair is not told of the cases")
	}
	if p := people["vice"].get("/cases/" + string(ref)); !strings.Contains(p.body, "bothsecret") {
		t.Errorf("the vice-chair cannot open it: %d", p.status)
	}
	delete(people, "vice")
	told("the post is filled", "nobody")
}

// Who asks for help because of the head writes to the chair, who is told on the
// first page and in the case; the head meets nothing of it.
func TestHelpAboutTheHeadReachesTheChair(t *testing.T) {
	f := newFixture(t)
	boss := f.person("boss")
	_, link := f.user("Boss", []caseflow.PersonKey{boss}, caseflow.Head)
	head, chair := f.enter(link), f.signIn("C. Curlew", caseflow.Chair)
	_, lines := chair.listen(t.Context(), f.position(caseflow.Actor{User: "u-c.-curlew", Roles: []caseflow.Role{caseflow.Chair}}))
	ref := f.typeText(typed{account: "will", audience: vocab.Pupil, category: vocab.Help, severity: vocab.High, hit: "helpsecret", subjects: []caseflow.PersonKey{boss},
		help: &lapwingv1.HelpRequest{Words: "helpsecret", AboutAdult: true, Today: true}})
	if _, found := await(t, lines, "event: changed"); !found {
		t.Error("the chair's list is not told")
	}
	p := chair.get("/")
	if !strings.Contains(p.body, "1 case waits for you. Somebody asks for help in it.") {
		t.Error("the chair is not told on the first page")
	}
	p = chair.get("/cases/" + string(ref))
	if !strings.Contains(p.body, "it went to you, the chair of governors") || strings.Contains(p.body, "went to the head teacher") {
		t.Error("the case says that it went to the head")
	}
	for _, path := range []string{"/", "/cases", "/cases/" + string(ref)} {
		if p := head.get(path); strings.Contains(p.body, "helpsecret") || strings.Contains(p.body, "waits for you") {
			t.Errorf("the head is told on %s", path)
		}
	}
}
