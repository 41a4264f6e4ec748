package badgerstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

func (t *tenant) Token(ctx context.Context, hash [32]byte) (store.Token, error) {
	tok, err := read(ctx, t.s, prefix(t.info.ID, tToken, hash[:]), tokenFields)
	if errors.Is(err, store.ErrNotFound) {
		err = store.ErrTokenUnknown
	}
	if err != nil {
		return store.Token{}, fmt.Errorf("read token: %w", err)
	}
	return tok, nil
}

func (t *tenant) Tokens(ctx context.Context) ([]store.Token, error) {
	all, err := readAll(ctx, t.s, prefix(t.info.ID, tToken), tokenFields)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	slices.SortFunc(all, func(a, b store.Token) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.Batch, b.Batch), slices.Compare(a.Hash[:], b.Hash[:]))
	})
	return all, nil
}

func (t *tenant) Release(ctx context.Context, batch string, ids []caseflow.DeviceID, by audit.Who, now time.Time) (released []caseflow.DeviceID, err error) {
	if !store.CheckID(batch) {
		return nil, nil
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	err = t.s.do(ctx, func(x *tx) error {
		released = nil
		for _, id := range slices.Compact(ids) {
			if !store.CheckID(string(id)) {
				continue
			}
			key := prefix(t.info.ID, tDevice, []byte(id))
			d, err := load(x.get, key, deviceFields)
			if errors.Is(err, store.ErrNotFound) || err == nil && (!d.Held || d.Batch != batch) {
				continue
			}
			if err != nil {
				return err
			}
			entry := audit.Entry{At: utc(now), Who: by, Action: audit.DeviceReleased, Object: []string{string(id), batch}}
			if err := checkEntry(entry); err != nil {
				return err
			}
			d.Held = false
			save(x, key, d, deviceFields)
			x.log(t.school, entry)
			released = append(released, id)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("release devices: %w", err)
	}
	return released, nil
}

func (t *tenant) Suspect(ctx context.Context, id caseflow.DeviceID, why string, now time.Time) (first bool, err error) {
	entry := audit.Entry{At: utc(now), Who: audit.System(), Action: audit.DeviceSuspected, Object: []string{string(id)}, Reason: why}
	if err := checkEntry(entry); err != nil {
		return false, fmt.Errorf("suspect device: %w", err)
	}
	if !store.CheckID(string(id)) {
		return false, fmt.Errorf("suspect device: %w", store.ErrNotFound)
	}
	err = t.changeDevice(ctx, id, func(x *tx, d *store.Device) error {
		if first = d.Suspect.IsZero(); !first {
			return nil // the first word stands
		}
		d.Suspect, d.SuspectWhy = utc(now), why
		x.log(t.school, entry)
		return store.CheckDevice(*d)
	})
	if err != nil {
		return false, fmt.Errorf("suspect device: %w", err)
	}
	return first, nil
}

func (t *tenant) AskAgain(ctx context.Context, r store.Reoffer, by audit.Who) error {
	r.Since, r.Asked = utc(r.Since), utc(r.Asked)
	entry := audit.Entry{At: r.Asked, Who: by, Action: audit.ReofferAsked, Object: []string{r.Since.Format(time.RFC3339)}}
	if err := checkEntry(entry); err != nil {
		return fmt.Errorf("ask devices again: %w", err)
	}
	err := t.s.do(ctx, func(x *tx) error {
		save(x, prefix(t.info.ID, tReoffer), r, reofferFields)
		x.log(t.school, entry)
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask devices again: %w", err)
	}
	return nil
}

func (t *tenant) Asked(ctx context.Context) (store.Reoffer, error) {
	r, err := read(ctx, t.s, prefix(t.info.ID, tReoffer), reofferFields)
	if errors.Is(err, store.ErrNotFound) {
		return store.Reoffer{}, nil
	}
	if err != nil {
		return store.Reoffer{}, fmt.Errorf("read what devices are asked: %w", err)
	}
	return r, nil
}
