package control

import (
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/exemption"
	"github.com/lapwing-schools/lapwing/collector/oversight"
	"github.com/lapwing-schools/lapwing/collector/store"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// ListRules sends the rules at work. No captured text is in them.
func (s *Service) ListRules(req *lapwingv1.ListRulesRequest, out lapwingv1.ControlService_ListRulesServer) error {
	ctx := out.Context()
	t, err := s.school(ctx, req.School)
	if err != nil {
		return err
	}
	if s.cfg.Oversight == nil {
		return status.Error(codes.Unimplemented, "rules cannot be listed here")
	}
	all, err := s.cfg.Oversight.Rules(ctx, t, caseflow.Actor{System: true})
	if err != nil {
		return s.failed(ctx, "list rules", err)
	}
	for _, v := range all {
		if err := out.Send(ruleRecord(v)); err != nil {
			return err
		}
	}
	return nil
}

func ruleRecord(v oversight.RuleView) *lapwingv1.RuleRecord {
	r := &lapwingv1.RuleRecord{Id: v.ID, Title: v.Title, Severity: v.Severity.String(), Level: v.Level.String(),
		Hits: uint32(max(v.Hits, 0)), Right: uint32(max(v.Right, 0)), Wrong: uint32(max(v.Wrong, 0))}
	for _, c := range v.Categories {
		r.Category = append(r.Category, string(c))
	}
	for _, g := range v.Changed {
		place := "all devices"
		if g.Group != "" {
			place = g.Group
		}
		r.Changed = append(r.Changed, g.Change.Words()+" on "+place)
	}
	return r
}

// ListChanges sends the changes of rules and the exemptions, with who asked
// for them and who decided.
func (s *Service) ListChanges(req *lapwingv1.ListChangesRequest, out lapwingv1.ControlService_ListChangesServer) error {
	ctx := out.Context()
	t, err := s.school(ctx, req.School)
	if err != nil {
		return err
	}
	if s.cfg.Oversight == nil {
		return status.Error(codes.Unimplemented, "changes cannot be listed here")
	}
	system := caseflow.Actor{System: true}
	changes, err := s.cfg.Oversight.Changes(ctx, t, system)
	if err != nil {
		return s.failed(ctx, "list changes", err)
	}
	for _, v := range changes {
		r := &lapwingv1.ChangeRecord{Id: v.ID, Kind: "rule", Subject: v.Rule, What: v.Words(), State: string(v.State), ProposedBy: v.By.Name,
			ProposedMs: v.At.UnixMilli(), Reason: v.Reason, RiskNote: v.RiskNote}
		if v.Group != "" {
			r.What += " on " + v.Group
		}
		if v.State != store.Proposed {
			r.DecidedBy, r.DecidedMs = v.Decided.Name, v.DecidedAt.UnixMilli()
		}
		if err := out.Send(r); err != nil {
			return err
		}
	}
	exemptions, err := s.cfg.Oversight.Exemptions(ctx, t, system)
	if err != nil {
		return s.failed(ctx, "list exemptions", err)
	}
	for _, e := range exemptions {
		if err := out.Send(exemptionRecord(e)); err != nil {
			return err
		}
	}
	return nil
}

func exemptionRecord(e exemption.Exemption) *lapwingv1.ChangeRecord {
	what := append([]string{}, e.Rules...)
	for _, c := range e.Categories {
		what = append(what, string(c))
	}
	first := e.Proposal()
	r := &lapwingv1.ChangeRecord{Id: e.ID, Kind: string(e.Kind), Subject: e.Title, What: strings.Join(what, ", "), State: string(e.State),
		ProposedBy: first.Name, ProposedMs: first.At.UnixMilli(), Reason: e.Reason, RiskNote: e.RiskNote, UntilMs: e.Until.UnixMilli()}
	if n := len(e.Steps); n > 1 {
		r.DecidedBy, r.DecidedMs = e.Steps[n-1].Name, e.Steps[n-1].At.UnixMilli()
	}
	return r
}
