package badgerstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func (t *tenant) ReportChecks(ctx context.Context, reports []store.CheckReport) error {
	if err := store.CheckCheckReports(reports); err != nil {
		return fmt.Errorf("keep checks: %w", err)
	}
	// In parts: 10,000 reports of 64 checks each would not fit in a transaction.
	for part := range slices.Chunk(reports, 20) {
		err := t.s.do(ctx, func(x *tx) error {
			for _, r := range part {
				if err := x.reportChecks(t.school, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("keep checks: %w", err)
		}
	}
	return nil
}

func (t *tx) reportChecks(sc *school, r store.CheckReport) error {
	id := sc.info.ID
	if known, err := t.has(prefix(id, tDevice, []byte(r.ID))); err != nil || !known {
		return err
	}
	key := prefix(id, tPosture, []byte(r.ID))
	old, err := load(t.get, key, checkReportFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	r.At, r.Checks = utc(r.At), slices.Clone(r.Checks)
	for i := range r.Checks {
		c := &r.Checks[i]
		c.Since = utc(c.Since)
		at := slices.IndexFunc(old.Checks, func(o store.CheckState) bool { return o.ID == c.ID })
		if at >= 0 && old.Checks[at].State == c.State {
			c.Since = old.Checks[at].Since
			continue
		}
		change := store.CheckChange{At: r.At, Check: c.ID, First: at < 0, State: c.State, Detail: c.Detail}
		if at >= 0 {
			change.Was = old.Checks[at].State
		}
		save(t, prefix(id, tHistory, hashed(string(r.ID)), beTime(r.At), hashed(c.ID)), change, checkChangeFields)
	}
	save(t, key, r, checkReportFields)
	t.changeFleet(sc, r.ID, func(e *fleetEntry) { e.setChecks(r.Checks) })
	return nil
}

func (t *tenant) Checks(ctx context.Context, id caseflow.DeviceID) (store.CheckReport, error) {
	r, err := read(ctx, t.s, prefix(t.info.ID, tPosture, []byte(id)), checkReportFields)
	if errors.Is(err, store.ErrNotFound) {
		return store.CheckReport{}, nil
	}
	if err != nil {
		return r, fmt.Errorf("read checks: %w", err)
	}
	return r, nil
}

// newest reads up to limit rows under prefix from the last.
func newest[T any](ctx context.Context, s *Store, prefix []byte, limit int, fields func(*codec, *T)) (all []T, err error) {
	err = s.view(ctx, func(r reader) error {
		all, err = newestIn(r, prefix, min(max(limit, 1), store.MaxHistory), fields)
		return err
	})
	return all, err
}

func newestIn[T any](r reader, prefix []byte, limit int, fields func(*codec, *T)) (all []T, err error) {
	err = r.from(prefix, append(slices.Clone(prefix), slices.Repeat([]byte{0xff}, 40)...), true, func(key, value []byte) error {
		x, err := decode(key, value, fields)
		if err != nil {
			return err
		}
		if all = append(all, x); len(all) >= limit {
			return errStop
		}
		return nil
	})
	return all, err
}

func (t *tenant) CheckHistory(ctx context.Context, id caseflow.DeviceID, limit int) ([]store.CheckChange, error) {
	all, err := newest(ctx, t.s, prefix(t.info.ID, tHistory, hashed(string(id))), limit, checkChangeFields)
	if err != nil {
		return nil, fmt.Errorf("read history of checks: %w", err)
	}
	return all, nil
}

func (t *tenant) Media(ctx context.Context, id caseflow.DeviceID, limit int) ([]store.MediaVisit, error) {
	all, err := newest(ctx, t.s, prefix(t.info.ID, tMedia, hashed(string(id))), limit, mediaVisitFields)
	if err != nil {
		return nil, fmt.Errorf("read media: %w", err)
	}
	return all, nil
}

func (t *tenant) Breaches(ctx context.Context, id caseflow.DeviceID, limit int) ([]store.Breach, error) {
	all, err := newest(ctx, t.s, prefix(t.info.ID, tBreach, hashed(string(id))), limit, breachFields)
	if err != nil {
		return nil, fmt.Errorf("read breaches: %w", err)
	}
	return all, nil
}

func (t *tenant) LockDays(ctx context.Context, id caseflow.DeviceID, from uint32) (all []store.LockDay, err error) {
	p := prefix(t.info.ID, tLockDay, hashed(string(id)))
	err = t.s.view(ctx, func(r reader) error {
		return r.from(p, binary.BigEndian.AppendUint32(slices.Clone(p), from), false, func(key, value []byte) error {
			d, err := decode(key, value, lockDayFields)
			all = append(all, d)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read lock days: %w", err)
	}
	return all, nil
}

func (t *tenant) MoveDevice(ctx context.Context, id caseflow.DeviceID, group string, a vocab.GroupAudience, by audit.Who, now time.Time) error {
	entry := audit.Entry{At: utc(now), Who: by, Action: audit.DeviceMoved, Object: []string{string(id)}}
	if err := checkEntry(entry); err != nil {
		return fmt.Errorf("move device: %w", err)
	}
	if err := store.CheckToken(store.Token{Group: group, Audience: a, Uses: 1, Expires: now}); err != nil {
		return fmt.Errorf("move device: %w", err)
	}
	err := t.changeDevice(ctx, id, func(x *tx, d *store.Device) error {
		if d.Group == group && d.Audience == a {
			return nil
		}
		d.Group, d.Audience = group, a
		x.changeFleet(t.school, id, func(e *fleetEntry) { e.group, e.audience = group, a })
		x.log(t.school, entry)
		return nil
	})
	if err != nil {
		return fmt.Errorf("move device: %w", err)
	}
	return nil
}

func (t *tenant) RetireDevice(ctx context.Context, id caseflow.DeviceID, by audit.Who, now time.Time) error {
	entry := audit.Entry{At: utc(now), Who: by, Action: audit.DeviceRetired, Object: []string{string(id)}}
	if err := checkEntry(entry); err != nil {
		return fmt.Errorf("retire device: %w", err)
	}
	err := t.changeDevice(ctx, id, func(x *tx, d *store.Device) error {
		if !d.Retired.IsZero() {
			return nil
		}
		d.Retired = utc(now)
		if d.Revoked.IsZero() {
			d.Revoked, d.RevokedWhy = utc(now), "retired"
		}
		x.changeFleet(t.school, id, func(e *fleetEntry) { e.gone, e.hidden = true, true })
		x.log(t.school, entry)
		return nil
	})
	if err != nil {
		return fmt.Errorf("retire device: %w", err)
	}
	return nil
}

func (t *tenant) PutMonitoringCheck(ctx context.Context, c store.MonitoringCheck) error {
	c.At = utc(c.At)
	entry := audit.Entry{At: c.At, Who: c.By, Action: audit.MonitoringChecked, Object: []string{c.ID.String()}}
	if err := errors.Join(store.CheckMonitoringCheck(c), checkEntry(entry)); err != nil {
		return fmt.Errorf("keep check on monitoring: %w", err)
	}
	key := prefix(t.info.ID, tMonitoring, beTime(c.At), c.ID[:])
	err := t.s.do(ctx, func(x *tx) error {
		if taken, err := x.has(key); err != nil || taken {
			return err // the same form again
		}
		save(x, key, c, monitoringCheckFields)
		x.log(t.school, entry)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep check on monitoring: %w", err)
	}
	return nil
}

func (t *tenant) MonitoringChecks(ctx context.Context, from time.Time) (all []store.MonitoringCheck, err error) {
	p := prefix(t.info.ID, tMonitoring)
	err = t.s.view(ctx, func(r reader) error {
		return r.from(p, append(slices.Clone(p), beTime(from)...), false, func(key, value []byte) error {
			c, err := decode(key, value, monitoringCheckFields)
			all = append(all, c)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read record of checks: %w", err)
	}
	slices.Reverse(all)
	return all, nil
}

func pairsOf(m map[string]store.StateCount) []namedCount {
	pairs := make([]namedCount, 0, len(m))
	for id, n := range m {
		pairs = append(pairs, namedCount{id, n})
	}
	slices.SortFunc(pairs, func(a, b namedCount) int { return strings.Compare(a.id, b.id) })
	return pairs
}
