package tuning_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tuning"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

var (
	start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	dsl   = caseflow.Actor{User: "u-dsl", Name: "Dana", Roles: []caseflow.Role{caseflow.DSL}}
	head  = caseflow.Actor{User: "u-head", Name: "Hana", Roles: []caseflow.Role{caseflow.Head}}
	rules = []tuning.Rule{
		{ID: "plan", Title: "Plan", Categories: []vocab.Category{vocab.Suicide}, Severity: vocab.Critical, Level: vocab.Alert},
		{ID: "cruel", Title: "Cruel", Categories: []vocab.Category{vocab.Bullying}, Severity: vocab.Medium, Level: vocab.Alert},
		{ID: "both", Title: "Both", Categories: []vocab.Category{vocab.Violence, vocab.SelfHarm}, Severity: vocab.High, Level: vocab.Alert},
	}
)

// TestWhateverIsApproved: after any proposals and decisions, what is in force
// was approved by another person, is the last word on its rule in that place,
// and nothing about suicide or self-harm is off or below its floor.
func TestWhateverIsApproved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []store.Proposal
		now := start
		for n := range rapid.IntRange(1, 15).Draw(t, "proposals") {
			now = now.Add(time.Minute)
			rule := rapid.SampledFrom(rules).Draw(t, "rule")
			f := tuning.Form{ID: fmt.Sprintf("p-%d", n), Group: rapid.SampledFrom([]string{"", "lab", "trolley", "unknown"}).Draw(t, "group"),
				Setting: rapid.SampledFrom([]tuning.Setting{tuning.AsPack, tuning.Set, tuning.Off, "odd"}).Draw(t, "setting"),
				Level:   rapid.SampledFrom([]string{"alert", "log", ""}).Draw(t, "level"), Severity: rapid.SampledFrom([]string{"low", "medium", "high", "critical", "odd"}).Draw(t, "severity"),
				Reason: "r", RiskNote: "n"}
			p, err := tuning.Propose(rule, f, []string{"lab", "trolley"}, "", "", dsl, audit.Who{User: string(dsl.User)}, now)
			if err != nil {
				continue
			}
			by := rapid.SampledFrom([]caseflow.Actor{dsl, head}).Draw(t, "by")
			to := rapid.SampledFrom([]store.ProposalState{store.Approved, store.Refused, store.Withdrawn}).Draw(t, "to")
			if after, err := tuning.Decide(p, to, "because", by, audit.Who{User: string(by.User)}, true, now.Add(time.Second)); err == nil {
				p = after
			}
			all = append(all, p)
		}
		for _, group := range []string{"lab", "trolley", "other"} {
			overrides, last := tuning.InForce(all, group)
			if last.Version != 0 && (last.State != store.Approved || last.Decided.User == last.By.User) {
				t.Fatalf("in force: %s by %s, proposed by %s", last.State, last.Decided.User, last.By.User)
			}
			want := map[string]tuning.Change{}
			for _, p := range all {
				if c, err := tuning.Of(p); err == nil && p.State == store.Approved && (c.Group == "" || c.Group == group) {
					want[c.Rule] = c
				}
			}
			for _, o := range overrides {
				for _, r := range rules {
					if r.ID == o.Rule && rulepack.BelowFloor(o, r.Categories, r.Level, r.Severity) {
						t.Fatalf("%s is below its floor: %+v", r.ID, o)
					}
				}
				if o != want[o.Rule].Override() {
					t.Fatalf("%s: %+v, want %+v", o.Rule, o, want[o.Rule])
				}
				delete(want, o.Rule)
			}
			for rule, c := range want {
				if c.Setting != tuning.AsPack {
					t.Fatalf("%s in %s is not in force: %+v", rule, group, c)
				}
			}
		}
	})
}

func TestDecidedOnce(t *testing.T) {
	f := tuning.Form{ID: "p", Setting: tuning.Off, Reason: "noisy", RiskNote: "watched"}
	p, err := tuning.Propose(rules[1], f, nil, "", "", dsl, audit.Who{}, start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tuning.Decide(p, store.Approved, "", dsl, audit.Who{}, true, start); !errors.Is(err, caseflow.ErrNotAllowed) {
		t.Errorf("own approval: %v", err)
	}
	if _, err := tuning.Decide(p, store.Withdrawn, "", head, audit.Who{}, true, start); !errors.Is(err, caseflow.ErrNotAllowed) {
		t.Errorf("another takes it back: %v", err)
	}
	if p, err = tuning.Decide(p, store.Approved, "", head, audit.Who{}, false, start); err != nil {
		t.Fatal(err)
	}
	var invalid *caseflow.InvalidError
	if _, err := tuning.Decide(p, store.Refused, "no", head, audit.Who{}, false, start); !errors.As(err, &invalid) {
		t.Errorf("decided twice: %v", err)
	}
}

func TestPrecision(t *testing.T) {
	for want, n := range map[string][2]int{"no verdict here yet": {0, 0}, "right the one time here": {1, 0}, "right all 4 times here": {4, 0}, "right 1 of 3 times here": {1, 2},
		"right 0 of 2 times here": {0, 2}, "right 7 times in 10 here": {7, 3}, "right 10 times in 10 here": {40, 0}, "right 3 times in 10 here": {26, 74}} {
		if got := tuning.Precision(n[0], n[1]); got != want {
			t.Errorf("%v: %q, want %q", n, got, want)
		}
	}
}
