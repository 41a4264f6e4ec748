// Package ingest is the collector's edge for enrolled devices: it checks what
// they send, corrects its times, seals its content, commits it and only then
// acknowledges it.
//
// Core knows no transport, so that another door (a browser extension's) can
// use the same rules; Server is the gRPC stream over it. An error, a log line
// or a counter made here names fields and limits, never what a field holds.
//
// It may import collector/store and what crosses it, collector/triage, collector/directory,
// collector/vault, collector/tenants, collector/ratelimit, collector/edge,
// internal/* and the messages.
package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/ratelimit"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// MaxPending is how many events may wait for their commit at once, over all
// devices; further batches are put off. At some hundred bytes each they fit in
// a few megabytes, and a store that syncs a thousand times a second is through
// with them in well under a second.
const MaxPending = 20_000

// How many accounts that the school has not seen before one device may name at
// once, and then an hour. A terminal server on a school's first morning names a
// class or two; a stolen device that invents pupils would fill the queue of
// everybody. Beyond it events wait in the device's spool.
const (
	accountsBurst   = 100
	accountsPerHour = 100
)

// ErrEnvelope says that a batch as a whole is not valid: it says nothing that
// could be acknowledged. It wraps a *lapwingv1.FieldError.
var ErrEnvelope = errors.New("batch not valid")

// Device is who sent a batch, as the edge authenticated it.
type Device struct {
	ID    caseflow.DeviceID
	Group vocab.GroupAudience
}

// Core takes batches of authenticated devices. It is safe for concurrent use.
type Core struct {
	vault   *vault.Vault
	now     func() time.Time
	log     *slog.Logger
	metrics *coreMetrics
	pending atomic.Int64
	// accounts are the new ones that each device may still name.
	accounts *ratelimit.Buckets
}

// NewCore returns a Core and registers its counters.
func NewCore(v *vault.Vault, now func() time.Time, log *slog.Logger, reg prometheus.Registerer) (*Core, error) {
	m, err := newCoreMetrics(reg)
	if err != nil {
		return nil, err
	}
	return &Core{
		vault: v, now: now, log: log, metrics: m,
		accounts: ratelimit.New(accountsPerHour/time.Hour.Seconds(), accountsBurst, devicesLimited, now),
	}, nil
}

// Accept commits a batch and acknowledges it. The acknowledgement covers the
// whole batch once every valid event in it is durable; events that are not
// valid are kept nowhere, counted, and covered too, so that one of them cannot
// block its lane for ever. When the store cannot take the batch now, the
// acknowledgement covers nothing (Upto 0) and says when to send it again. When
// the device names too many new accounts, it covers what comes before the first
// that is too many, and says when to send the rest.
//
// The error is ErrEnvelope, wrapped, or that of ctx.
func (c *Core) Accept(ctx context.Context, t store.Tenant, d Device, b *lapwingv1.Batch) (*lapwingv1.Ack, error) {
	received := c.now()
	if err := b.ValidateEnvelope(); err != nil {
		c.metrics.batches.WithLabelValues("invalid").Inc()
		return nil, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	n := int64(len(b.Events))
	defer c.pending.Add(-n)
	if c.pending.Add(n) > MaxPending {
		c.metrics.batches.WithLabelValues("busy").Inc()
		return c.putOff(b.Lane, time.Second), nil
	}
	arrivals, refused, err := c.arrivals(ctx, t, d, b, received)
	upto, wait := b.Events[len(b.Events)-1].Seq, time.Duration(0)
	var crowd *crowdError
	if errors.As(err, &crowd) {
		upto, wait, err = crowd.upto, crowd.wait, nil
		c.metrics.crowds.Inc()
		c.log.WarnContext(ctx, "device names many new accounts; the rest waits", "school", t.Info().Slug, "device", string(d.ID),
			"limit_per_hour", accountsPerHour)
	}
	var more int
	if err == nil && len(arrivals) > 0 {
		more, err = c.commit(ctx, t, arrivals)
	}
	if errors.Is(err, store.ErrInvalid) {
		more, err = c.commitEach(ctx, t, arrivals)
	}
	refused += more
	if err != nil {
		return c.failed(ctx, b.Lane, err)
	}
	c.metrics.batches.WithLabelValues("committed").Inc()
	c.metrics.events.WithLabelValues(laneWord(b.Lane), "refused").Add(float64(refused))
	ack := &lapwingv1.Ack{Lane: b.Lane, Upto: upto, ServerTimeMs: c.now().UnixMilli(), Refused: uint32(refused)}
	if crowd != nil {
		ack.RetryAfterMs = later(wait)
	}
	return ack, nil
}

// commit keeps arrivals and counts those that the store refused as revisions.
func (c *Core) commit(ctx context.Context, t store.Tenant, arrivals []triage.Arrival) (refused int, err error) {
	begin := c.now()
	receipts, err := t.Ingest(ctx, arrivals)
	if err != nil {
		return 0, fmt.Errorf("commit batch: %w", err)
	}
	c.metrics.commit.Observe(c.now().Sub(begin).Seconds())
	lane := lapwingv1.Lane_LANE_ROUTINE
	if arrivals[0].Urgent {
		lane = lapwingv1.Lane_LANE_URGENT
	}
	var duplicates int
	var problem error // the first, as in arrivals
	for _, r := range receipts {
		if r.Duplicate {
			duplicates++
		}
		if r.Refused != nil {
			refused++
			problem = cmp.Or(problem, r.Refused)
		}
	}
	if refused > 0 {
		c.log.WarnContext(ctx, "revisions refused by the store", "school", t.Info().Slug, "device", string(arrivals[0].Device),
			"count", refused, "first_problem", problem)
	}
	c.metrics.events.WithLabelValues(laneWord(lane), "duplicate").Add(float64(duplicates))
	c.metrics.events.WithLabelValues(laneWord(lane), "kept").Add(float64(len(arrivals) - duplicates - refused))
	return refused, nil
}

// commitEach commits arrivals one by one after the store found something
// invalid among them, and counts those that it refuses: whatever the store
// knows of that Validate does not, one event must not block its lane.
func (c *Core) commitEach(ctx context.Context, t store.Tenant, arrivals []triage.Arrival) (refused int, err error) {
	for i := range arrivals {
		one, err := c.commit(ctx, t, arrivals[i:i+1])
		refused += one
		if errors.Is(err, store.ErrInvalid) {
			refused++
			c.log.WarnContext(ctx, "event refused by the store", "device", string(arrivals[i].Device), "problem", err)
		} else if err != nil {
			return refused, err
		}
	}
	return refused, nil
}

// failed turns what went wrong on our side into "later": the device keeps the
// batch and loses nothing.
func (c *Core) failed(ctx context.Context, lane lapwingv1.Lane, err error) (*lapwingv1.Ack, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, store.ErrFull) {
		c.metrics.batches.WithLabelValues("store_full").Inc()
		c.log.ErrorContext(ctx, "store is full; devices wait")
		return c.putOff(lane, time.Minute), nil
	}
	c.metrics.batches.WithLabelValues("failed").Inc()
	c.log.ErrorContext(ctx, "batch not committed; the device will send it again", "error", err)
	return c.putOff(lane, 5*time.Second), nil
}

// putOff asks for the batch again after wait to three times wait: spread out,
// so that devices which were put off together do not come back together.
func (c *Core) putOff(lane lapwingv1.Lane, wait time.Duration) *lapwingv1.Ack {
	return c.putOffAlone(lane, wait+rand.N(2*wait))
}

// putOffAlone asks for the batch again after wait, which is this device's own.
func (c *Core) putOffAlone(lane lapwingv1.Lane, wait time.Duration) *lapwingv1.Ack {
	return &lapwingv1.Ack{Lane: lane, ServerTimeMs: c.now().UnixMilli(), RetryAfterMs: later(wait)}
}

// time is an acknowledgement that tells the time and answers no batch.
func (c *Core) time() *lapwingv1.Ack {
	return &lapwingv1.Ack{Lane: lapwingv1.Lane_LANE_URGENT, ServerTimeMs: c.now().UnixMilli()}
}

// later is never 0, which would not ask to wait, nor more than the message allows.
func later(wait time.Duration) uint32 {
	return uint32(min(max(wait, 100*time.Millisecond), time.Hour).Milliseconds())
}

func laneWord(l lapwingv1.Lane) string {
	if l == lapwingv1.Lane_LANE_URGENT {
		return "urgent"
	}
	return "routine"
}
