package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

func (t *tenant) PutDocument(ctx context.Context, d store.Document) error {
	d.Created = utc(d.Created)
	entry := audit.Entry{At: d.Created, Who: d.Approved, Action: audit.DocumentPut,
		Object: []string{d.Kind, strconv.FormatUint(d.Version, 10)}}
	if err := errors.Join(store.CheckDocument(d), checkEntry(entry)); err != nil {
		return fmt.Errorf("keep document: %w", err)
	}
	err := t.s.do(ctx, func(x *tx) error {
		// The newest is the last of the kind's versions, in order of their number.
		if old := x.keys(keyDocument(t.info.ID, d.Kind)); len(old) > 0 {
			newest := old[len(old)-1]
			if string(newest[len(newest)-8:]) >= string(be64(d.Version)) {
				return fmt.Errorf("version %d or a later one %w", d.Version, store.ErrExists)
			}
		}
		save(x, keyDocument(t.info.ID, d.Kind, be64(d.Version)), d, documentFields)
		x.log(t.school, entry)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep document: %w", err)
	}
	return nil
}

func (t *tenant) LatestDocument(ctx context.Context, kind string) (d store.Document, err error) {
	err = t.s.view(ctx, func(r reader) error {
		err := r.each(keyDocument(t.info.ID, kind), true, func(key, value []byte) error {
			if d, err = decode(key, value, documentFields); err != nil {
				return err
			}
			return errStop
		})
		if err == nil && d.Version == 0 {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return store.Document{}, fmt.Errorf("read document: %w", err)
	}
	return d, nil
}

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

func (t *tenant) Key(ctx context.Context, person caseflow.PersonKey) ([]byte, error) {
	k, err := read(ctx, t.s, prefix(t.info.ID, tKey, person[:]), bytesFields)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return k.B, nil
}

func (t *tenant) AddKey(ctx context.Context, person caseflow.PersonKey, wrapped []byte) (stands []byte, err error) {
	if len(wrapped) == 0 || len(wrapped) > store.MaxText {
		return nil, fmt.Errorf("add key: %w: 1 to %d bytes", store.ErrInvalid, store.MaxText)
	}
	key := prefix(t.info.ID, tKey, person[:])
	err = t.s.do(ctx, func(x *tx) error {
		k, err := load(x.get, key, bytesFields)
		if errors.Is(err, store.ErrNotFound) {
			k, err = bytesRow{append([]byte(nil), wrapped...)}, nil
			save(x, key, k, bytesFields)
		}
		stands = k.B
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("add key: %w", err)
	}
	return stands, nil
}

func (t *tenant) DestroyKey(ctx context.Context, person caseflow.PersonKey) error {
	err := t.s.do(ctx, func(x *tx) error {
		x.delete(prefix(t.info.ID, tKey, person[:]))
		return nil
	})
	if err != nil {
		return fmt.Errorf("destroy key: %w", err)
	}
	return nil
}
