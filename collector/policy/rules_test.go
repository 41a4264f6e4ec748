package policy_test

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tuning"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// TestApprovedChangesAreSigned: a change that was approved is in the policy of
// its group and of no other, with its people's names; a proposal is not; and
// "as the pack has it" takes it back under a higher version.
func TestApprovedChangesAreSigned(t *testing.T) {
	key, s := newKey(t), newSchool()
	p := publisher(t, configs.Rules(), key)
	var rule tuning.Rule
	for _, r := range p.Rules() {
		if r.Categories[0] == vocab.Bullying && r.Level == vocab.Alert {
			rule = r
		}
	}
	if rule.ID == "" {
		t.Fatal("no alert rule of bullying")
	}
	dsl := caseflow.Actor{User: "u-dsl", Name: "Dana", Roles: []caseflow.Role{caseflow.DSL}}
	head := caseflow.Actor{User: "u-head", Name: "Hana", Roles: []caseflow.Role{caseflow.Head}}
	propose := func(id, group string, setting tuning.Setting) store.Proposal {
		t.Helper()
		f := tuning.Form{ID: id, Group: group, Setting: setting, Level: "log", Severity: "low", Reason: "noisy", RiskNote: "watched"}
		prop, err := tuning.Propose(rule, f, []string{"lab"}, "", "", dsl, audit.Who{Name: dsl.Name}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return prop
	}
	approve := func(prop store.Proposal) store.Proposal {
		t.Helper()
		prop, err := tuning.Decide(prop, store.Approved, "", head, audit.Who{Name: head.Name}, false, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return prop
	}
	read := func(group string) (uint64, string, detect.Hit, bool) {
		t.Helper()
		signed, version, err := p.Current(t.Context(), s, policy.Group{Name: group})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := policydoc.Open(signed, key.Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		e, err := detect.Load(doc.Rules)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range rule.Hit {
			for _, h := range e.Match(line, detect.Options{}) {
				if h.Rule == rule.ID {
					return version, doc.ProposedBy + ", " + doc.ApprovedBy, h, true
				}
			}
		}
		return version, doc.ProposedBy + ", " + doc.ApprovedBy, detect.Hit{}, false
	}
	set := func(all ...store.Proposal) {
		changed := p.Changed(1, policy.Group{Name: "lab"})
		s.mu.Lock()
		s.proposals = all
		s.mu.Unlock()
		p.Refresh(1)
		select {
		case <-changed:
		default:
			t.Fatal("streams are not told")
		}
	}
	was, _, _, hit := read("lab")
	otherWas, _, _, _ := read("other")
	if !hit {
		t.Fatal("the rule's own example does not hit")
	}
	quiet := propose("p-1", "lab", tuning.Set)
	set(quiet)
	if v, _, h, _ := read("lab"); v != was || h.Level != vocab.Alert {
		t.Errorf("a proposal is in force: version %d, level %v", v, h.Level)
	}
	quiet = approve(quiet)
	set(quiet)
	if v, who, h, hit := read("lab"); v != was+1 || who != "Dana, Hana" || !hit || h.Level != vocab.Log || h.Severity != vocab.Low {
		t.Errorf("approved: version %d by %s, hit %v %v %v", v, who, hit, h.Level, h.Severity)
	}
	if v, _, h, _ := read("other"); v != otherWas || h.Level == vocab.Log {
		t.Errorf("another group has version %d, level %v", v, h.Level)
	}
	off := approve(propose("p-2", "", tuning.Off))
	set(off, quiet)
	for _, group := range []string{"lab", "other"} {
		if _, _, _, hit := read(group); hit {
			t.Errorf("%s: the rule is on", group)
		}
	}
	back := approve(propose("p-3", "", tuning.AsPack))
	set(back, off, quiet)
	if v, _, h, hit := read("lab"); v != was+3 || !hit || h.Level != vocab.Alert {
		t.Errorf("taken back: version %d, hit %v %v", v, hit, h.Level)
	}
}
