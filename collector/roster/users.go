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

// LinkAccount makes a console user the person of an account, and of whoever the
// directory knows by it. Known is false when that is nobody yet: the account is
// kept, and completed by the import that brings its owner. An account that is
// empty or a pupil's is a *caseflow.InvalidError.
func (s *Service) LinkAccount(ctx context.Context, t store.Tenant, id caseflow.UserID, account string, by audit.Who) (known bool, err error) {
	keys, known, err := s.Persons(ctx, t, account)
	if err != nil {
		return false, fmt.Errorf("link user: %w", err)
	}
	if len(keys) == 0 {
		return false, &caseflow.InvalidError{Field: "account", Message: "Enter the account that the person logs on with."}
	}
	_, err = store.ChangeUser(ctx, t, id, by, s.now(), func(u *store.User) error {
		u.Persons = merge(u.Persons, keys)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("link user: %w", err)
	}
	return known, nil
}

func merge(keys, more []caseflow.PersonKey) []caseflow.PersonKey {
	for _, k := range more {
		if !slices.Contains(keys, k) && len(keys) < maxPersons {
			keys = append(keys, k)
		}
	}
	return keys
}
