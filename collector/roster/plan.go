package roster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Preview is what an import would change.
type Preview struct {
	Source                              string
	Pupils, Staff                       int // of the file
	Added, Changed, Gone, Same, Skipped int
	// Matched and Unmatched count the accounts that devices have sent so far,
	// as the new directory would match them.
	Matched, Unmatched int
	// Lists show the first of each, by name.
	AddedPeople, ChangedPeople, GonePeople []Person
	UnmatchedAccounts                      []string
	// Shared are lines of the file whose account somebody else in it has as
	// well, under whatever name: those match nobody.
	Shared []string
}

// shown is how many a preview lists of each.
const shown = 20

// Plan is an import that was prepared and not done.
type Plan struct {
	Preview Preview

	after   uint64
	source  string
	records []directory.Record
	entries []store.DirectoryEntry // of records, in their order; without content where it must be sealed
	gone    []store.DirectoryEntry
	staff   bool // names of staff are new
	blind   bool // of an earlier version: nobody can be found in it by name
}

// Changes reports whether doing the plan would change anything.
func (p *Plan) Changes() bool {
	return p.after == 0 || p.blind || p.Preview.Added+p.Preview.Changed+p.Preview.Gone > 0
}

// Plan compares a roster with what the school has.
func (s *Service) Plan(ctx context.Context, t store.Tenant, r directory.Roster) (*Plan, error) {
	state, err := t.DirectoryState(ctx)
	if err != nil {
		return nil, fmt.Errorf("read directory: %w", err)
	}
	old := map[caseflow.PersonKey]store.DirectoryEntry{}
	err = s.Entries(ctx, t, func(e store.DirectoryEntry) error {
		old[e.Key] = e
		return nil
	})
	if err != nil {
		return nil, err
	}
	p := &Plan{after: state.Version, source: r.Source, records: r.People}
	p.Preview = Preview{Source: r.Source, Skipped: r.Skipped}
	for _, record := range r.People {
		p.add(s.entry(t, record), record, old)
	}
	for _, e := range old {
		if err := s.leave(ctx, t, p, e); err != nil {
			return nil, err
		}
	}
	p.shared()
	if err := s.match(ctx, t, p); err != nil {
		return nil, err
	}
	for _, list := range [][]Person{p.Preview.AddedPeople, p.Preview.ChangedPeople, p.Preview.GonePeople} {
		slices.SortFunc(list, func(a, b Person) int { return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.Key[:], b.Key[:])) })
	}
	return p, nil
}

// entry is a record without its sealed content.
func (s *Service) entry(t store.Tenant, r directory.Record) store.DirectoryEntry {
	id := t.Info().ID
	key := s.vault.EntryKey(id, r.Source, r.ID)
	e := store.DirectoryEntry{Person: directory.Identify(r, key, s.hash(t)), Year: r.Year}
	for _, phrase := range directory.NamePhrases(r) {
		e.Names = append(e.Names, s.vault.NameKey(id, phrase))
	}
	e.Sites, e.Classes = r.Sites, r.Classes
	e.Terms = s.vault.TermKeys(id, directory.Terms(r))
	digest := append([]string{r.Account, r.Email, r.Name, r.Given, r.Family, r.Audience.String(), r.Year}, r.Aliases...)
	for _, site := range r.Sites {
		digest = append(digest, "site", site)
	}
	for _, c := range r.Classes {
		digest = append(digest, "class", c.ID, c.Title)
	}
	e.Digest = s.vault.Digest(id, digest...)
	return e
}

// add takes in one record, and takes what stays as it is out of old.
func (p *Plan) add(e store.DirectoryEntry, r directory.Record, old map[caseflow.PersonKey]store.DirectoryEntry) {
	staff := len(e.Names) > 0
	if staff {
		p.Preview.Staff++
	} else {
		p.Preview.Pupils++
	}
	was, known := old[e.Key]
	delete(old, e.Key)
	e.Since = was.Since
	person := Person{Key: e.Key, Name: r.Name, Audience: r.Audience, Year: r.Year, Accounts: directory.ContentOf(r).Accounts, Aliases: r.Aliases}
	switch {
	case !known:
		p.Preview.Added++
		p.Preview.AddedPeople = first(p.Preview.AddedPeople, person)
	case was.Gone || was.Digest != e.Digest:
		p.Preview.Changed++
		p.Preview.ChangedPeople = first(p.Preview.ChangedPeople, person)
	default:
		p.Preview.Same++
		e.Content = was.Content
		p.blind = p.blind || len(was.Terms) == 0
	}
	p.staff = p.staff || staff && e.Content == nil
	p.entries = append(p.entries, e)
}

func first(list []Person, p Person) []Person {
	if len(list) < shown {
		list = append(list, p)
	}
	return list
}

// leave marks an entry that the file no longer has. It stays: the person's
// cases do, and an account of a member of staff must not become an unknown one
// by a gap in an export.
func (s *Service) leave(ctx context.Context, t store.Tenant, p *Plan, e store.DirectoryEntry) error {
	if !e.Gone {
		p.Preview.Gone++
		if len(p.Preview.GonePeople) < shown {
			person, err := s.Person(ctx, t, e)
			if err != nil {
				return err
			}
			p.Preview.GonePeople = append(p.Preview.GonePeople, person)
		}
	}
	p.gone = append(p.gone, e)
	return nil
}

// shared finds accounts that two people of the file have.
func (p *Plan) shared() {
	first := map[caseflow.PersonKey]int{}
	told := map[int]bool{}
	for i, e := range p.entries {
		for _, a := range e.Accounts {
			j, taken := first[a]
			if !taken {
				first[a] = i
				continue
			}
			if !told[i] && j != i && len(p.Preview.Shared) < shown {
				told[i] = true
				p.Preview.Shared = append(p.Preview.Shared, fmt.Sprintf("%s lines %d and %d", p.records[i].File, p.records[j].Line, p.records[i].Line))
			}
		}
	}
}

// match counts the accounts of devices that the new directory would match.
func (s *Service) match(ctx context.Context, t store.Tenant, p *Plan) error {
	people := make([]directory.Person, 0, len(p.entries)+len(p.gone))
	for _, e := range p.entries {
		people = append(people, e.Person)
	}
	for _, e := range p.gone {
		e.Gone = true
		people = append(people, e.Person)
	}
	x := directory.NewIndex(people)
	err := s.accounts(ctx, t, func(r store.PersonRecord) error {
		if _, ok := x.Match(directory.Account{Exact: r.Key, Login: r.Login, Domain: r.Domain, Mail: r.DomainIsMail}); ok {
			p.Preview.Matched++
			return nil
		}
		p.Preview.Unmatched++
		if len(p.Preview.UnmatchedAccounts) == shown {
			return nil
		}
		name, err := s.account(ctx, t, r)
		if name != "" {
			p.Preview.UnmatchedAccounts = append(p.Preview.UnmatchedAccounts, name)
		}
		return err
	})
	slices.SortFunc(p.Preview.UnmatchedAccounts, strings.Compare)
	return err
}
