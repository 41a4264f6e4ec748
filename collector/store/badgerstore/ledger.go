package badgerstore

import (
	"context"
	"fmt"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/store"
)

func (t *tenant) Append(ctx context.Context, e audit.Entry) error {
	if err := checkEntry(e); err != nil {
		return fmt.Errorf("append to ledger: %w", err)
	}
	err := t.s.do(ctx, func(x *tx) error {
		x.log(t.school, e)
		return nil
	})
	if err != nil {
		return fmt.Errorf("append to ledger: %w", err)
	}
	return nil
}

func (t *tenant) Entries(ctx context.Context, after uint64, limit int) (all []audit.Entry, err error) {
	if limit == 0 {
		limit = store.MaxEntries
	}
	if limit < 0 || limit > store.MaxEntries {
		return nil, fmt.Errorf("read ledger: %w: limit %d, at most %d", store.ErrInvalid, limit, store.MaxEntries)
	}
	if after+1 == 0 {
		return nil, nil
	}
	p := prefix(t.info.ID, tLedger)
	err = t.s.view(ctx, func(r reader) error {
		return r.from(p, append(prefix(t.info.ID, tLedger), be64(after+1)...), false, func(key, value []byte) error {
			e, err := decode(key, value, entryFields)
			if err != nil {
				return err
			}
			if all = append(all, e); len(all) == limit {
				return errStop
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return all, nil
}

func checkEntry(e audit.Entry) error {
	if err := e.Validate(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	return nil
}
