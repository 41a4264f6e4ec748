package badgerstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Unreviewed looks at the cases in memory; it reads no row.
func (t *tenant) Unreviewed(ctx context.Context, viewer caseflow.Actor) (queues []caseflow.Queue, err error) {
	if t.s.isClosed() {
		return nil, fmt.Errorf("unreviewed cases: %w", store.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("unreviewed cases: %w", err)
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := inForce(t.users)
	for _, c := range t.open {
		if !slices.Contains(queues, c.Queue) && caseflow.ToldUnreviewed(*c, viewer, all) {
			queues = append(queues, c.Queue)
		}
	}
	slices.Sort(queues)
	return queues, nil
}
