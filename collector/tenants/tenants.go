// Package tenants finds a school's data by the slug that certificates and
// enrolment tokens carry. It imports collector/store only.
package tenants

import (
	"context"
	"fmt"
	"sync"

	"github.com/lapwing-schools/lapwing/collector/store"
)

// Directory remembers which slug is which school. Schools are never removed or
// renamed, so what it knows stays true. It is safe for concurrent use.
type Directory struct {
	store store.Store

	mu  sync.RWMutex // guards ids
	ids map[string]store.SchoolID
}

// New returns a Directory over s.
func New(s store.Store) *Directory {
	return &Directory{store: s, ids: make(map[string]store.SchoolID)}
}

// BySlug returns the school's data, or store.ErrNotFound, wrapped.
func (d *Directory) BySlug(ctx context.Context, slug string) (store.Tenant, error) {
	d.mu.RLock()
	id, ok := d.ids[slug]
	d.mu.RUnlock()
	if !ok {
		var err error
		if id, err = d.look(ctx, slug); err != nil {
			return nil, err
		}
	}
	return d.store.School(ctx, id)
}

// Only returns the school named slug or, when slug is empty and the collector
// has one school, that one.
func (d *Directory) Only(ctx context.Context, slug string) (store.Tenant, error) {
	if slug != "" {
		return d.BySlug(ctx, slug)
	}
	all, err := d.store.Schools(ctx)
	if err != nil {
		return nil, fmt.Errorf("list schools: %w", err)
	}
	switch len(all) {
	case 0:
		return nil, fmt.Errorf("school: %w: this collector has none yet", store.ErrNotFound)
	case 1:
		return d.store.School(ctx, all[0].ID)
	}
	return nil, fmt.Errorf("school: %w: this collector has %d, so say which with --school", store.ErrNotFound, len(all))
}

func (d *Directory) look(ctx context.Context, slug string) (store.SchoolID, error) {
	all, err := d.store.Schools(ctx)
	if err != nil {
		return 0, fmt.Errorf("list schools: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range all {
		d.ids[s.Slug] = s.ID
	}
	id, ok := d.ids[slug]
	if !ok {
		return 0, fmt.Errorf("school %q: %w", slug, store.ErrNotFound)
	}
	return id, nil
}
