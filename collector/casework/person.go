package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Person is whom a case is about, as far as the viewer may know.
type Person struct {
	// Name in the directory, or of the account where it has nobody; empty when
	// there is none, or it was erased.
	Name string
	// State as for words; WordsNone when no account was logged on.
	State WordsState
	// Unmatched: no directory entry is known for the account, so whether it is
	// a pupil or a member of staff is not.
	Unmatched bool
	// Shared: several people use the account, so Name is the account's and stands
	// for none of them.
	Shared bool
	// Hidden: the person asked not to show their name; Name is a pseudonym.
	Hidden bool
	// Account as the device sent it, where Name is the directory's.
	Account string
	Year    string // year group; empty where it is not known
	// Flags of vulnerability that are in force, for DSLs and deputies.
	Flags []Flag
}

// Flag is why a pupil needs more care; its reason is on the page of flags only.
type Flag struct {
	Kind   store.FlagKind
	Review time.Time
	// Overdue: the review date has passed. The flag stays until somebody looks.
	Overdue bool
}

// person tells whom a case is about. viewer is who is shown it; the zero Actor
// sees no flags.
func (s *Service) person(ctx context.Context, t store.Tenant, viewer caseflow.Actor, p store.PersonRecord, c caseflow.Case) (Person, error) {
	if c.NameHidden() {
		return Person{Name: pseudonym, State: WordsShown, Hidden: true}, nil
	}
	out := Person{Unmatched: c.Audience == vocab.Unknown && !p.Shared, Shared: p.Shared}
	var err error
	if out.Name, out.State, err = s.text(ctx, t, p.Key, vault.PersonName, p.Name); err != nil || c.Person.IsZero() || p.Shared {
		return out, err
	}
	e, err := t.DirectoryEntry(ctx, c.Person)
	if errors.Is(err, store.ErrNotFound) {
		return out, nil // taken out of the directory since; the account's name stays
	}
	if err != nil {
		return Person{}, fmt.Errorf("read directory: %w", err)
	}
	name, err := s.entryName(ctx, t, e)
	if err != nil {
		return Person{}, err
	}
	if name != "" {
		out.Account, out.Name, out.State = out.Name, name, WordsShown
	}
	out.Year = e.Year
	out.Flags, err = s.flags(ctx, t, viewer, e)
	return out, err
}

func (s *Service) flags(ctx context.Context, t store.Tenant, viewer caseflow.Actor, e store.DirectoryEntry) ([]Flag, error) {
	if e.Audience != vocab.Pupil || !caseflow.Allows(viewer, caseflow.ReadFlags) {
		return nil, nil
	}
	kept, err := t.Flags(ctx, e.Key)
	if err != nil {
		return nil, fmt.Errorf("read flags: %w", err)
	}
	var out []Flag
	for _, f := range kept {
		out = append(out, Flag{Kind: f.Kind, Review: f.Review, Overdue: f.Review.Before(s.cfg.Now())})
	}
	return out, nil
}

// entryName is a person's name in the directory; empty when it was erased or
// cannot be read.
func (s *Service) entryName(ctx context.Context, t store.Tenant, e store.DirectoryEntry) (string, error) {
	plain, state, err := s.unseal(ctx, t, e.Key, vault.DirectoryEntry, e.Content)
	if err != nil || state != WordsShown {
		return "", err
	}
	content, err := directory.UnmarshalContent(plain)
	if err != nil {
		return "", nil // as for WordsUnreadable: one bad row must not hide a case
	}
	return content.Name, nil
}

// concerns names people of the directory.
func (s *Service) concerns(ctx context.Context, t store.Tenant, keys []caseflow.PersonKey) (names []string, err error) {
	for _, k := range keys {
		e, err := t.DirectoryEntry(ctx, k)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read directory: %w", err)
		}
		name, err := s.entryName(ctx, t, e)
		if err != nil {
			return nil, err
		}
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
