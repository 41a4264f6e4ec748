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
	"github.com/lapwing-schools/lapwing/collector/triage"
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
	limit = min(max(limit, 1), store.MaxHistory)
	err = s.view(ctx, func(r reader) error {
		return r.from(prefix, append(slices.Clone(prefix), slices.Repeat([]byte{0xff}, 40)...), true, func(key, value []byte) error {
			x, err := decode(key, value, fields)
			if err != nil {
				return err
			}
			if all = append(all, x); len(all) >= limit {
				return errStop
			}
			return nil
		})
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

// aboutDevice folds an arrival that makes no case into what is known of its
// device. The arrival itself has been found new.
func (t *tx) aboutDevice(sc *school, a triage.Arrival) error {
	id := sc.info.ID
	switch a.Kind {
	case triage.KindMedia:
		return t.media(sc, a)
	case triage.KindUnattended:
		save(t, prefix(id, tBreach, hashed(string(a.Device)), beTime(a.At), a.Event[:]), store.Breach{At: a.At, Unattended: *a.Unattended}, breachFields)
		if err := t.countWeek(sc, a.At, func(n *store.MediaCount) { n.Unattended++ }); err != nil {
			return err
		}
		return t.lockDay(sc, a, dayOf(a.At), func(d *store.LockDay) { d.Breaches++ })
	case triage.KindCanary:
		return t.canary(sc, a)
	case triage.KindLockMinutes:
		err := t.countWeek(sc, timeOf(a.Lock.Day), func(n *store.MediaCount) {
			n.OpenMinutes += int(a.Lock.Unattended)
			n.UseMinutes += int(a.Lock.InUse)
		})
		if err != nil {
			return err
		}
		return t.lockDay(sc, a, a.Lock.Day, func(d *store.LockDay) {
			d.InUse += a.Lock.InUse
			d.Locked += a.Lock.Locked
			d.LockMinutes.Unattended += a.Lock.Unattended
		})
	}
	return nil
}

func dayOf(at time.Time) uint32 {
	y, m, d := at.Date()
	return uint32(y*10000 + int(m)*100 + d)
}

// timeOf is the noon of a day.
func timeOf(day uint32) time.Time {
	return time.Date(int(day/10_000), time.Month(day/100%100), int(day%100), 12, 0, 0, 0, time.UTC)
}

func (t *tx) lockDay(sc *school, a triage.Arrival, day uint32, change func(*store.LockDay)) error {
	key := binary.BigEndian.AppendUint32(prefix(sc.info.ID, tLockDay, hashed(string(a.Device))), day)
	d, err := load(t.get, key, lockDayFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	d.Day = day
	change(&d)
	save(t, key, d, lockDayFields)
	return nil
}

// media folds one step into its visit. Steps may arrive late or twice; a later
// one stands, and the first says when it arrived.
func (t *tx) media(sc *school, a triage.Arrival) error {
	id, m := sc.info.ID, *a.Media
	place := prefix(id, tVisit, hashed(string(a.Device)), m.Visit[:])
	first, err := load(t.get, place, momentFields)
	isNew := errors.Is(err, store.ErrNotFound)
	if err != nil && !isNew {
		return err
	}
	if isNew {
		first.At = a.At
		save(t, place, first, momentFields)
	}
	key := prefix(id, tMedia, hashed(string(a.Device)), beTime(first.At), m.Visit[:])
	old, err := load(t.get, key, mediaVisitFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if !isNew && m.Step < old.Step {
		return nil
	}
	wasBad, wasInfected := !isNew && bad(old.Media), old.Scan == triage.ScanInfected
	wasPermitted := !isNew && !bad(old.Media)
	v := store.MediaVisit{Media: m, Device: a.Device, Arrived: first.At, Latest: a.At}
	save(t, key, v, mediaVisitFields)
	if bad(m) {
		save(t, prefix(id, tBadMedia, []byte(a.Device)), momentRow{a.At}, momentFields)
		t.changeFleet(sc, a.Device, func(e *fleetEntry) { e.badMedia = a.At })
	}
	return t.countWeek(sc, first.At, func(n *store.MediaCount) {
		count := func(was, is bool, of *int) {
			if is && !was {
				*of++
			}
			if was && !is {
				*of--
			}
		}
		count(wasPermitted, !bad(m), &n.Permitted)
		count(wasBad, bad(m), &n.NotPermitted)
		count(wasInfected, m.Scan == triage.ScanInfected, &n.Infected)
	})
}

func (t *tx) countWeek(sc *school, at time.Time, change func(*store.MediaCount)) error {
	key := prefix(sc.info.ID, tWeekCount, beTime(store.MondayOf(at)))
	n, err := load(t.get, key, mediaCountFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	change(&n)
	save(t, key, n, mediaCountFields)
	return nil
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
