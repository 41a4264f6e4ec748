package ingest

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// reportEvery is how long reports are gathered before they are stored: of one
// device only its last word counts, and a thousand devices share a commit.
const reportEvery = 500 * time.Millisecond

// reportBatch bounds one call to the store.
const reportBatch = 500

// reports gathers what devices say of themselves.
type reports struct {
	log  *slog.Logger
	wake chan struct{} // one place

	mu      sync.Mutex // guards pending
	pending map[store.SchoolID]*pendingReports
}

type pendingReports struct {
	tenant store.Tenant
	last   map[caseflow.DeviceID]store.DeviceReport
	checks map[caseflow.DeviceID]store.CheckReport
}

func newReports(log *slog.Logger) *reports {
	return &reports{log: log, wake: make(chan struct{}, 1), pending: make(map[store.SchoolID]*pendingReports)}
}

func (r *reports) put(t store.Tenant, d store.DeviceReport) {
	r.mu.Lock()
	r.of(t).last[d.ID] = d
	r.mu.Unlock()
	r.wakeUp()
}

func (r *reports) putChecks(t store.Tenant, c store.CheckReport) {
	r.mu.Lock()
	r.of(t).checks[c.ID] = c
	r.mu.Unlock()
	r.wakeUp()
}

func (r *reports) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// of wants mu held.
func (r *reports) of(t store.Tenant) *pendingReports {
	id := t.Info().ID
	p := r.pending[id]
	if p == nil {
		p = &pendingReports{tenant: t, last: make(map[caseflow.DeviceID]store.DeviceReport), checks: make(map[caseflow.DeviceID]store.CheckReport)}
		r.pending[id] = p
	}
	return p
}

// run stores reports until ctx ends.
func (r *reports) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		select {
		case <-r.wake:
		case <-ctx.Done():
			return
		}
		r.flush(ctx)
		timer.Reset(reportEvery)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// flush stores what is pending. What the store does not take is pending again,
// unless the device has said something newer since.
func (r *reports) flush(ctx context.Context) {
	r.mu.Lock()
	pending := r.pending
	r.pending = make(map[store.SchoolID]*pendingReports)
	r.mu.Unlock()
	for _, p := range pending {
		r.flushChecks(ctx, p)
		all := slices.Collect(maps.Values(p.last))
		for part := range slices.Chunk(all, reportBatch) {
			if err := p.tenant.Report(ctx, part); err != nil {
				r.log.ErrorContext(ctx, "device reports not stored", "count", len(part), "error", err)
				if !errors.Is(err, store.ErrInvalid) { // or they would be in the way for ever
					r.putBack(p.tenant, part)
				}
			}
		}
	}
}

// flushChecks stores what devices said of their checks, as flush does.
func (r *reports) flushChecks(ctx context.Context, p *pendingReports) {
	all := slices.Collect(maps.Values(p.checks))
	for part := range slices.Chunk(all, reportBatch) {
		err := p.tenant.ReportChecks(ctx, part)
		if err == nil {
			continue
		}
		r.log.ErrorContext(ctx, "device checks not stored", "count", len(part), "error", err)
		if errors.Is(err, store.ErrInvalid) {
			continue
		}
		r.mu.Lock()
		for _, c := range part {
			if _, newer := r.of(p.tenant).checks[c.ID]; !newer {
				r.of(p.tenant).checks[c.ID] = c
			}
		}
		r.mu.Unlock()
	}
}

func (r *reports) putBack(t store.Tenant, part []store.DeviceReport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.of(t)
	for _, d := range part {
		if _, newer := p.last[d.ID]; !newer {
			p.last[d.ID] = d
		}
	}
}
