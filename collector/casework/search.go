package casework

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Limits of a search by person.
const (
	MaxSearchChars = 100
	MaxFound       = 20 // people whom one search may mean
)

// FindPeople says whom a typed name or account may mean: the keys of people of
// the directory who have every word of it, and of the account as typed. The
// answer tells nothing of any case; the queue does, through permissions. It is
// recorded who searched for whom. A nil answer is never given without an error.
func (s *Service) FindPeople(ctx context.Context, t store.Tenant, viewer caseflow.Actor, typed string) ([]caseflow.PersonKey, error) {
	if !caseflow.Allows(viewer, caseflow.FindPeople) {
		return nil, store.ErrNotFound
	}
	typed = normalise(typed)
	words := directory.SearchWords(typed)
	switch n := utf8.RuneCountInString(typed); {
	case n == 0:
		return nil, &caseflow.InvalidError{Field: "q", Message: "Enter a name, an account, a device or a case number."}
	case n > MaxSearchChars || len(words) > MaxSearchChars/4:
		return nil, &caseflow.InvalidError{Field: "q", Limit: MaxSearchChars, Message: "A search has at most 100 characters. Enter the name or the account only."}
	case !utf8.ValidString(typed):
		return nil, &caseflow.InvalidError{Field: "q", Message: "The search has characters that cannot be read. Type it again."}
	}
	school := t.Info().ID
	found, err := t.FindPeople(ctx, s.cfg.Vault.TermKeys(school, words), MaxFound+1)
	if err != nil {
		return nil, fmt.Errorf("find people: %w", err)
	}
	if len(found) > MaxFound {
		return nil, &caseflow.InvalidError{Field: "q", Limit: MaxFound, Message: "More than 20 people have that name. Enter more of it."}
	}
	people := append(found, s.cfg.Vault.PersonKey(school, typed))
	slices.SortFunc(people, func(a, b caseflow.PersonKey) int { return slices.Compare(a[:], b[:]) })
	people = slices.Compact(people)
	objects := make([]string, len(people))
	for i, k := range people {
		objects[i] = hex.EncodeToString(k[:])
	}
	if err := t.Append(ctx, audit.Entry{At: s.cfg.Now(), Action: audit.CasesSearched, Object: objects,
		Who: audit.Who{User: string(viewer.User), Name: viewer.Name, Via: audit.ViaConsole}}); err != nil {
		return nil, fmt.Errorf("record who searches: %w", err)
	}
	return people, nil
}
