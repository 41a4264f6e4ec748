package badgerstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Schools lists every school, by id.
func (s *Store) Schools(ctx context.Context) ([]store.School, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.isClosed() {
		return nil, store.ErrClosed
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]store.School, 0, len(s.schools))
	for _, sc := range s.schools {
		all = append(all, sc.info)
	}
	slices.SortFunc(all, func(a, b store.School) int { return int(a.ID) - int(b.ID) })
	return all, nil
}

// AddSchool makes a school and begins its ledger; ErrExists for a slug that is
// taken.
func (s *Store) AddSchool(ctx context.Context, slug, name string, now time.Time) (info store.School, err error) {
	if err := store.CheckSchool(slug, name); err != nil {
		return info, fmt.Errorf("add school: %w", err)
	}
	err = s.do(ctx, func(t *tx) error {
		info, err = t.addSchool(slug, name, utc(now))
		return err
	})
	if err != nil {
		return store.School{}, fmt.Errorf("add school: %w", err)
	}
	return info, nil
}

func (t *tx) addSchool(slug, name string, now time.Time) (store.School, error) {
	info := store.School{ID: 1, Slug: slug, Name: name, Created: now}
	for _, key := range t.keys(prefix(0, tSchool)) {
		value, err := t.get(key)
		if err != nil {
			return info, err
		}
		other, err := decode(key, value, schoolFields)
		if err != nil {
			return info, err
		}
		if other.Slug == slug {
			return info, store.ErrExists
		}
		info.ID = max(info.ID, other.ID+1)
	}
	key := prefix(0, tSchool, be64(uint64(info.ID)))
	t.put(key, encode(key, info, schoolFields))
	sc := newSchool(info)
	t.schools = append(t.schools, sc)
	t.log(sc, audit.Entry{At: now, Who: audit.System(), Action: audit.SchoolCreated, Object: []string{slug}})
	return info, nil
}
