package badgerstore

import (
	"context"

	"github.com/lapwing-schools/lapwing/collector/store"
)

// load decodes the row of key that get finds; store.ErrNotFound when there is none.
func load[T any](get func([]byte) ([]byte, error), key []byte, fields func(*codec, *T)) (x T, err error) {
	value, err := get(key)
	if err != nil {
		return x, err
	}
	if value == nil {
		return x, store.ErrNotFound
	}
	return decode(key, value, fields)
}

// read is load from a snapshot of its own.
func read[T any](ctx context.Context, s *Store, key []byte, fields func(*codec, *T)) (x T, err error) {
	err = s.view(ctx, func(r reader) error {
		x, err = load(r.get, key, fields)
		return err
	})
	return x, err
}

// readAll decodes every row under prefix, in order.
func readAll[T any](ctx context.Context, s *Store, prefix []byte, fields func(*codec, *T)) (all []T, err error) {
	err = s.view(ctx, func(r reader) error {
		return r.each(prefix, false, func(key, value []byte) error {
			x, err := decode(key, value, fields)
			all = append(all, x)
			return err
		})
	})
	return all, err
}

// save stages the row of key.
func save[T any](t *tx, key []byte, x T, fields func(*codec, *T)) { t.put(key, encode(key, x, fields)) }
