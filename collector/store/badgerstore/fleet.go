package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

func (t *tenant) CreateToken(ctx context.Context, tok store.Token) error {
	if err := store.CheckToken(tok); err != nil {
		return fmt.Errorf("create token: %w", err)
	}
	key := prefix(t.info.ID, tToken, tok.Hash[:])
	err := t.s.do(ctx, func(x *tx) error {
		if taken, err := x.has(key); err != nil || taken {
			return errors.Join(err, store.ErrExists)
		}
		save(x, key, tok, tokenFields)
		return nil
	})
	if err != nil {
		return fmt.Errorf("create token: %w", err)
	}
	return nil
}

func (t *tenant) Enrol(ctx context.Context, tokenHash [32]byte, d store.Device, now time.Time) (store.Device, error) {
	if err := store.CheckDevice(d); err != nil {
		return store.Device{}, fmt.Errorf("enrol device: %w", err)
	}
	d.Report, d.Revoked, d.RevokedWhy = store.DeviceReport{}, time.Time{}, ""
	d.Suspect, d.SuspectWhy = time.Time{}, ""
	err := t.s.do(ctx, func(x *tx) error { return x.enrol(t.school, tokenHash, &d, utc(now)) })
	if err != nil {
		return store.Device{}, fmt.Errorf("enrol device: %w", err)
	}
	return d, nil
}

func (t *tx) enrol(sc *school, tokenHash [32]byte, d *store.Device, now time.Time) error {
	tokenKey := prefix(sc.info.ID, tToken, tokenHash[:])
	tok, err := load(t.get, tokenKey, tokenFields)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.ErrTokenUnknown
	case err != nil:
		return err
	case tok.Uses < 1:
		return store.ErrTokenUsed
	case !now.Before(tok.Expires):
		return store.ErrTokenExpired
	}
	key := prefix(sc.info.ID, tDevice, []byte(d.ID))
	if taken, err := t.has(key); err != nil || taken {
		return errors.Join(err, store.ErrExists)
	}
	tok.Uses--
	save(t, tokenKey, tok, tokenFields)
	d.Group, d.Audience, d.Batch, d.Held = tok.Group, tok.Audience, tok.Batch, tok.HoldsDevices()
	d.Enrolled, d.CertExpires = now, utc(d.CertExpires)
	save(t, key, *d, deviceFields)
	t.fleet[fleetKey{sc.info.ID, d.ID}] = fleetEntryOf(*d, store.CheckReport{}, time.Time{})
	t.log(sc, audit.Entry{At: now, Who: audit.System(), Action: audit.DeviceEnrolled, Object: []string{string(d.ID)}})
	return nil
}

func (t *tenant) Device(ctx context.Context, id caseflow.DeviceID) (d store.Device, err error) {
	err = t.s.view(ctx, func(r reader) error {
		d, err = t.device(r, id)
		return err
	})
	if err != nil {
		return store.Device{}, fmt.Errorf("read device: %w", err)
	}
	return d, nil
}

func (t *tenant) device(r reader, id caseflow.DeviceID) (d store.Device, err error) {
	if !store.CheckID(string(id)) {
		return d, store.ErrNotFound
	}
	if d, err = load(r.get, prefix(t.info.ID, tDevice, []byte(id)), deviceFields); err != nil {
		return d, err
	}
	d.Report, err = load(r.get, prefix(t.info.ID, tReport, []byte(id)), reportFields)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return d, err
}

// Devices lists every device, by id.
func (t *tenant) Devices(ctx context.Context) (all []store.Device, err error) {
	err = t.s.view(ctx, func(r reader) error {
		return r.each(prefix(t.info.ID, tDevice), false, func(key, _ []byte) error {
			d, err := t.device(r, caseflow.DeviceID(key[5:]))
			all = append(all, d)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	return all, nil
}

func (t *tenant) Report(ctx context.Context, reports []store.DeviceReport) error {
	if err := store.CheckReports(reports); err != nil {
		return fmt.Errorf("keep reports: %w", err)
	}
	err := t.s.do(ctx, func(x *tx) error {
		for _, r := range reports {
			known, err := x.has(prefix(t.info.ID, tDevice, []byte(r.ID)))
			if err != nil {
				return err
			}
			if known {
				save(x, prefix(t.info.ID, tReport, []byte(r.ID)), r, reportFields)
				x.changeFleet(t.school, r.ID, func(e *fleetEntry) { e.heard(r) })
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep reports: %w", err)
	}
	return nil
}

func (t *tenant) Renewed(ctx context.Context, id caseflow.DeviceID, serial string, notAfter time.Time) error {
	err := t.changeDevice(ctx, id, func(_ *tx, d *store.Device) error {
		d.CertSerial, d.CertExpires = serial, utc(notAfter)
		return store.CheckDevice(*d)
	})
	if err != nil {
		return fmt.Errorf("record renewal: %w", err)
	}
	return nil
}

func (t *tenant) Revoke(ctx context.Context, id caseflow.DeviceID, reason string, by audit.Who, now time.Time) error {
	entry := audit.Entry{At: utc(now), Who: by, Action: audit.DeviceRevoked, Object: []string{string(id)}, Reason: reason}
	if err := checkEntry(entry); err != nil {
		return fmt.Errorf("revoke device: %w", err)
	}
	err := t.changeDevice(ctx, id, func(x *tx, d *store.Device) error {
		if !d.Revoked.IsZero() {
			return nil // the first word stands
		}
		d.Revoked, d.RevokedWhy = utc(now), reason
		x.changeFleet(t.school, id, func(e *fleetEntry) { e.gone = true })
		x.log(t.school, entry)
		return store.CheckDevice(*d)
	})
	if err != nil {
		return fmt.Errorf("revoke device: %w", err)
	}
	return nil
}

func (t *tenant) changeDevice(ctx context.Context, id caseflow.DeviceID, change func(*tx, *store.Device) error) error {
	key := prefix(t.info.ID, tDevice, []byte(id))
	return t.s.do(ctx, func(x *tx) error {
		d, err := load(x.get, key, deviceFields)
		if err != nil {
			return err
		}
		if err := change(x, &d); err != nil {
			return err
		}
		save(x, key, d, deviceFields)
		return nil
	})
}
