package tenants_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tenants"
)

// schools is a store with nothing but schools in it.
type schools struct {
	store.Store
	all   []store.School
	lists int
	fail  error
}

type tenant struct {
	store.Tenant
	info store.School
}

func (t tenant) Info() store.School { return t.info }

func (s *schools) Schools(context.Context) ([]store.School, error) {
	s.lists++
	return s.all, s.fail
}

func (s *schools) School(_ context.Context, id store.SchoolID) (store.Tenant, error) {
	for _, school := range s.all {
		if school.ID == id {
			return tenant{info: school}, nil
		}
	}
	return nil, store.ErrNotFound
}

func TestBySlug(t *testing.T) {
	s := &schools{all: []store.School{{ID: 1, Slug: "one"}, {ID: 2, Slug: "two"}}}
	d := tenants.New(s)
	for _, slug := range []string{"two", "one", "two"} {
		got, err := d.BySlug(t.Context(), slug)
		if err != nil || got.Info().Slug != slug {
			t.Errorf("BySlug(%s) = %v, %v", slug, got, err)
		}
	}
	if s.lists != 1 {
		t.Errorf("schools listed %d times, want once", s.lists)
	}
	if _, err := d.BySlug(t.Context(), "three"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v, want ErrNotFound", err)
	}
	s.all = append(s.all, store.School{ID: 3, Slug: "three"})
	if got, err := d.BySlug(t.Context(), "three"); err != nil || got.Info().ID != 3 {
		t.Errorf("a school added later: %v, %v", got, err)
	}
	s.fail = errors.New("disk on fire")
	if _, err := d.BySlug(t.Context(), "four"); !errors.Is(err, s.fail) {
		t.Errorf("fault of the store: %v", err)
	}
	if _, err := d.BySlug(t.Context(), "one"); err != nil {
		t.Errorf("a known school during it: %v", err)
	}
}

func TestOnly(t *testing.T) {
	for n, word := range []string{"none yet", "", "--school"} {
		s := &schools{}
		for i := range n {
			s.all = append(s.all, store.School{ID: store.SchoolID(i + 1), Slug: "s"})
		}
		_, err := tenants.New(s).Only(t.Context(), "")
		if word == "" && err != nil || word != "" && (!errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), word)) {
			t.Errorf("%d schools: %v, want %q", n, err, word)
		}
	}
}
