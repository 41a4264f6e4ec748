package casework

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
)

// Colleague is somebody to whom a case may be transferred.
type Colleague struct {
	ID    caseflow.UserID
	Name  string
	Roles []caseflow.Role
}

// Read is one time that somebody was shown a case's words.
type Read struct {
	At     time.Time
	Who    string
	Action audit.Action
	Reason string
	You    bool
}

// maxReadsShown is how many looks a page lists; the DPO's log has them all.
const maxReadsShown = 50

// around fills in what stands around the case itself.
func (s *Service) around(ctx context.Context, t store.Tenant, viewer caseflow.Actor, v *CaseView) error {
	ref := v.Case.Ref
	viewer = caseflow.Working(viewer)
	now := v.Now.In(s.cfg.Zone)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, s.cfg.Zone)
	similar, err := t.Similar(ctx, viewer, ref, midnight)
	if err != nil {
		return fmt.Errorf("read similar cases: %w", hidden(err))
	}
	for _, c := range similar {
		if caseflow.MaySee(c, viewer) && !c.NameHidden() {
			v.Similar = append(v.Similar, c)
		}
	}
	entries, err := t.Reads(ctx, viewer, ref, maxReadsShown)
	if err != nil {
		return fmt.Errorf("read who looked: %w", hidden(err))
	}
	for _, e := range entries {
		v.Reads = append(v.Reads, Read{At: e.At, Who: e.Who.Name, Action: e.Action, Reason: e.Reason, You: e.Who.User == string(viewer.User)})
	}
	if v.Precision, err = s.precision(ctx, t, viewer, *v); err != nil {
		return err
	}
	if v.Case.State == caseflow.Closed {
		return nil
	}
	v.EscalateTo = caseflow.EscalateTo(v.Case, viewer)
	all, err := s.everybody(ctx, t)
	if err != nil {
		return err
	}
	v.Colleagues = colleagues(caseflow.Takers(v.Case, viewer, all))
	v.Reviewers = colleagues(caseflow.Reviewers(v.Case, viewer, all))
	v.MayConsult = caseflow.MayConsult(v.Case, viewer)
	v.HasOutside = slices.ContainsFunc(all, func(a caseflow.Actor) bool { return a.Has(caseflow.External) })
	return nil
}

// Precision is how often a rule was judged at this school, and how often it
// was right, in the cases that the viewer's colleagues reviewed.
type Precision struct{ Right, Judged int }

// precisionOver is how far back judgements count: a school year.
const precisionOver = 365 * 24 * time.Hour

func (s *Service) precision(ctx context.Context, t store.Tenant, viewer caseflow.Actor, v CaseView) (map[string]Precision, error) {
	counts, err := t.RuleCounts(ctx, viewer, v.Now.Add(-precisionOver))
	if err != nil {
		return nil, fmt.Errorf("read how often rules were right: %w", err)
	}
	out := map[string]Precision{}
	for _, c := range counts {
		p := out[c.Rule]
		out[c.Rule] = Precision{Right: p.Right + c.Right, Judged: p.Judged + c.Right + c.Wrong}
	}
	return out, nil
}

// everybody is who has an account in use, as who acts: within their years and
// sites, and without broken glass, as a command has it.
func (s *Service) everybody(ctx context.Context, t store.Tenant) (all []caseflow.Actor, err error) {
	users, err := t.Users(ctx)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	for _, u := range users {
		if !u.Disabled {
			u.Reach.GlassUntil = time.Time{}
			all = append(all, store.ActorOf(u, t, time.Time{}))
		}
	}
	return all, nil
}

// colleagues are people by name.
func colleagues(all []caseflow.Actor) (out []Colleague) {
	for _, a := range all {
		out = append(out, Colleague{ID: a.User, Name: a.Name, Roles: a.Roles})
	}
	slices.SortFunc(out, func(a, b Colleague) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Export gives everything of a case for a file that leaves Lapwing. The ledger
// has who, why and which case before anything is unsealed. The reason has 1 to
// 500 characters.
func (s *Service) Export(ctx context.Context, t store.Tenant, viewer caseflow.Actor, ref caseflow.Ref, reason string) (CaseView, error) {
	f, err := s.file(ctx, t, viewer, ref)
	if err != nil {
		return CaseView{}, err
	}
	reason = strings.TrimSpace(reason)
	if !utf8.ValidString(reason) {
		return CaseView{}, &caseflow.InvalidError{Field: "reason", Message: "The reason has characters that cannot be read. Type it again."}
	}
	if err := caseflow.CheckChars("reason", utf8.RuneCountInString(reason), audit.MaxReasonChars); err != nil {
		return CaseView{}, err
	}
	err = t.Append(ctx, audit.Entry{At: s.cfg.Now(), Action: audit.CasesExported, Object: []string{string(ref)}, Reason: reason,
		Who: audit.Who{User: string(viewer.User), Name: viewer.Name, Via: audit.ViaConsole}})
	if err != nil {
		return CaseView{}, fmt.Errorf("record the export: %w", err)
	}
	return s.view(ctx, t, viewer, f)
}

// waitingOn is whom the case waits on, in words.
func (s *Service) waitingOn(ctx context.Context, t store.Tenant, c caseflow.Case) (string, error) {
	text, _, err := s.text(ctx, t, c.Typist, vault.Waiting, c.Waiting.On)
	return text, err
}
