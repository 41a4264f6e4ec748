package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/exemption"
	"github.com/lapwing-schools/lapwing/collector/oversight"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/configs"
)

// atWork lists rules for commands. Where no server runs, the rule packs are
// compiled only when somebody asks.
type atWork struct{ s *server }

func (a atWork) service() (*oversight.Service, error) {
	if a.s.oversight != nil {
		return a.s.oversight, nil
	}
	p, err := policy.New(policy.Config{Rules: configs.Rules(), Form: shippedForm(), Key: a.s.data.Policy, Now: a.s.now, Log: a.s.log})
	if err != nil {
		return nil, fmt.Errorf("load the rule packs: %w", err)
	}
	zone, err := time.LoadLocation(schoolZone)
	if err != nil {
		return nil, fmt.Errorf("load the school's time zone: %w", err)
	}
	return oversight.New(oversight.Config{Policies: p, Now: a.s.now, Zone: zone}), nil
}

// Rules implements control.Oversight.
func (a atWork) Rules(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]oversight.RuleView, error) {
	s, err := a.service()
	if err != nil {
		return nil, err
	}
	return s.Rules(ctx, t, viewer)
}

// Changes implements control.Oversight.
func (a atWork) Changes(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]oversight.ChangeView, error) {
	s, err := a.service()
	if err != nil {
		return nil, err
	}
	return s.Changes(ctx, t, viewer)
}

// Exemptions implements control.Oversight.
func (a atWork) Exemptions(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]exemption.Exemption, error) {
	s, err := a.service()
	if err != nil {
		return nil, err
	}
	return s.Exemptions(ctx, t, viewer)
}
