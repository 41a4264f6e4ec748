package badgerstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

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
