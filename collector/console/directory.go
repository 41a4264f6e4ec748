package console

import (
	"context"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Directory is what the pages of the directory need (collector/roster).
type Directory interface {
	Plan(ctx context.Context, t store.Tenant, r directory.Roster) (*roster.Plan, error)
	Apply(ctx context.Context, t store.Tenant, p *roster.Plan, by audit.Who) (store.DirectoryState, error)
	// Unmatched lists account names and counts all.
	Unmatched(ctx context.Context, t store.Tenant, limit int) ([]string, int, error)
	RecordUnmatched(ctx context.Context, t store.Tenant, viewer caseflow.Actor, n int) error
	Find(ctx context.Context, t store.Tenant, account string) (store.DirectoryEntry, error)
	Person(ctx context.Context, t store.Tenant, e store.DirectoryEntry) (roster.Person, error)
	LinkAccount(ctx context.Context, t store.Tenant, id caseflow.UserID, account string, by audit.Who) (known bool, err error)

	FindPupils(ctx context.Context, t store.Tenant, viewer caseflow.Actor, words string, limit int) ([]roster.Person, error)
	Show(ctx context.Context, t store.Tenant, viewer caseflow.Actor, key caseflow.PersonKey) (roster.Person, error)
	Flags(ctx context.Context, t store.Tenant, viewer caseflow.Actor, person caseflow.PersonKey) ([]roster.FlagView, error)
	SetFlag(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, f roster.FlagForm) error
	Told(ctx context.Context, t store.Tenant, viewer caseflow.Actor, version string) (roster.Told, error)
	TellOnPaper(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, version string, people []caseflow.PersonKey, with string) error
	EndFlag(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, person caseflow.PersonKey, id string) error
}

// Pickups tells what became of the newest file in a school's inbox.
type Pickups interface {
	Last(school store.SchoolID) roster.Pickup
}

// plans keeps imports that were previewed, in memory only: they hold names. One
// a person, for a quarter of an hour.
type plans struct {
	mu  sync.Mutex // guards all
	all map[planOf]heldPlan
}

type planOf struct {
	school store.SchoolID
	user   caseflow.UserID
}

type heldPlan struct {
	key  string
	plan *roster.Plan
	ends time.Time
}

const planLives = 15 * time.Minute

func (p *plans) keep(of planOf, plan *roster.Plan, now time.Time) (key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[planOf]heldPlan{}
	}
	for k, h := range p.all {
		if now.After(h.ends) {
			delete(p.all, k)
		}
	}
	key = reference()
	p.all[of] = heldPlan{key, plan, now.Add(planLives)}
	return key
}

// take gives a plan out once.
func (p *plans) take(of planOf, key string, now time.Time) *roster.Plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, ok := p.all[of]
	if !ok || h.key != key || now.After(h.ends) {
		return nil
	}
	delete(p.all, of)
	return h.plan
}
