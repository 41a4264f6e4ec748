// Package oversight is the one way from people to exemptions and to changes of
// rules: who may, what was asked and decided, the ledger entry of each, and
// the policy that follows. What is decided is decided by collector/exemption,
// collector/tuning and collector/caseflow.
//
// It may import those, collector/{audit,store} and internal/*; never a store's
// implementation, HTTP or a template. It logs nothing and unseals nothing.
package oversight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/exemption"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tuning"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Policies are the rules in force (collector/policy).
type Policies interface {
	Rules() []tuning.Rule
	Check(overrides []rulepack.Override) error
	Refresh(school store.SchoolID)
}

// Config is what a Service is made of; every field is needed.
type Config struct {
	Policies Policies
	Now      func() time.Time
	Zone     *time.Location
}

// Service answers for every school. Safe for concurrent use.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg} }

// delegationKind is the document that says whether leadership may approve.
const delegationKind = "setting/approvals"

// delegated is the document's body while leadership may.
const delegated = "leadership"

// Delegated reports whether leadership may approve, as a head has decided.
func (s *Service) Delegated(ctx context.Context, t store.Tenant) (bool, error) {
	d, err := t.LatestDocument(ctx, delegationKind)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read who approves: %w", err)
	}
	return string(d.Body) == delegated, nil
}

// Delegate says whether leadership may approve; for heads.
func (s *Service) Delegate(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, to bool) error {
	if !caseflow.MayDelegate(viewer) {
		return store.ErrNotFound
	}
	body := "head"
	if to {
		body = delegated
	}
	d, err := t.LatestDocument(ctx, delegationKind)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read who approves: %w", err)
	}
	if string(d.Body) == body {
		return nil
	}
	now := s.cfg.Now()
	if err := t.PutDocument(ctx, store.Document{Kind: delegationKind, Version: d.Version + 1, Body: []byte(body), Proposed: by, Approved: by, Created: now}); err != nil {
		return fmt.Errorf("say who approves: %w", err)
	}
	if err := t.Append(ctx, audit.Entry{At: now, Who: by, Action: audit.ApprovalDelegated, Object: []string{body}}); err != nil {
		return fmt.Errorf("record who approves: %w", err)
	}
	return nil
}

// Exemptions lists all, those that wait first, then by end, the latest first.
func (s *Service) Exemptions(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]exemption.Exemption, error) {
	if !caseflow.MayReadChanges(viewer) {
		return nil, store.ErrNotFound
	}
	all, err := t.Exemptions(ctx)
	if err != nil {
		return nil, fmt.Errorf("list exemptions: %w", err)
	}
	slices.SortFunc(all, func(a, b exemption.Exemption) int {
		if c := b.Until.Compare(a.Until); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// Ask proposes an exemption under the form's own id, so that a form that is
// sent twice asks once. Refusals are exemption.Problems.
func (s *Service) Ask(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, id string, terms exemption.Terms) error {
	if !caseflow.MayPropose(viewer) {
		return store.ErrNotFound
	}
	if !store.CheckID(id) {
		return &caseflow.InvalidError{Field: "key", Message: "Load the page again and fill the form in once more."}
	}
	terms.Zone = s.cfg.Zone.String()
	now := s.cfg.Now()
	unknown, err := s.nameClasses(ctx, t, &terms)
	if err != nil {
		return err
	}
	e, err := exemption.Propose(id, terms, viewer, now)
	if err != nil {
		return hidden(err)
	}
	var p exemption.Problems
	if unknown {
		p = append(p, &caseflow.InvalidError{Field: "classes", Message: "Choose classes from the list."})
	}
	known := s.rules()
	for _, r := range terms.Rules {
		if _, ok := known[r]; !ok {
			p = append(p, &caseflow.InvalidError{Field: "rules", Message: "Choose rules from the list."})
			break
		}
		if rulepack.Floored(known[r].Categories) {
			p = append(p, &caseflow.InvalidError{Field: "rules", Message: "Rules of suicide and self-harm are never exempt. Take them out."})
			break
		}
	}
	if len(p) > 0 {
		return p
	}
	err = t.PutExemption(ctx, e, audit.Entry{At: now, Who: by, Action: audit.ExemptionProposed})
	if errors.Is(err, store.ErrExists) {
		return s.sameAsk(ctx, t, viewer, id)
	}
	if err != nil {
		return fmt.Errorf("ask for exemption: %w", err)
	}
	return nil
}

// nameClasses gives the chosen classes their titles; unknown is true when the
// directory has one of them no more.
func (s *Service) nameClasses(ctx context.Context, t store.Tenant, terms *exemption.Terms) (unknown bool, err error) {
	if len(terms.Classes) == 0 {
		return false, nil
	}
	known, err := s.Choices(ctx, t)
	if err != nil {
		return false, err
	}
	terms.Classes = slices.Clone(terms.Classes)
	for i, c := range terms.Classes {
		at := slices.IndexFunc(known.Classes, func(k exemption.Class) bool { return k.ID == c.ID })
		if at < 0 {
			return true, nil
		}
		terms.Classes[i] = known.Classes[at]
	}
	return false, nil
}

// sameAsk accepts the second sending of one's own form.
func (s *Service) sameAsk(ctx context.Context, t store.Tenant, viewer caseflow.Actor, id string) error {
	e, err := t.Exemption(ctx, id)
	if err != nil || e.Author.User != viewer.User {
		return &caseflow.InvalidError{Field: "key", Message: "This form was used already. Load the page again."}
	}
	return nil
}

// Form decides about an exemption or a change of a rule.
type Form struct {
	ID      string
	Version uint64 // that the page showed
	Note    string
}

// StaleError says that somebody decided first. Nothing was changed.
type StaleError struct{}

func (StaleError) Error() string { return "decided by somebody else meanwhile" }

var exemptionActions = map[exemption.State]audit.Action{
	exemption.Approved: audit.ExemptionApproved, exemption.Refused: audit.ExemptionRefused,
	exemption.Withdrawn: audit.ExemptionWithdrawn, exemption.Revoked: audit.ExemptionRevoked,
}

// DecideExemption approves, refuses, withdraws or revokes one.
func (s *Service) DecideExemption(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, f Form, to exemption.State) error {
	action, ok := exemptionActions[to]
	if !ok || !caseflow.MayReadChanges(viewer) {
		return store.ErrNotFound
	}
	e, err := t.Exemption(ctx, f.ID)
	if err != nil {
		return fmt.Errorf("decide on exemption: %w", err)
	}
	if e.Version != f.Version {
		if n := len(e.Steps); e.State == to && n > 0 && e.Steps[n-1].User == viewer.User {
			return nil // the same form, sent twice
		}
		return StaleError{}
	}
	may, err := s.Delegated(ctx, t)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	after, err := exemption.Decide(e, to, f.Note, viewer, may, now)
	if err != nil {
		return hidden(err)
	}
	err = t.PutExemption(ctx, after, audit.Entry{At: now, Who: by, Action: action})
	if errors.Is(err, store.ErrStale) {
		return StaleError{}
	}
	if err != nil {
		return fmt.Errorf("decide on exemption: %w", err)
	}
	return nil
}

func hidden(err error) error {
	if errors.Is(err, caseflow.ErrHidden) || errors.Is(err, caseflow.ErrNotAllowed) {
		return store.ErrNotFound
	}
	return err
}

// Choices are what the forms offer: device groups, and the directory's year
// groups and classes of pupils.
type Choices struct {
	Groups, Years []string
	Classes       []exemption.Class
}

// Choices lists them as they are now.
func (s *Service) Choices(ctx context.Context, t store.Tenant) (c Choices, err error) {
	if c.Groups, err = s.groups(ctx, t); err != nil {
		return Choices{}, err
	}
	years, classes := map[string]bool{}, map[string]string{}
	var after caseflow.PersonKey
	for {
		entries, err := t.DirectoryEntries(ctx, after, store.MaxEntries)
		if err != nil {
			return Choices{}, fmt.Errorf("list year groups and classes: %w", err)
		}
		for _, e := range entries {
			after = e.Key
			if e.Audience != vocab.Pupil || e.Gone {
				continue
			}
			if e.Year != "" {
				years[e.Year] = true
			}
			for _, class := range e.Classes {
				classes[class.ID] = class.Title
			}
		}
		if len(entries) < store.MaxEntries {
			break
		}
	}
	c.Years = slices.SortedFunc(maps.Keys(years), byNumber)
	for id, title := range classes {
		c.Classes = append(c.Classes, exemption.Class{ID: id, Title: cmp.Or(title, id)})
	}
	slices.SortFunc(c.Classes, func(a, b exemption.Class) int {
		return cmp.Or(strings.Compare(a.Title, b.Title), strings.Compare(a.ID, b.ID))
	})
	return c, nil
}

func (s *Service) groups(ctx context.Context, t store.Tenant) (groups []string, err error) {
	devices, err := t.Devices(ctx)
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	for _, d := range devices {
		if !slices.Contains(groups, d.Group) && d.Group != "" {
			groups = append(groups, d.Group)
		}
	}
	slices.Sort(groups)
	return groups, nil
}

// byNumber orders 9 before 10.
func byNumber(a, b string) int {
	if c := len(a) - len(b); c != 0 && strings.Trim(a+b, "0123456789") == "" {
		return c
	}
	return strings.Compare(a, b)
}
