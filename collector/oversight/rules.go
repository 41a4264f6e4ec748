package oversight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tuning"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
)

// countedMonths is how far back the counts go: a school year.
const countedMonths = 12

// RuleView is one rule at work.
type RuleView struct {
	tuning.Rule
	// Counted: the viewer reviews cases, so the numbers are of those; else they
	// are zero and mean nothing.
	Counted                       bool
	Hits, Right, Wrong, NoConcern int
	Whys                          []store.WhyCount
	Months                        []store.RuleCount // newest first
	// Changed are the changes of it that are in force, by group; "" is all.
	Changed []GroupChange
}

// GroupChange is how a rule stands in one place.
type GroupChange struct {
	Group string
	tuning.Change
	Since time.Time
}

func (s *Service) rules() map[string]tuning.Rule {
	all := map[string]tuning.Rule{}
	for _, r := range s.cfg.Policies.Rules() {
		all[r.ID] = r
	}
	return all
}

// Rules lists every rule that is on in the packs, with the counts of the
// viewer's own cases, those that hit most first.
func (s *Service) Rules(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]RuleView, error) {
	if !caseflow.MayReadChanges(viewer) {
		return nil, store.ErrNotFound
	}
	counts, err := t.RuleCounts(ctx, viewer, s.cfg.Now().AddDate(0, 1-countedMonths, 0))
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	proposals, err := t.Proposals(ctx, tuning.Kind)
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	by := map[string][]store.RuleCount{}
	for _, c := range counts {
		by[c.Rule] = append(by[c.Rule], c)
	}
	var views []RuleView
	for _, r := range s.cfg.Policies.Rules() {
		v := RuleView{Rule: r, Counted: len(caseflow.CountsOf(viewer)) > 0, Months: by[r.ID], Changed: changed(proposals, r.ID)}
		slices.SortFunc(v.Months, func(a, b store.RuleCount) int { return b.Month.Compare(a.Month) })
		for _, m := range v.Months {
			v.Hits, v.Right, v.Wrong, v.NoConcern = v.Hits+m.Hits, v.Right+m.Right, v.Wrong+m.Wrong, v.NoConcern+m.NoConcern
			for _, w := range m.Whys {
				i := slices.IndexFunc(v.Whys, func(o store.WhyCount) bool { return o.Why == w.Why })
				if i < 0 {
					v.Whys = append(v.Whys, w)
				} else {
					v.Whys[i].N += w.N
				}
			}
		}
		views = append(views, v)
	}
	slices.SortStableFunc(views, func(a, b RuleView) int { return cmp.Or(cmp.Compare(b.Wrong, a.Wrong), cmp.Compare(b.Hits, a.Hits)) })
	return views, nil
}

// changed says how a rule stands where the school has changed it: the last
// approved change of each place, and of all those that came after.
func changed(proposals []store.Proposal, rule string) (out []GroupChange) {
	approved := slices.DeleteFunc(slices.Clone(proposals), func(p store.Proposal) bool { return p.State != store.Approved })
	slices.SortStableFunc(approved, func(a, b store.Proposal) int { return a.DecidedAt.Compare(b.DecidedAt) })
	for _, p := range approved {
		c, err := tuning.Of(p)
		if err != nil || c.Rule != rule {
			continue
		}
		if c.Group == "" {
			out = nil // what is for all stands over what was for some
		}
		out = slices.DeleteFunc(out, func(g GroupChange) bool { return g.Group == c.Group })
		out = append(out, GroupChange{c.Group, c, p.DecidedAt})
	}
	// A group may be back to the pack while all others are changed; only where
	// nothing else stands does "as the pack has it" say nothing.
	if !slices.ContainsFunc(out, func(g GroupChange) bool { return g.Setting != tuning.AsPack }) {
		return nil
	}
	return out
}

// Rule is one rule and the changes that were asked for of it, newest first.
func (s *Service) Rule(ctx context.Context, t store.Tenant, viewer caseflow.Actor, id string) (RuleView, []ChangeView, error) {
	all, err := s.Rules(ctx, t, viewer)
	if err != nil {
		return RuleView{}, nil, err
	}
	i := slices.IndexFunc(all, func(v RuleView) bool { return v.ID == id })
	if i < 0 {
		return RuleView{}, nil, store.ErrNotFound
	}
	changes, err := s.Changes(ctx, t, viewer)
	if err != nil {
		return RuleView{}, nil, err
	}
	return all[i], slices.DeleteFunc(changes, func(c ChangeView) bool { return c.Rule != id }), nil
}

// ChangeView is a change of a rule and where it stands.
type ChangeView struct {
	store.Proposal
	tuning.Change
	MayApprove, Yours bool
}

// Changes lists the changes of rules, newest first.
func (s *Service) Changes(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]ChangeView, error) {
	if !caseflow.MayReadChanges(viewer) {
		return nil, store.ErrNotFound
	}
	may, err := s.Delegated(ctx, t)
	if err != nil {
		return nil, err
	}
	proposals, err := t.Proposals(ctx, tuning.Kind)
	if err != nil {
		return nil, fmt.Errorf("list changes: %w", err)
	}
	var views []ChangeView
	for _, p := range proposals {
		c, err := tuning.Of(p)
		if err != nil {
			continue
		}
		waits := p.State == store.Proposed
		views = append(views, ChangeView{p, c, waits && caseflow.MayApprove(viewer, p.Author, may), waits && p.Author.User == viewer.User})
	}
	return views, nil
}

// PolicyVersion is the version of a device group's policy and whose it is.
type PolicyVersion struct {
	Group string
	store.Document
}

// Versions lists the policy in force of every device group.
func (s *Service) Versions(ctx context.Context, t store.Tenant, kind func(group string) string) ([]PolicyVersion, error) {
	groups, err := s.groups(ctx, t)
	if err != nil {
		return nil, err
	}
	var all []PolicyVersion
	for _, g := range groups {
		docs, err := t.DocumentVersions(ctx, kind(g), 1)
		if err != nil {
			return nil, fmt.Errorf("list policies: %w", err)
		}
		if len(docs) > 0 {
			all = append(all, PolicyVersion{g, docs[0]})
		}
	}
	return all, nil
}

// Propose asks for a change of a rule. Refusals are tuning.Problems.
func (s *Service) Propose(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, rule string, f tuning.Form) error {
	if !caseflow.MayPropose(viewer) {
		return store.ErrNotFound
	}
	v, _, err := s.Rule(ctx, t, viewer, rule)
	if err != nil {
		return err
	}
	if !store.CheckID(f.ID) {
		return &caseflow.InvalidError{Field: "key", Message: "Load the page again and fill the form in once more."}
	}
	groups, err := s.groups(ctx, t)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	p, err := tuning.Propose(v.Rule, f, groups, v.standsIn(f.Group), v.evidence(), viewer, by, now)
	if err != nil {
		return hidden(err)
	}
	c, err := tuning.Of(p)
	if err == nil {
		err = s.cfg.Policies.Check([]rulepack.Override{c.Override()})
	}
	if err != nil {
		return fmt.Errorf("propose a change: %w", err)
	}
	err = t.PutProposal(ctx, p, audit.Entry{At: now, Who: by, Action: audit.RuleChangeProposed, Object: []string{p.ID, v.ID}})
	if errors.Is(err, store.ErrExists) {
		first, err := t.Proposal(ctx, tuning.Kind, f.ID)
		if err != nil || first.Author.User != viewer.User {
			return &caseflow.InvalidError{Field: "key", Message: "This form was used already. Load the page again."}
		}
		return nil // the same form, sent twice
	}
	if err != nil {
		return fmt.Errorf("propose a change: %w", err)
	}
	return nil
}

// standsIn says how the rule stands in a group before a change.
func (v RuleView) standsIn(group string) string {
	words := v.Words()
	for _, g := range v.Changed {
		if (g.Group == "" || g.Group == group) && g.Setting != tuning.AsPack {
			words = g.Change.Words()
		}
	}
	return words
}

// evidence is what the proposer's own numbers say, for whoever approves.
// Numbers under 5 stay with those whose cases they are.
func (v RuleView) evidence() string {
	const fewest = 5
	if n := v.Right + v.Wrong; n < fewest {
		return "fewer than 5 verdicts so far"
	}
	return fmt.Sprintf("%d hits in a year, %s", v.Hits, tuning.Precision(v.Right, v.Wrong))
}

var changeActions = map[store.ProposalState]audit.Action{
	store.Approved: audit.RuleChangeApproved, store.Refused: audit.RuleChangeRefused, store.Withdrawn: audit.RuleChangeWithdrawn,
}

// DecideChange approves, refuses or withdraws a change. What is approved is in
// the policy at once, and connected devices are told.
func (s *Service) DecideChange(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, f Form, to store.ProposalState) error {
	action, ok := changeActions[to]
	if !ok || !caseflow.MayReadChanges(viewer) {
		return store.ErrNotFound
	}
	p, err := t.Proposal(ctx, tuning.Kind, f.ID)
	if err != nil {
		return fmt.Errorf("decide on change: %w", err)
	}
	if p.Version != f.Version {
		if p.State == to && p.Decided.User == by.User {
			return nil // the same form, sent twice
		}
		return StaleError{}
	}
	may, err := s.Delegated(ctx, t)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	after, err := tuning.Decide(p, to, f.Note, viewer, by, may, now)
	if err != nil {
		return hidden(err)
	}
	c, err := tuning.Of(p)
	if err != nil {
		return err
	}
	err = t.PutProposal(ctx, after, audit.Entry{At: now, Who: by, Action: action, Object: []string{p.ID, c.Rule}})
	if errors.Is(err, store.ErrStale) {
		return StaleError{}
	}
	if err != nil {
		return fmt.Errorf("decide on change: %w", err)
	}
	if to == store.Approved {
		s.cfg.Policies.Refresh(t.Info().ID)
	}
	return nil
}
