package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tuning"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Rules lists the rules of the packs that are on, as the packs have them, by
// category and title. Nobody changes what it returns.
func (p *Publisher) Rules() []tuning.Rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.source.rules.list
}

// Check says whether the packs in force can be published with overrides.
func (p *Publisher) Check(overrides []rulepack.Override) error {
	p.mu.Lock()
	set := p.source.rules.set
	p.mu.Unlock()
	if _, err := set.Encode(overrides); err != nil {
		return fmt.Errorf("check changes of rules: %w", err)
	}
	return nil
}

// listed reads what people see of rules. The packs have compiled.
func listed(packs []rulepack.Pack) (all []tuning.Rule) {
	for i := range packs {
		p := &packs[i]
		if p.Draft() {
			continue
		}
		for _, r := range p.Rules {
			rule := tuning.Rule{ID: r.ID.Value, Title: r.Title, Pack: cmp.Or(p.Title, p.Name.Value), Version: max(r.Version, 1),
				Hit: values(r.Examples.Hit), Miss: values(r.Examples.Miss), Audience: values(r.Audience),
				Phrases: len(r.Phrases) + len(r.Domains) + len(r.Hashes)}
			for _, c := range r.Categories {
				rule.Categories = append(rule.Categories, vocab.Category(c.Value))
			}
			rule.Severity, _ = vocab.ParseSeverity(r.Severity.Value)
			rule.Level, _ = vocab.ParseLevel(r.Level.Value)
			all = append(all, rule)
		}
	}
	slices.SortFunc(all, func(a, b tuning.Rule) int {
		return cmp.Or(cmp.Compare(a.Categories[0], b.Categories[0]), cmp.Compare(a.Title, b.Title), cmp.Compare(a.ID, b.ID))
	})
	return all
}

func values(texts []rulepack.Text) (all []string) {
	for _, t := range texts {
		all = append(all, t.Value)
	}
	return all
}

// tune puts the rules into a policy: as the group's form chooses packs, and as
// the school has changed single rules for it, which counts more. Then those who
// proposed and approved the last of the changes stand for the policy.
func (r rules) tune(ctx context.Context, t store.Tenant, p *lapwingv1.Policy, choice []rulepack.Override) error {
	proposals, err := t.Proposals(ctx, tuning.Kind)
	if err != nil {
		return err
	}
	overrides, last := tuning.InForce(proposals, p.Group)
	// A later pack may have raised a rule above what was approved then.
	overrides = slices.DeleteFunc(overrides, func(o rulepack.Override) bool {
		i := slices.IndexFunc(r.list, func(rule tuning.Rule) bool { return rule.ID == o.Rule })
		return i < 0 || rulepack.BelowFloor(o, r.list[i].Categories, r.list[i].Level, r.list[i].Severity)
	})
	if last.Version > 0 {
		p.ProposedBy, p.ApprovedBy = clip(last.By.Name), clip(last.Decided.Name)
	}
	if overrides = append(overrides, choice...); len(overrides) == 0 {
		p.Rules = r.compiled
		return nil
	}
	if p.Rules, err = r.set.Encode(overrides); err != nil {
		return fmt.Errorf("compile the school's changes of rules: %w", err)
	}
	return nil
}

// clip keeps a name within what a policy takes.
func clip(name string) string {
	const most = 256
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "")
	}
	return name
}
