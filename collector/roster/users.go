package roster

import (
	"context"
	"fmt"
	"slices"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// maxPersons leaves room below what a store keeps of one user.
const maxPersons = 200

// linkUsers completes the keys of users who gave an account of theirs, by the
// directory that is about to stand: its entry and its other accounts. Keys are
// only added. A conflict that was known once stays.
func (s *Service) linkUsers(ctx context.Context, t store.Tenant, entries []store.DirectoryEntry, by audit.Who) error {
	people := make([]directory.Person, len(entries))
	for i, e := range entries {
		people[i] = e.Person
	}
	x := directory.NewIndex(people)
	users, err := t.Users(ctx)
	if err != nil {
		return fmt.Errorf("read users: %w", err)
	}
	for _, u := range users {
		if len(linked(x, u.Persons)) == len(u.Persons) {
			continue
		}
		_, err := store.ChangeUser(ctx, t, u.ID, by, s.now(), func(u *store.User) error {
			u.Persons = linked(x, u.Persons)
			return nil
		})
		if err != nil {
			return fmt.Errorf("link user: %w", err)
		}
	}
	return nil
}

// linked are a user's keys with those that the directory adds to them.
func linked(x *directory.Index, keys []caseflow.PersonKey) []caseflow.PersonKey {
	all := slices.Clone(keys)
	for _, k := range keys {
		p, ok := x.Person(k)
		if !ok {
			p, ok = x.Match(directory.Account{Exact: k})
		}
		if ok && p.Audience == vocab.Staff {
			all = merge(all, append([]caseflow.PersonKey{p.Key}, p.Accounts...))
		}
	}
	return all
}

// notStaff refuses to make a console user a pupil: whoever is linked never sees
// the person's cases, and a wrong link must not hide a child from a DSL.
func notStaff() error {
	return &caseflow.InvalidError{Field: "account", Message: "The directory has a pupil under this account. A user of the console can only be a member of staff."}
}

// Link makes a console user the person of a directory entry, whose cases they
// then never see; store.ErrNotFound when there is no such entry, and
// *caseflow.InvalidError when it is a pupil's.
func (s *Service) Link(ctx context.Context, t store.Tenant, id caseflow.UserID, entry caseflow.PersonKey, by audit.Who) error {
	e, err := t.DirectoryEntry(ctx, entry)
	if err != nil {
		return fmt.Errorf("link user: %w", err)
	}
	if e.Audience != vocab.Staff {
		return notStaff()
	}
	_, err = store.ChangeUser(ctx, t, id, by, s.now(), func(u *store.User) error {
		u.Persons = merge(u.Persons, append([]caseflow.PersonKey{e.Key}, e.Accounts...))
		return nil
	})
	if err != nil {
		return fmt.Errorf("link user: %w", err)
	}
	return nil
}

func merge(keys, more []caseflow.PersonKey) []caseflow.PersonKey {
	for _, k := range more {
		if !slices.Contains(keys, k) && len(keys) < maxPersons {
			keys = append(keys, k)
		}
	}
	return keys
}
