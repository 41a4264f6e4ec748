package casework

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// GlassFor is how long broken glass lasts.
const GlassFor = time.Hour

// GlassRead tells somebody that a colleague read their case from beyond the
// colleague's years or sites.
type GlassRead struct {
	Ref  caseflow.Ref    `json:"ref"`
	User caseflow.UserID `json:"user"`
	By   string          `json:"by"` // the colleague's name
	At   time.Time       `json:"at"`
}

const (
	glassKept  = 20
	glassShown = 14 * 24 * time.Hour
)

// BreakGlass lets the viewer see beyond their years and sites for an hour, for
// a reason of 1 to 500 characters. The ledger has who and why before anything
// opens. Who sees the whole school, or no such case at all, gets store.ErrNotFound.
func (s *Service) BreakGlass(ctx context.Context, t store.Tenant, viewer caseflow.Actor, reason string) error {
	if !caseflow.Allows(viewer, caseflow.BreakGlass) || !viewer.Scope.Limited() {
		return store.ErrNotFound
	}
	reason = normalise(reason)
	if err := caseflow.CheckChars("reason", len([]rune(reason)), caseflow.MaxReasonChars); err != nil {
		return err
	}
	now := s.cfg.Now()
	who := audit.Who{User: string(viewer.User), Name: viewer.Name, Via: audit.ViaConsole}
	if err := t.Append(ctx, audit.Entry{At: now, Action: audit.GlassBroken, Object: []string{string(viewer.User)}, Reason: reason, Who: who}); err != nil {
		return fmt.Errorf("record broken glass: %w", err)
	}
	_, err := store.ChangeUser(ctx, t, viewer.User, who, now, func(u *store.User) error {
		u.Reach.GlassUntil = now.Add(GlassFor)
		return nil
	})
	if err != nil {
		return fmt.Errorf("break glass: %w", err)
	}
	return nil
}

// MendGlass ends it early.
func (s *Service) MendGlass(ctx context.Context, t store.Tenant, viewer caseflow.Actor) error {
	if !caseflow.Allows(viewer, caseflow.BreakGlass) {
		return store.ErrNotFound
	}
	who := audit.Who{User: string(viewer.User), Name: viewer.Name, Via: audit.ViaConsole}
	_, err := store.ChangeUser(ctx, t, viewer.User, who, s.cfg.Now(), func(u *store.User) error {
		u.Reach.GlassUntil = time.Time{}
		return nil
	})
	if err != nil {
		return fmt.Errorf("mend glass: %w", err)
	}
	return nil
}

func glassKind(u caseflow.UserID) string { return "notice/glass/" + string(u) }

// tellOwner keeps a notice for whoever holds the case, or, when nobody does,
// for those who review it with the whole school in view; never for anybody who
// may not see the case themselves.
func (s *Service) tellOwner(ctx context.Context, t store.Tenant, viewer caseflow.Actor, c caseflow.Case) error {
	now := s.cfg.Now()
	owner, held := c.Held(now)
	users, err := t.Users(ctx)
	if err != nil {
		return fmt.Errorf("tell of broken glass: %w", err)
	}
	for _, u := range users {
		a := store.ActorOf(u, t, now)
		a.Scope.Broken = false
		if u.Disabled || u.ID == viewer.User || held && u.ID != owner || !caseflow.MayAct(c, a) || !held && a.Scope.Limited() {
			continue
		}
		if err := s.keepGlass(ctx, t, u.ID, GlassRead{Ref: c.Ref, By: viewer.Name, At: now, User: viewer.User}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) keepGlass(ctx context.Context, t store.Tenant, to caseflow.UserID, g GlassRead) error {
	for try := 0; ; try++ {
		all, version, err := glassOf(ctx, t, to)
		if err != nil {
			return err
		}
		for _, o := range all {
			if o.Ref == g.Ref && o.User == g.User && g.At.Sub(o.At) < GlassFor {
				return nil
			}
		}
		if all = append(all, g); len(all) > glassKept {
			all = all[len(all)-glassKept:]
		}
		body, err := json.Marshal(all)
		if err != nil {
			return fmt.Errorf("tell of broken glass: %w", err)
		}
		err = t.PutDocument(ctx, store.Document{Kind: glassKind(to), Version: version + 1, Body: body, Proposed: audit.System(), Approved: audit.System(), Created: g.At})
		if err == nil {
			return nil
		}
		if try == 4 || !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("tell of broken glass: %w", err)
		}
	}
}

func glassOf(ctx context.Context, t store.Tenant, u caseflow.UserID) (all []GlassRead, version uint64, err error) {
	d, err := t.LatestDocument(ctx, glassKind(u))
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(d.Body, &all)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read notices of broken glass: %w", err)
	}
	return all, d.Version, nil
}

// GlassReads are the notices for a viewer, the last first; only of cases that
// the viewer may still see.
func (s *Service) GlassReads(ctx context.Context, t store.Tenant, viewer caseflow.Actor) (shown []GlassRead, err error) {
	if !caseflow.Allows(viewer, caseflow.WorkCases) {
		return nil, nil
	}
	all, _, err := glassOf(ctx, t, viewer.User)
	if err != nil {
		return nil, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if s.cfg.Now().Sub(all[i].At) > glassShown {
			continue
		}
		if _, err := t.Case(ctx, viewer, all[i].Ref); errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("read notices of broken glass: %w", err)
		}
		shown = append(shown, all[i])
	}
	return shown, nil
}
