package badgerstore

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

func rosterFields(c *codec, x *store.DirectoryState) {
	number(c, 1, &x.Version)
	text(c, 2, &x.Source)
	c.moment(3, &x.At)
	signed(c, 4, &x.Pupils)
	signed(c, 5, &x.Staff)
	signed(c, 6, &x.Gone)
	c.flag(7, &x.Pending)
}

func entryOfFields(c *codec, x *store.DirectoryEntry) {
	c.fixed(1, x.Key[:])
	number(c, 2, &x.Audience)
	c.flag(3, &x.Gone)
	list(c, 4, &x.Accounts, personKey)
	list(c, 5, &x.Mail, personKey)
	list(c, 6, &x.Windows, personKey)
	text(c, 7, &x.Year)
	raw(c, 8, &x.Content)
	list(c, 9, &x.Names, personKey)
	c.fixed(10, x.Digest[:])
	c.moment(11, &x.Since)
	c.moment(12, &x.GoneSince)
	list(c, 13, &x.Sites, word)
	list(c, 14, &x.Classes, classFields)
	list(c, 15, &x.Terms, personKey)
}

func classFields(c *codec, x *directory.Class) {
	text(c, 1, &x.ID)
	text(c, 2, &x.Title)
}

func flagFields(c *codec, x *store.Flag) {
	c.fixed(1, x.Person[:])
	text(c, 2, &x.ID)
	text(c, 3, &x.Kind)
	raw(c, 4, &x.Reason)
	text(c, 5, &x.By)
	text(c, 6, &x.ByName)
	c.moment(7, &x.Set)
	c.moment(8, &x.Review)
}

func (t *tenant) DirectoryState(ctx context.Context) (store.DirectoryState, error) {
	if t.s.isClosed() {
		return store.DirectoryState{}, store.ErrClosed
	}
	return t.standing().state, ctx.Err()
}

func (t *tenant) DirectoryEntry(ctx context.Context, key caseflow.PersonKey) (e store.DirectoryEntry, err error) {
	err = t.s.view(ctx, func(r reader) error {
		e, err = t.entry(r, key)
		return err
	})
	if err != nil {
		return store.DirectoryEntry{}, fmt.Errorf("read directory: %w", err)
	}
	return e, nil
}

// entry reads the version that the snapshot has, which may be newer than what stood in memory.
func (t *tenant) entry(r reader, key caseflow.PersonKey) (store.DirectoryEntry, error) {
	state, err := load(r.get, prefix(t.info.ID, tRoster), rosterFields)
	if err != nil {
		return store.DirectoryEntry{}, err
	}
	return load(r.get, prefix(t.info.ID, tEntry, be64(state.Version), key[:]), entryOfFields)
}

func (t *tenant) DirectoryEntries(ctx context.Context, after caseflow.PersonKey, limit int) (all []store.DirectoryEntry, err error) {
	if limit < 1 || limit > store.MaxEntries {
		return nil, fmt.Errorf("read directory: %w: limit %d, 1 to %d", store.ErrInvalid, limit, store.MaxEntries)
	}
	err = t.s.view(ctx, func(r reader) error {
		state, err := load(r.get, prefix(t.info.ID, tRoster), rosterFields)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return page(r, prefix(t.info.ID, tEntry, be64(state.Version)), after, limit, entryOfFields, &all)
	})
	if err != nil {
		return nil, fmt.Errorf("read directory: %w", err)
	}
	return all, nil
}

func (t *tenant) Accounts(ctx context.Context, after caseflow.PersonKey, limit int) (all []store.PersonRecord, err error) {
	if limit < 1 || limit > store.MaxEntries {
		return nil, fmt.Errorf("read accounts: %w: limit %d, 1 to %d", store.ErrInvalid, limit, store.MaxEntries)
	}
	err = t.s.view(ctx, func(r reader) error {
		return page(r, prefix(t.info.ID, tPerson), after, limit, personFields, &all)
	})
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	return all, nil
}

// page reads rows under p that are keyed by person, after the one given.
func page[T any](r reader, p []byte, after caseflow.PersonKey, limit int, fields func(*codec, *T), all *[]T) error {
	start := append(slices.Clone(p), after[:]...)
	return r.from(p, start, false, func(key, value []byte) error {
		if bytes.Equal(key, start) && !after.IsZero() {
			return nil
		}
		x, err := decode(key, value, fields)
		if err != nil {
			return err
		}
		if *all = append(*all, x); len(*all) == limit {
			return errStop
		}
		return nil
	})
}

func (t *tenant) MatchAccount(ctx context.Context, a directory.Account) (store.DirectoryEntry, error) {
	if t.s.isClosed() {
		return store.DirectoryEntry{}, store.ErrClosed
	}
	p, ok := t.standing().index.Match(a)
	if !ok {
		return store.DirectoryEntry{}, fmt.Errorf("match account: %w", store.ErrNotFound)
	}
	return t.DirectoryEntry(ctx, p.Key)
}

func (t *tenant) NamedStaff(ctx context.Context, phrases []caseflow.PersonKey) (all []caseflow.PersonKey, err error) {
	if t.s.isClosed() {
		return nil, store.ErrClosed
	}
	names := t.standing().names
	for _, p := range phrases {
		for _, k := range names[p] {
			if !slices.Contains(all, k) {
				all = append(all, k)
			}
		}
	}
	return all, ctx.Err()
}

func (t *tenant) AddSubjects(ctx context.Context, ref caseflow.Ref, subjects []caseflow.PersonKey, now time.Time) (changed bool, err error) {
	if !ref.Valid() || len(subjects) > store.MaxSubjects {
		return false, fmt.Errorf("add subjects: %w: a case's reference and at most %d people", store.ErrInvalid, store.MaxSubjects)
	}
	err = t.s.do(ctx, func(x *tx) error {
		before, err := x.caseOf(t.school, ref)
		if err != nil {
			return err
		}
		if before.Version == 0 {
			return store.ErrNotFound
		}
		if err := x.rematch(t.school, ref, triage.News{Subjects: subjects}, utc(now)); err != nil {
			return err
		}
		after, err := x.caseOf(t.school, ref)
		changed = after.Version != before.Version
		return err
	})
	if err != nil {
		return false, fmt.Errorf("add subjects: %w", err)
	}
	return changed, nil
}

func (t *tenant) PutFlag(ctx context.Context, f store.Flag, by audit.Who, now time.Time) error {
	entry := flagEntry(audit.FlagSet, f.Person, f.ID, by, now)
	if err := errors.Join(store.CheckFlag(f), checkEntry(entry)); err != nil {
		return fmt.Errorf("put flag: %w", err)
	}
	err := t.s.do(ctx, func(x *tx) error {
		if _, ok := x.roster(t.school).index.Person(f.Person); !ok {
			return store.ErrNotFound
		}
		save(x, prefix(t.info.ID, tFlag, f.Person[:], []byte(f.ID)), f, flagFields)
		x.log(t.school, entry)
		return nil
	})
	if err != nil {
		return fmt.Errorf("put flag: %w", err)
	}
	return nil
}

func (t *tenant) EndFlag(ctx context.Context, person caseflow.PersonKey, id string, by audit.Who, now time.Time) error {
	entry := flagEntry(audit.FlagEnded, person, id, by, now)
	if err := checkEntry(entry); err != nil || !store.CheckID(id) {
		return fmt.Errorf("end flag: %w", errors.Join(err, store.ErrNotFound))
	}
	err := t.s.do(ctx, func(x *tx) error {
		key := prefix(t.info.ID, tFlag, person[:], []byte(id))
		if there, err := x.has(key); err != nil || !there {
			return errors.Join(err, store.ErrNotFound)
		}
		x.delete(key)
		x.log(t.school, entry)
		return nil
	})
	if err != nil {
		return fmt.Errorf("end flag: %w", err)
	}
	return nil
}

func flagEntry(a audit.Action, person caseflow.PersonKey, id string, by audit.Who, now time.Time) audit.Entry {
	return audit.Entry{At: utc(now), Who: by, Action: a, Object: []string{hex.EncodeToString(person[:]), id}}
}

func (t *tenant) Flags(ctx context.Context, person caseflow.PersonKey) ([]store.Flag, error) {
	p := prefix(t.info.ID, tFlag)
	if !person.IsZero() {
		p = append(p, person[:]...)
	}
	all, err := readAll(ctx, t.s, p, flagFields)
	if err != nil {
		return nil, fmt.Errorf("read flags: %w", err)
	}
	return all, nil
}
