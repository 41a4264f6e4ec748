package badgerstore

import (
	"bytes"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

// tx is a staged write-set: of a group over what is committed, or of one op
// over its group. Reads see what is staged. Only the writer uses it.
type tx struct {
	s     *Store
	under *tx // nil for a group
	r     reader

	writes  map[string][]byte // nil value: deleted
	listed  []string          // keys of writes in tables that keys lists
	size    int64             // upper estimate of the writes in a Badger transaction
	cases   map[caseID]*caseflow.Case
	byKey   map[schoolKey][]caseflow.Ref // of cases; may name some twice, or that have moved
	ledgers map[store.SchoolID]audit.Head
	users   map[store.SchoolID]map[caseflow.UserID]post
	rosters map[store.SchoolID]*roster
	exempt  map[store.SchoolID]*exempted
	schools []*school
	changes []change
	fleet   map[fleetKey]*fleetEntry
}

type caseID struct {
	school store.SchoolID
	ref    caseflow.Ref
}

type schoolKey struct {
	school store.SchoolID
	key    triage.Key
}

func newTx(s *Store, r reader) *tx {
	return &tx{
		s: s, r: r, writes: map[string][]byte{}, cases: map[caseID]*caseflow.Case{}, byKey: map[schoolKey][]caseflow.Ref{},
		ledgers: map[store.SchoolID]audit.Head{}, users: map[store.SchoolID]map[caseflow.UserID]post{},
		rosters: map[store.SchoolID]*roster{}, exempt: map[store.SchoolID]*exempted{},
		fleet: map[fleetKey]*fleetEntry{},
	}
}

// get returns the value of key, or nil when there is none.
func (t *tx) get(key []byte) ([]byte, error) {
	for at := t; at != nil; at = at.under {
		if v, ok := at.writes[string(key)]; ok {
			return v, nil
		}
	}
	return t.r.get(key)
}

// has reports whether there is a row.
func (t *tx) has(key []byte) (bool, error) {
	v, err := t.get(key)
	return v != nil, err
}

// put stages a row. The value must not be nil.
func (t *tx) put(key, value []byte) {
	t.write(key, value)
	t.size += int64(len(key) + len(value) + 32) // 32: Badger's own, generously
}

func (t *tx) delete(key []byte) {
	t.write(key, nil)
	t.size += int64(len(key) + 32)
}

func (t *tx) write(key, value []byte) {
	t.writes[string(key)] = value
	switch table(key[4]) {
	case tSchool, tEpisode, tSessions, tDocument:
		t.listed = append(t.listed, string(key))
	}
}

// keys lists the keys under prefix in order, staged ones included. For
// prefixes with few rows, in the tables that write looks out for.
func (t *tx) keys(prefix []byte) [][]byte {
	found := map[string]bool{}
	it := t.r.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	for it.Seek(prefix); it.ValidForPrefix(prefix); it.Next() {
		found[string(it.Item().Key())] = true
	}
	it.Close()
	var overlay func(at *tx)
	overlay = func(at *tx) {
		if at == nil {
			return
		}
		overlay(at.under)
		for _, k := range at.listed {
			if strings.HasPrefix(k, string(prefix)) {
				found[k] = at.writes[k] != nil
			}
		}
	}
	overlay(t)
	var keys [][]byte
	for k, there := range found {
		if there {
			keys = append(keys, []byte(k))
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	return keys
}

// mergeInto adds what t staged to the group g.
func (t *tx) mergeInto(g *tx) {
	for k, v := range t.writes {
		g.writes[k] = v
	}
	g.listed = append(g.listed, t.listed...)
	g.size += t.size
	for id, c := range t.cases {
		g.cases[id] = c
	}
	for k, refs := range t.byKey {
		g.byKey[k] = append(g.byKey[k], refs...)
	}
	for id, h := range t.ledgers {
		g.ledgers[id] = h
	}
	for id, users := range t.users {
		g.users[id] = users
	}
	for id, r := range t.rosters {
		g.rosters[id] = r
	}
	for id, e := range t.exempt {
		g.exempt[id] = e
	}
	for k, e := range t.fleet {
		g.fleet[k] = e
	}
	g.schools = append(g.schools, t.schools...)
	g.changes = append(g.changes, t.changes...)
}

// publish brings what stands in memory up to the committed group, and wakes
// those who wait for it.
func (g *tx) publish() {
	g.s.mu.Lock()
	for _, sc := range g.schools {
		g.s.schools[sc.info.ID] = sc
	}
	g.s.mu.Unlock()
	for id, h := range g.ledgers {
		sc := g.s.schoolOf(id)
		sc.mu.Lock()
		sc.ledger = h
		sc.mu.Unlock()
	}
	for id, users := range g.users {
		sc := g.s.schoolOf(id)
		sc.mu.Lock()
		sc.users, sc.posts = users, postsOf(users)
		sc.news.wake() // somebody's rights may be others now
		sc.mu.Unlock()
	}
	for id, r := range g.rosters {
		sc := g.s.schoolOf(id)
		sc.mu.Lock()
		sc.roster = r
		sc.at.Store(r.at)
		sc.news.wake()
		sc.mu.Unlock()
	}
	for id, e := range g.exempt {
		sc := g.s.schoolOf(id)
		sc.mu.Lock()
		sc.exempt = e
		sc.mu.Unlock()
	}
	for k, e := range g.fleet {
		sc := g.s.schoolOf(k.school)
		sc.mu.Lock()
		sc.fleet.put(e)
		sc.mu.Unlock()
	}
	for id, c := range g.cases {
		sc := g.s.schoolOf(id.school)
		sc.mu.Lock()
		sc.put(c)
		sc.mu.Unlock()
	}
	for _, ch := range g.changes {
		sc := g.s.schoolOf(ch.school)
		sc.mu.Lock()
		sc.news.add(ch)
		sc.mu.Unlock()
	}
	for _, ch := range g.changes {
		sc := g.s.schoolOf(ch.school)
		sc.mu.Lock()
		sc.news.wake()
		sc.mu.Unlock()
	}
}

func (s *Store) schoolOf(id store.SchoolID) *school {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.schools[id]
}

// log appends an entry to the school's ledger.
func (t *tx) log(sc *school, e audit.Entry) {
	id := sc.info.ID
	head, ok := audit.Head{}, false
	for at := t; at != nil && !ok; at = at.under {
		head, ok = at.ledgers[id]
	}
	if !ok {
		head = sc.ledger
	}
	e, head = head.Link(e)
	key := prefix(id, tLedger, be64(e.Seq))
	t.put(key, encode(key, e, entryFields))
	t.indexReads(id, e)
	t.ledgers[id] = head
}

// posts are who holds which post, with what is staged.
func (t *tx) posts(sc *school) caseflow.Posts {
	if u, ok := t.stagedUsers(sc); ok {
		return postsOf(u)
	}
	return sc.posts
}

// colleagues are the school's users as they may act now, with what is staged.
func (t *tx) colleagues(sc *school) (all []caseflow.Actor) {
	users, _ := t.stagedUsers(sc)
	return inForce(users)
}

// inForce are the people who have an account in use, by id.
func inForce(users map[caseflow.UserID]post) (all []caseflow.Actor) {
	for _, u := range users {
		if u.inForce.User != "" {
			all = append(all, u.inForce)
		}
	}
	slices.SortFunc(all, func(a, b caseflow.Actor) int { return strings.Compare(string(a.User), string(b.User)) })
	return all
}

func (t *tx) stagedUsers(sc *school) (map[caseflow.UserID]post, bool) {
	for at := t; at != nil; at = at.under {
		if u, ok := at.users[sc.info.ID]; ok {
			return u, true
		}
	}
	return sc.users, false
}
