package badgerstore

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

// school is what of one school stands in memory, always as last committed.
// Only the writer changes it, after a commit; cases are never changed in
// place, so a reader may keep the pointers it took.
type school struct {
	info store.School

	importing sync.Mutex // held by the one import of a directory

	at atomic.Pointer[whereabouts] // as roster has it; read without mu

	mu     sync.RWMutex // guards all below
	open   map[caseflow.Ref]*caseflow.Case
	byKey  map[triage.Key]map[caseflow.Ref]bool
	users  map[caseflow.UserID]post
	posts  caseflow.Posts // of all users, also disabled ones: they stay conflicted
	ledger audit.Head
	roster *roster // never nil
	// exempt are the school's exemptions; nil while there are none.
	exempt *exempted
	news   news
	fleet  fleet
}

// post is what routing knows of a user.
type post struct {
	roles   []caseflow.Role // pending ones too
	persons []caseflow.PersonKey
	// inForce is the user as somebody who acts, without broken glass; without a user id when disabled.
	inForce caseflow.Actor
	rights  [sha256.Size]byte // changes when what the user may see does
}

func (sc *school) postOf(u store.User) post {
	p := post{roles: append(append([]caseflow.Role(nil), u.Roles...), u.Pending...), persons: u.Persons, rights: rightsOf(u)}
	if !u.Disabled {
		u.Reach.GlassUntil = time.Time{}
		p.inForce = store.ActorOf(u, sc, time.Time{})
	}
	return p
}

// rightsOf stands for all of a user that permission looks at.
func rightsOf(u store.User) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %x %t %q %q %d", u.Roles, u.Pending, u.Persons, u.Disabled,
		u.Reach.Years, u.Reach.Sites, u.Reach.GlassUntil.UnixNano()))
}

func postsOf(users map[caseflow.UserID]post) (p caseflow.Posts) {
	for _, u := range users {
		p = p.With(u.roles, u.persons)
	}
	return p
}

func newSchool(info store.School) *school {
	return &school{
		info: info, open: map[caseflow.Ref]*caseflow.Case{}, byKey: map[triage.Key]map[caseflow.Ref]bool{},
		users: map[caseflow.UserID]post{}, news: newNews(), roster: &roster{},
		fleet: newFleet(),
	}
}

// put takes in a case as it now stands. Callers hold mu.
func (sc *school) put(c *caseflow.Case) {
	if old := sc.open[c.Ref]; old != nil {
		k := triage.KeyOfCase(*old)
		delete(sc.byKey[k], c.Ref)
		if len(sc.byKey[k]) == 0 {
			delete(sc.byKey, k)
		}
		delete(sc.open, c.Ref)
	}
	if c.State == caseflow.Closed {
		return
	}
	sc.open[c.Ref] = c
	k := triage.KeyOfCase(*c)
	if sc.byKey[k] == nil {
		sc.byKey[k] = map[caseflow.Ref]bool{}
	}
	sc.byKey[k][c.Ref] = true
}

// load reads what stands in memory.
func (s *Store) load() error {
	return s.db.View(func(txn *badger.Txn) error {
		r := reader{txn}
		return r.each(prefix(0, tSchool), false, func(key, value []byte) error {
			info, err := decode(key, value, schoolFields)
			if err != nil {
				return err
			}
			sc := newSchool(info)
			s.schools[info.ID] = sc
			return sc.load(r, s.warn)
		})
	})
}

func (sc *school) load(r reader, warn func(string, error)) error {
	id := sc.info.ID
	err := r.each(prefix(id, tOpen), false, func(key, _ []byte) error {
		c, err := r.caseOf(id, refAtEnd(key))
		if err != nil {
			// One bad row must not keep a whole school's collector from starting.
			warn("an open case cannot be read and is left out", err)
			return nil
		}
		sc.put(&c)
		return nil
	})
	if err != nil {
		return err
	}
	err = r.each(prefix(id, tUser), false, func(key, value []byte) error {
		u, err := decode(key, value, userFields)
		sc.users[u.ID] = sc.postOf(u)
		return err
	})
	if err != nil {
		return err
	}
	sc.posts = postsOf(sc.users)
	if sc.roster, err = loadRoster(r, id); err != nil {
		return err
	}
	sc.at.Store(sc.roster.at)
	if sc.exempt, err = loadExemptions(r, id); err != nil {
		return err
	}
	if err := sc.fleetLoad(r); err != nil {
		return err
	}
	return r.each(prefix(id, tLedger), true, func(key, value []byte) error {
		e, err := decode(key, value, entryFields)
		sc.ledger = audit.Head{Seq: e.Seq, Hash: e.Hash}
		if err != nil {
			return err
		}
		return errStop
	})
}

// reader reads committed rows of one snapshot.
type reader struct{ txn *badger.Txn }

// get returns the value of key, or nil when there is none.
func (r reader) get(key []byte) ([]byte, error) {
	item, err := r.txn.Get(key)
	if err == badger.ErrKeyNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return item.ValueCopy(nil)
}

// errStop ends an iteration without an error.
var errStop = errors.New("stop")

// each calls fn with the rows under prefix in order, or from the last to the
// first. Key and value are valid within the call only.
func (r reader) each(prefix []byte, backwards bool, fn func(key, value []byte) error) error {
	return r.from(prefix, prefix, backwards, fn)
}

// from is each from the first key that is not before start (not after it, backwards).
func (r reader) from(prefix, start []byte, backwards bool, fn func(key, value []byte) error) error {
	it := r.txn.NewIterator(badger.IteratorOptions{
		PrefetchValues: true, PrefetchSize: 32, Reverse: backwards, Prefix: prefix,
	})
	defer it.Close()
	if backwards && bytes.Equal(start, prefix) {
		start = append(bytes.Clone(prefix), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	}
	for it.Seek(start); it.ValidForPrefix(prefix); it.Next() {
		item := it.Item()
		err := item.Value(func(value []byte) error { return fn(item.Key(), value) })
		if err == errStop {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// caseOf folds a case; when one of its events is damaged, it is the head row's
// word on it, without captures. Version 0 when there is no such case.
func (r reader) caseOf(id store.SchoolID, ref caseflow.Ref) (caseflow.Case, error) {
	c, _, err := r.fold(id, ref)
	if errors.Is(err, ErrCorrupt) {
		var head headRow
		head, err = load(r.get, keyHead(id, ref), headFields)
		c = head.Case
	}
	return c, err
}

// fold reads a case's events and folds them; Version 0 when there is no such case.
func (r reader) fold(id store.SchoolID, ref caseflow.Ref) (c caseflow.Case, history []caseflow.Event, err error) {
	err = r.each(prefix(id, tEvent, []byte(ref)), false, func(key, value []byte) error {
		row, err := decode(key, value, eventFields)
		if err != nil {
			return err
		}
		if n := uint64(len(history) + 1); !bytes.Equal(key[len(key)-8:], be64(n)) {
			return fmt.Errorf("event %d missing: %w", n, ErrCorrupt)
		}
		history = append(history, row.Event)
		return nil
	})
	if err != nil {
		return caseflow.Case{}, nil, err
	}
	return caseflow.Fold(caseflow.Case{}, history...), history, nil
}
