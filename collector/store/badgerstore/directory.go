package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Every import is written under a version of its own, in as many transactions
// as it needs, and becomes the directory when the one roster row says so. What
// an earlier version, or an import that was cut short, left behind goes
// afterwards.

// roster is the directory as it stands in memory: enough to match accounts and
// names, and no name.
type roster struct {
	state store.DirectoryState
	index *directory.Index
	names map[caseflow.PersonKey][]caseflow.PersonKey // phrase to staff
	at    *whereabouts
}

func newRoster(state store.DirectoryState, entries []store.DirectoryEntry) *roster {
	r := &roster{state: state, names: map[caseflow.PersonKey][]caseflow.PersonKey{}}
	people := make([]directory.Person, len(entries))
	for i, e := range entries {
		people[i] = e.Person
		for _, n := range e.Names {
			r.names[n] = append(r.names[n], e.Key)
		}
	}
	r.index, r.at = directory.NewIndex(people), newWhereabouts(entries)
	return r
}

func loadRoster(r reader, id store.SchoolID) (*roster, error) {
	state, err := load(r.get, prefix(id, tRoster), rosterFields)
	if errors.Is(err, store.ErrNotFound) {
		return &roster{}, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []store.DirectoryEntry
	err = r.each(prefix(id, tEntry, be64(state.Version)), false, func(key, value []byte) error {
		e, err := decode(key, value, entryOfFields)
		e.Content = nil // read when it is asked for
		entries = append(entries, e)
		return err
	})
	return newRoster(state, entries), err
}

// roster is the directory with what is staged.
func (t *tx) roster(sc *school) *roster {
	for at := t; at != nil; at = at.under {
		if r, ok := at.rosters[sc.info.ID]; ok {
			return r
		}
	}
	return sc.roster
}

// recognise fills in whose account an arrival is. An account that could be
// several people's is nobody's; those among them who are staff are possible
// subjects, and so never see it.
func (r *roster) recognise(a *triage.Arrival) {
	a.Entry = caseflow.PersonKey{}
	n := r.news(directory.Account{Exact: a.Person, Login: a.Login, Domain: a.Domain, Mail: a.DomainIsMail})
	if !n.Person.IsZero() {
		a.Entry, a.Audience = n.Person, n.Audience
	}
	if len(n.Subjects) > 0 && a.Capture != nil {
		c := *a.Capture
		c.Subjects = slices.Clone(c.Subjects)
		for _, s := range n.Subjects {
			if !slices.Contains(c.Subjects, s) && len(c.Subjects) < store.MaxSubjects {
				c.Subjects = append(c.Subjects, s)
			}
		}
		a.Capture = &c
	}
}

func (r *roster) news(a directory.Account) (n triage.News) {
	if p, ok := r.index.Match(a); ok {
		return triage.News{Person: p.Key, Audience: p.Audience}
	}
	for _, p := range r.index.Possible(a) {
		if p.Audience == vocab.Staff {
			n.Subjects = append(n.Subjects, p.Key)
		}
	}
	return n
}

const (
	entriesPerWrite  = 500 // some 300 bytes each
	accountsPerWrite = 16  // with all their cases
)

func (t *tenant) PutDirectory(ctx context.Context, d store.DirectoryImport) (state store.DirectoryState, err error) {
	d.At = utc(d.At)
	entry := audit.Entry{At: d.At, Who: d.By, Action: audit.DirectoryImported}
	if err := errors.Join(store.CheckImport(d), checkEntry(entry)); err != nil {
		return state, fmt.Errorf("put directory: %w", err)
	}
	t.importing.Lock()
	defer t.importing.Unlock()
	state = store.DirectoryState{Version: d.After + 1, Source: d.Source, At: d.At, Pending: true}
	for _, e := range d.Entries {
		switch {
		case e.Gone:
			state.Gone++
		case e.Audience == vocab.Staff:
			state.Staff++
		default:
			state.Pupils++
		}
	}
	entry.Object = []string{"version " + strconv.FormatUint(state.Version, 10), strconv.Itoa(state.Pupils) + " pupils",
		strconv.Itoa(state.Staff) + " staff", strconv.Itoa(state.Gone) + " gone"}
	if err := t.writeDirectory(ctx, d, state, entry); err != nil {
		return store.DirectoryState{}, fmt.Errorf("put directory: %w", err)
	}
	// It stands; what follows is made up for at the next start if need be.
	if err := t.matchAgain(ctx, d.At); err != nil {
		return state, fmt.Errorf("match accounts to the new directory: %w", err)
	}
	state.Pending = false
	return state, nil
}

func (t *tenant) writeDirectory(ctx context.Context, d store.DirectoryImport, state store.DirectoryState, entry audit.Entry) error {
	if t.standing().state.Version != d.After {
		return fmt.Errorf("a later directory %w", store.ErrExists)
	}
	id := t.info.ID
	if err := t.sweepDirectory(ctx, d.After); err != nil {
		return err
	}
	for part := range slices.Chunk(d.Entries, entriesPerWrite) {
		err := t.s.do(ctx, func(x *tx) error {
			for _, e := range part {
				save(x, prefix(id, tEntry, be64(state.Version), e.Key[:]), e, entryOfFields)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	next := newRoster(state, d.Entries)
	err := t.s.do(ctx, func(x *tx) error {
		save(x, prefix(id, tRoster), state, rosterFields)
		x.rosters[id] = next
		x.log(t.school, entry)
		return nil
	})
	if err != nil {
		return err
	}
	return t.sweepDirectory(ctx, state.Version)
}

// sweepDirectory removes the rows of every version but one.
func (t *tenant) sweepDirectory(ctx context.Context, keep uint64) error {
	var old [][]byte
	err := t.s.view(ctx, func(r reader) error {
		p := prefix(t.info.ID, tEntry)
		return r.each(p, false, func(key, _ []byte) error {
			if string(key[len(p):len(p)+8]) != string(be64(keep)) {
				old = append(old, slices.Clone(key))
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(old, 4*entriesPerWrite) {
		err := t.s.do(ctx, func(x *tx) error {
			for _, k := range part {
				x.delete(k)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// matchAgain matches every account to the directory that stands, and moves the
// cases whose typist's match is new. Whatever arrives meanwhile is matched to
// the same directory by itself.
func (t *tenant) matchAgain(ctx context.Context, now time.Time) error {
	var keys []caseflow.PersonKey
	p := prefix(t.info.ID, tPerson)
	err := t.s.view(ctx, func(r reader) error {
		return r.each(p, false, func(key, _ []byte) error {
			keys = append(keys, caseflow.PersonKey(key[len(p):]))
			return nil
		})
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(keys, accountsPerWrite) {
		err := t.s.do(ctx, func(x *tx) error {
			for _, k := range part {
				if err := x.matchAccount(t.school, k, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return t.s.do(ctx, func(x *tx) error {
		r := *x.roster(t.school)
		r.state.Pending = false
		save(x, prefix(t.info.ID, tRoster), r.state, rosterFields)
		x.rosters[t.info.ID] = &r
		return nil
	})
}

// matchAccount brings one account and its cases up to the directory.
func (t *tx) matchAccount(sc *school, k caseflow.PersonKey, now time.Time) error {
	key := prefix(sc.info.ID, tPerson, k[:])
	p, err := load(t.get, key, personFields)
	if err != nil {
		return err
	}
	n := t.roster(sc).news(directory.Account{Exact: p.Key, Login: p.Login, Domain: p.Domain, Mail: p.DomainIsMail})
	if p.Entry != n.Person || !n.Person.IsZero() && p.Audience != n.Audience {
		p.Entry, p.Audience = n.Person, n.Audience
		save(t, key, p, personFields)
	}
	if n.Person.IsZero() && len(n.Subjects) == 0 {
		return nil
	}
	// A case that is staged and not yet in the snapshot was placed by this
	// directory already.
	at := prefix(sc.info.ID, tTypist, k[:])
	return t.r.each(at, false, func(key, _ []byte) error {
		return t.rematch(sc, refAtEnd(key), n, now)
	})
}

// rematch brings news into one case.
func (t *tx) rematch(sc *school, ref caseflow.Ref, n triage.News, now time.Time) error {
	c, err := t.caseOf(sc, ref)
	if err != nil {
		return err
	}
	cmd := triage.Rematch(c, n, t.posts(sc))
	events, err := caseflow.Decide(c, cmd, caseflow.Actor{System: true}, now)
	if err != nil {
		return fmt.Errorf("match a case: %w", err)
	}
	after, err := t.evolve(sc, c, events, audit.Entry{At: now, Who: audit.System(), Action: actionOf(cmd), Object: []string{string(ref)}})
	if err == nil {
		err = t.recount(sc, c, after, nil, nil)
	}
	if err != nil || len(events) == 0 {
		return err
	}
	return t.retag(sc, ref, now) // a year group may be known now
}

// reroute moves the open cases that concern a user to where the user's posts
// now take them: nobody is left with a case about whoever reviews it.
func (t *tx) reroute(sc *school, u store.User, now time.Time) error {
	if len(u.Persons) == 0 {
		return nil
	}
	open := map[caseflow.Ref]bool{}
	for ref := range sc.open {
		open[ref] = true
	}
	for at := t; at != nil; at = at.under {
		for id := range at.cases {
			if id.school == sc.info.ID {
				open[id.ref] = true
			}
		}
	}
	for ref := range open {
		c, err := t.caseOf(sc, ref)
		if err != nil {
			return err
		}
		if c.State != caseflow.Closed && caseflow.Concerns(c, caseflow.Actor{Persons: u.Persons}) {
			if err := t.rematch(sc, ref, triage.News{}, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// finishDirectories makes up for what a stop cut short.
func (s *Store) finishDirectories(ctx context.Context) error {
	s.mu.RLock()
	var pending []*tenant
	for _, sc := range s.schools {
		if sc.roster.state.Pending {
			pending = append(pending, &tenant{s: s, school: sc})
		}
	}
	s.mu.RUnlock()
	for _, t := range pending {
		if err := t.matchAgain(ctx, t.standing().state.At); err != nil {
			return fmt.Errorf("match accounts to the directory: %w", err)
		}
	}
	return nil
}

// standing is the directory as last committed.
func (t *tenant) standing() *roster {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.school.roster
}
