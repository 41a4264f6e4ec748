package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/store"
)

func (t *tenant) PutDocument(ctx context.Context, d store.Document) error {
	d.Created = utc(d.Created)
	entry := audit.Entry{At: d.Created, Who: d.Approved, Action: audit.DocumentPut,
		Object: []string{d.Kind, strconv.FormatUint(d.Version, 10)}}
	if err := errors.Join(store.CheckDocument(d), checkEntry(entry)); err != nil {
		return fmt.Errorf("keep document: %w", err)
	}
	row, err := t.putParts(ctx, d)
	if err != nil {
		return fmt.Errorf("keep document: %w", err)
	}
	err = t.s.do(ctx, func(x *tx) error {
		// The newest is the last of the kind's versions, in order of their number.
		if old := x.keys(keyDocument(t.info.ID, d.Kind)); len(old) > 0 {
			newest := old[len(old)-1]
			if string(newest[len(newest)-8:]) >= string(be64(d.Version)) {
				return fmt.Errorf("version %d or a later one %w", d.Version, store.ErrExists)
			}
		}
		save(x, keyDocument(t.info.ID, d.Kind, be64(d.Version)), row, documentRowFields)
		x.log(t.school, entry)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep document: %w", err)
	}
	return nil
}

func (t *tenant) Document(ctx context.Context, kind string, version uint64) (d store.Document, err error) {
	err = t.s.view(ctx, func(r reader) error {
		row, err := load(r.get, keyDocument(t.info.ID, kind, be64(version)), documentRowFields)
		if err != nil {
			return err
		}
		d, err = t.whole(r, row)
		return err
	})
	if err != nil {
		return store.Document{}, fmt.Errorf("read document: %w", err)
	}
	return d, nil
}

func (t *tenant) LatestDocument(ctx context.Context, kind string) (d store.Document, err error) {
	err = t.s.view(ctx, func(r reader) error {
		err := r.each(keyDocument(t.info.ID, kind), true, func(key, value []byte) error {
			row, err := decode(key, value, documentRowFields)
			if err != nil {
				return err
			}
			if d, err = t.whole(r, row); err != nil {
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
