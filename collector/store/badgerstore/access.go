package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

func (t *tenant) PutUser(ctx context.Context, u store.User, by audit.Who, now time.Time) error {
	entry := audit.Entry{At: utc(now), Who: by, Object: []string{string(u.ID)}, Action: audit.UserChanged}
	if err := errors.Join(store.CheckUser(u), checkEntry(entry)); err != nil {
		return fmt.Errorf("keep user: %w", err)
	}
	if err := t.s.do(ctx, func(x *tx) error { return x.putUser(t.school, u, entry) }); err != nil {
		return fmt.Errorf("keep user: %w", err)
	}
	return nil
}

func (t *tx) putUser(sc *school, u store.User, entry audit.Entry) error {
	id := sc.info.ID
	key := prefix(id, tUser, []byte(u.ID))
	old, err := load(t.get, key, userFields)
	switch {
	case errors.Is(err, store.ErrNotFound):
		entry.Action = audit.UserCreated
	case err != nil:
		return err
	}
	if u.Version != old.Version {
		return store.ErrStale
	}
	u.Version++
	for _, login := range logins(old) {
		t.delete(keyLogin(id, login))
	}
	for _, login := range logins(u) {
		k := keyLogin(id, login)
		owner, err := load(t.get, k, idFields)
		if err == nil && owner.ID != string(u.ID) {
			return fmt.Errorf("a user with this name or e-mail address %w", store.ErrExists)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		save(t, k, idRow{string(u.ID)}, idFields)
	}
	save(t, key, u, userFields)
	staged, _ := t.stagedUsers(sc)
	users := maps.Clone(staged)
	users[u.ID] = sc.postOf(u)
	t.users[id] = users
	t.log(sc, entry)
	return t.reroute(sc, u, entry.At)
}

// logins are the words by which a user signs in.
func logins(u store.User) (all []string) {
	for _, l := range []string{u.Name, u.Email} {
		if foldLogin(l) != "" {
			all = append(all, l)
		}
	}
	return all
}

func (t *tenant) User(ctx context.Context, id caseflow.UserID) (store.User, error) {
	u, err := read(ctx, t.s, prefix(t.info.ID, tUser, []byte(id)), userFields)
	if err != nil {
		return store.User{}, fmt.Errorf("read user: %w", err)
	}
	return u, nil
}

func (t *tenant) UserByLogin(ctx context.Context, login string) (u store.User, err error) {
	if len(login) > 2*store.MaxText || foldLogin(login) == "" {
		return u, fmt.Errorf("read user: %w", store.ErrNotFound)
	}
	err = t.s.view(ctx, func(r reader) error {
		id, err := load(r.get, keyLogin(t.info.ID, login), idFields)
		if err != nil {
			return err
		}
		u, err = load(r.get, prefix(t.info.ID, tUser, []byte(id.ID)), userFields)
		return err
	})
	if err != nil {
		return store.User{}, fmt.Errorf("read user: %w", err)
	}
	return u, nil
}

// Users lists every user, by id.
func (t *tenant) Users(ctx context.Context) ([]store.User, error) {
	all, err := readAll(ctx, t.s, prefix(t.info.ID, tUser), userFields)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return all, nil
}

func (t *tenant) PutLink(ctx context.Context, l store.Link) error {
	key := prefix(t.info.ID, tLink, l.Hash[:])
	err := t.s.do(ctx, func(x *tx) error {
		if known, err := x.has(prefix(t.info.ID, tUser, []byte(l.User))); err != nil || !known {
			return errors.Join(err, store.ErrNotFound)
		}
		save(x, key, l, linkFields)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep link: %w", err)
	}
	return nil
}

func (t *tenant) Link(ctx context.Context, hash [32]byte, now time.Time) (store.Link, error) {
	l, err := read(ctx, t.s, prefix(t.info.ID, tLink, hash[:]), linkFields)
	if err == nil && !now.Before(l.Expires) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Link{}, fmt.Errorf("read link: %w", err)
	}
	return l, nil
}

func (t *tenant) UseLink(ctx context.Context, hash [32]byte, now time.Time) (l store.Link, err error) {
	key := prefix(t.info.ID, tLink, hash[:])
	expired := false
	err = t.s.do(ctx, func(x *tx) error {
		if l, err = load(x.get, key, linkFields); err != nil {
			return err
		}
		expired = !now.Before(l.Expires)
		x.delete(key) // an expired one has no use either
		return nil
	})
	if err == nil && expired {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Link{}, fmt.Errorf("use link: %w", err)
	}
	return l, nil
}

func (t *tenant) PutSession(ctx context.Context, s store.Session) error {
	if err := store.CheckSession(s); err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	if err := t.s.do(ctx, func(x *tx) error { return x.putSession(t.info.ID, s) }); err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	return nil
}

// putSession also clears away the user's sessions that had ended by the time
// this one was last seen, so that they do not pile up.
func (t *tx) putSession(id store.SchoolID, s store.Session) error {
	for _, k := range t.keys(keySessions(id, s.User)) {
		key := prefix(id, tSession, k[len(k)-len(s.Hash):])
		old, err := load(t.get, key, sessionFields)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err != nil || !s.Seen.Before(old.Expires) {
			t.delete(k)
			t.delete(key)
		}
	}
	save(t, prefix(id, tSession, s.Hash[:]), s, sessionFields)
	t.put(keySessions(id, s.User, s.Hash[:]), []byte{})
	return nil
}

func (t *tenant) Session(ctx context.Context, hash [32]byte, now time.Time) (store.Session, error) {
	s, err := read(ctx, t.s, prefix(t.info.ID, tSession, hash[:]), sessionFields)
	if err == nil && !now.Before(s.Expires) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Session{}, fmt.Errorf("read session: %w", err)
	}
	return s, nil
}

func (t *tenant) DeleteSession(ctx context.Context, hash [32]byte) error {
	key := prefix(t.info.ID, tSession, hash[:])
	err := t.s.do(ctx, func(x *tx) error {
		s, err := load(x.get, key, sessionFields)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		x.delete(key)
		x.delete(keySessions(t.info.ID, s.User, hash[:]))
		return nil
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

func (t *tenant) DeleteSessions(ctx context.Context, id caseflow.UserID) error {
	err := t.s.do(ctx, func(x *tx) error {
		for _, k := range x.keys(keySessions(t.info.ID, id)) {
			x.delete(k)
			x.delete(prefix(t.info.ID, tSession, k[len(k)-32:]))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}
