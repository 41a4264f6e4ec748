package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/ulid"
)

func (t *tenant) AskCanary(ctx context.Context, c store.Canary) error {
	if err := store.CheckCanary(c); err != nil {
		return fmt.Errorf("ask for canary: %w", err)
	}
	c.Asked, c.Result, c.Answered, c.Took, c.Code = utc(c.Asked), 0, time.Time{}, 0, ""
	id := t.info.ID
	err := t.s.do(ctx, func(x *tx) error {
		if known, err := x.has(prefix(id, tDevice, []byte(c.Device))); err != nil || !known {
			return errors.Join(err, store.ErrNotFound)
		}
		save(x, canaryPlace(id, c.Device, c.Nonce), momentRow{c.Asked}, momentFields)
		save(x, canaryKey(id, c), c, canaryFields)
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask for canary: %w", err)
	}
	return nil
}

func canaryKey(school store.SchoolID, c store.Canary) []byte {
	return prefix(school, tCanary, hashed(string(c.Device)), beTime(c.Asked), c.Nonce[:])
}

func canaryPlace(school store.SchoolID, id caseflow.DeviceID, nonce [16]byte) []byte {
	return prefix(school, tNonce, hashed(string(id)), nonce[:])
}

func (t *tenant) Canaries(ctx context.Context, id caseflow.DeviceID, limit int) ([]store.Canary, error) {
	all, err := newest(ctx, t.s, prefix(t.info.ID, tCanary, hashed(string(id))), limit, canaryFields)
	if err != nil {
		return nil, fmt.Errorf("read canaries: %w", err)
	}
	return all, nil
}

func (t *tenant) Proof(_ context.Context, now time.Time) (p store.Proof, err error) {
	if t.s.isClosed() {
		return p, fmt.Errorf("sum up canaries: %w", store.ErrClosed)
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	f := &t.fleet
	last := -1
	for i := range f.dense {
		d := &f.dense[i]
		if d.has(flagGone) {
			continue
		}
		p.Devices++
		switch d.proof(now.Unix()) {
		case checks.Pass:
			p.Proved++
		case checks.Fail:
			p.Failed++
		}
		if d.proved != 0 && (last < 0 || d.proved > f.dense[last].proved) {
			last = i
		}
	}
	if last >= 0 {
		p.At, p.Took = f.entries[last].canary.Proved, f.entries[last].canary.Took
	}
	return p, nil
}

// canaryState is what stands of a device's canaries; one row each.
type canaryState struct {
	Proved time.Time     // the last full one came
	Took   time.Duration // of it, from the request to here
	Failed time.Time     // the last failed one came, unless a full one came since
}

// canary takes a device's answer.
func (t *tx) canary(sc *school, a triage.Arrival) error {
	id, said := sc.info.ID, *a.Canary
	asked, err := load(t.get, canaryPlace(id, a.Device, said.Nonce), momentFields)
	if errors.Is(err, store.ErrNotFound) || err == nil && a.ReceivedAt.Sub(asked.At) > store.CanaryAnswerFor {
		return nil
	}
	if err != nil {
		return err
	}
	key := canaryKey(id, store.Canary{Device: a.Device, Nonce: said.Nonce, Asked: asked.At})
	c, err := load(t.get, key, canaryFields)
	if err != nil {
		return err
	}
	if said.Result.Telling() <= c.Result.Telling() {
		return nil
	}
	c.Result, c.Answered, c.Code = said.Result, a.ReceivedAt, said.Code
	c.Took = time.Duration(said.TookMillis) * time.Millisecond
	save(t, key, c, canaryFields)
	if c.Result != triage.CanaryFull && c.Result != triage.CanaryFailed {
		return nil
	}
	state, err := load(t.get, prefix(id, tProof, []byte(a.Device)), canaryStateFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if c.Result == triage.CanaryFull {
		state = canaryState{Proved: c.Answered, Took: c.Answered.Sub(c.Asked)}
	} else {
		state.Failed = c.Answered
	}
	save(t, prefix(id, tProof, []byte(a.Device)), state, canaryStateFields)
	t.changeFleet(sc, a.Device, func(e *fleetEntry) { e.canary = state })
	return t.recordCanary(sc, a, c)
}

// recordCanary adds to the record of checks on monitoring the first full and the
// first failed canary of a group each day: every device's own are on its page. The
// line names no device: governors read the record, and some laptops are called
// after their pupils.
func (t *tx) recordCanary(sc *school, a triage.Arrival, c store.Canary) error {
	e := t.fleetEntry(sc, a.Device)
	if e == nil {
		return nil
	}
	day := prefix(sc.info.ID, tCanaryDay, hashed(e.group), be64(uint64(dayOf(c.Answered))), []byte{byte(c.Result)})
	if known, err := t.has(day); err != nil || known {
		return err
	}
	save(t, day, momentRow{c.Answered}, momentFields)
	check := store.MonitoringCheck{
		ID: ulid.ID(a.Event), At: c.Answered, What: "A test phrase was typed by itself, and arrived", Device: e.os, Users: e.group,
		Place: "on the device", Result: checks.Pass, By: audit.System(), Automatic: true,
		Note: "The first of this group that day. Each device’s own are on its page.",
	}
	if c.Result == triage.CanaryFailed {
		check.What, check.Result = "A test phrase was typed by itself, and did not arrive", checks.Fail
	}
	if err := store.CheckMonitoringCheck(check); err != nil {
		return nil // a group's name that is too long for the record
	}
	save(t, prefix(sc.info.ID, tMonitoring, beTime(check.At), check.ID[:]), check, monitoringCheckFields)
	return nil
}
