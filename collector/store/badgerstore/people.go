package badgerstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// whereabouts is what the queue's filters, scopes and searches know of the
// directory, in memory and without a name. It stands apart from school.mu, so
// that permission can be asked while that is held.
type whereabouts struct {
	places map[caseflow.PersonKey]caseflow.Place
	terms  map[caseflow.PersonKey][]caseflow.PersonKey // hashed word to people
	years  []string
	sites  []string
}

func newWhereabouts(entries []store.DirectoryEntry) *whereabouts {
	w := &whereabouts{places: map[caseflow.PersonKey]caseflow.Place{}, terms: map[caseflow.PersonKey][]caseflow.PersonKey{}}
	years, sites := map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		for _, t := range e.Terms {
			w.terms[t] = append(w.terms[t], e.Key)
		}
		if e.Year != "" || len(e.Sites) > 0 {
			w.places[e.Key] = caseflow.Place{Year: e.Year, Sites: e.Sites}
		}
		if e.Gone {
			continue
		}
		if e.Year != "" {
			years[e.Year] = true
		}
		for _, s := range e.Sites {
			sites[s] = true
		}
	}
	w.years, w.sites = sorted(years), sorted(sites)
	return w
}

// sorted orders words as people do: Year 7 before Year 10.
func sorted(set map[string]bool) (all []string) {
	for s := range set {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b string) int {
		if len(a) != len(b) && digit(a) && digit(b) {
			return len(a) - len(b)
		}
		if a < b {
			return -1
		}
		return 1
	})
	return all
}

func digit(s string) bool { return s[len(s)-1] >= '0' && s[len(s)-1] <= '9' }

// where is what stands; never nil.
func (sc *school) where() *whereabouts {
	if w := sc.at.Load(); w != nil {
		return w
	}
	return &whereabouts{}
}

// Place is answered without a lock.
func (sc *school) Place(k caseflow.PersonKey) caseflow.Place { return sc.where().places[k] }

func (t *tenant) Years(ctx context.Context) (years, sites []string, err error) {
	if t.s.isClosed() {
		return nil, nil, store.ErrClosed
	}
	w := t.where()
	return slices.Clone(w.years), slices.Clone(w.sites), ctx.Err()
}

func (t *tenant) FindPeople(ctx context.Context, terms []caseflow.PersonKey, limit int) (found []caseflow.PersonKey, err error) {
	if limit < 1 || limit > store.MaxEntries {
		return nil, fmt.Errorf("find people: %w: limit %d, 1 to %d", store.ErrInvalid, limit, store.MaxEntries)
	}
	if t.s.isClosed() {
		return nil, store.ErrClosed
	}
	if len(terms) == 0 {
		return nil, ctx.Err()
	}
	w := t.where()
	// The rarest word first: it leaves the fewest to look at.
	rest := slices.Clone(terms)
	slices.SortFunc(rest, func(a, b caseflow.PersonKey) int { return len(w.terms[a]) - len(w.terms[b]) })
	sets := make([]map[caseflow.PersonKey]bool, 0, len(rest)-1)
	for _, term := range rest[1:] {
		set := map[caseflow.PersonKey]bool{}
		for _, k := range w.terms[term] {
			set[k] = true
		}
		sets = append(sets, set)
	}
	for _, k := range w.terms[rest[0]] {
		if !slices.ContainsFunc(sets, func(s map[caseflow.PersonKey]bool) bool { return !s[k] }) {
			if found = append(found, k); len(found) == limit {
				break
			}
		}
	}
	return found, ctx.Err()
}
