package casework

import (
	"context"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
)

// describeFlow is describe for the flow of a case.
func describeFlow(e caseflow.Event) (it Item, by caseflow.Stamp, sealed caseflow.Sealed, p vault.Purpose) {
	switch e := e.(type) {
	case caseflow.Escalated:
		return Item{Kind: ItemEscalated, Does: "escalated this case to " + postName(e.To), Until: e.Until}, e.Stamp, e.Reason, vault.Reason
	case caseflow.Answered:
		return Item{Kind: ItemAnswered, Does: "answered the escalation"}, e.Stamp, nil, ""
	case caseflow.EscalationEnded:
		return Item{Kind: ItemGivenBack, Does: "ended the escalation"}, e.Stamp, e.Reason, vault.Reason
	case caseflow.WaitBegan:
		return Item{Kind: ItemWaits, Does: "put this case to wait", Until: e.Until}, e.Stamp, e.On, vault.Waiting
	case caseflow.WaitEnded:
		return Item{Kind: ItemWaitEnded, Does: "ended the wait"}, e.Stamp, nil, ""
	case caseflow.Transferred:
		return Item{Kind: ItemTransferred, Does: "gave this case to " + e.ToName, Until: e.Until}, e.Stamp, e.Reason, vault.Reason
	case caseflow.StepMarked:
		return Item{Kind: ItemStep}, e.Stamp, nil, ""
	case caseflow.Consulted:
		return Item{Kind: ItemConsulted, Does: "asked " + e.ToName + ", from outside, about this case, without names"}, e.Stamp, e.Question, vault.Reason
	case caseflow.ConsultEnded:
		return Item{Kind: ItemConsultEnded, Does: "took this case back from " + e.ToName}, e.Stamp, nil, ""
	case caseflow.PassedOn:
		return Item{Kind: ItemPassedOn, Does: "passed this case on to " + queueName(e.Queue)}, e.Stamp, e.Reason, vault.Reason
	case caseflow.Suggested:
		return Item{Kind: ItemSuggested, Does: "said what they would do", Outcome: e.Outcome, Severity: e.Severity}, e.Stamp, e.Why, vault.Reason
	}
	return Item{}, caseflow.Stamp{}, nil, ""
}

func postName(r caseflow.Role) string {
	if r == caseflow.Head {
		return "the head teacher"
	}
	return "the DSL"
}

// stepWords tells of a tick with the step's own text, in the version of then.
func (s *Service) stepWords(ctx context.Context, t store.Tenant, e caseflow.StepMarked) string {
	does := "ticked a step"
	if !e.Done {
		does = "took the tick off a step"
	}
	shipped, ok := s.cfg.Playbooks.Get(e.Book.ID)
	if !ok {
		return does
	}
	// Advice that cannot be read must not hide what was done.
	p, err := s.bookOf(ctx, t, shipped, e.Book.Version)
	if err != nil {
		return does
	}
	for _, step := range p.Do {
		if step.ID == e.Step {
			return does + ": " + step.Text
		}
	}
	return does
}

func (s *Service) told(ctx context.Context, t store.Tenant, person caseflow.PersonKey, e caseflow.Told) (v ToldView, err error) {
	v = ToldView{Agency: e.Agency, When: e.When}
	if v.Reference, _, err = s.text(ctx, t, person, vault.Told, e.Reference); err != nil {
		return ToldView{}, err
	}
	v.Whom, _, err = s.text(ctx, t, person, vault.Told, e.Whom)
	return v, err
}
