package roster

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Limits of a flag. A review is due within a school year and a term, so that
// no child carries a flag that nobody remembers.
const (
	MaxFlagReason = 500 // characters
	MaxReviewDays = 500
)

// FlagView is a flag with its reason, for those who may set one.
type FlagView struct {
	store.Flag
	Reason  string // empty when it was erased or cannot be read
	Overdue bool
}

// FlagForm sets a flag.
type FlagForm struct {
	Person caseflow.PersonKey
	Kind   store.FlagKind
	Reason string
	Review time.Time // start of the day, in the school's zone
	// Key is the form's: sent twice, it sets one flag.
	Key string
}

// MaySetFlags reports whether the actor sets and reads flags: DSLs only.
func MaySetFlags(a caseflow.Actor) bool { return caseflow.Allows(a, caseflow.SetFlags) }

// Flags lists flags with their reasons, those to be reviewed first before the
// others; of all pupils for the zero key. Who may not read them gets store.ErrNotFound.
func (s *Service) Flags(ctx context.Context, t store.Tenant, viewer caseflow.Actor, person caseflow.PersonKey) ([]FlagView, error) {
	if !MaySetFlags(viewer) {
		return nil, store.ErrNotFound
	}
	kept, err := t.Flags(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("read flags: %w", err)
	}
	if err := s.recordRead(ctx, t, viewer, keysOf(kept)); err != nil {
		return nil, err
	}
	now := s.now()
	views := make([]FlagView, 0, len(kept))
	for _, f := range kept {
		v := FlagView{Flag: f, Overdue: f.Review.Before(now)}
		plain, err := s.vault.Unseal(ctx, t, t.Info().ID, f.Person, vault.FlagReason, f.Reason)
		if err != nil && !errors.Is(err, vault.ErrErased) && !errors.Is(err, vault.ErrBroken) {
			return nil, fmt.Errorf("unseal flag: %w", err)
		}
		v.Reason = strings.ToValidUTF8(string(plain), "�")
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b FlagView) int { return cmp.Or(a.Review.Compare(b.Review), cmp.Compare(a.ID, b.ID)) })
	return views, nil
}

// SetFlag adds a flag. The refusals are *caseflow.InvalidError, or
// store.ErrNotFound for who may not and for whom the directory does not have.
func (s *Service) SetFlag(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, f FlagForm) error {
	if !MaySetFlags(viewer) {
		return store.ErrNotFound
	}
	e, err := t.DirectoryEntry(ctx, f.Person)
	if err != nil {
		return fmt.Errorf("set flag: %w", err)
	}
	if e.Audience != vocab.Pupil {
		return store.ErrNotFound
	}
	now := s.now()
	reason := caseflow.Clean(f.Reason)
	if p := checkFlag(f, reason, now); len(p) > 0 {
		return p
	}
	sealed, err := s.vault.Seal(ctx, t, t.Info().ID, f.Person, vault.FlagReason, []byte(reason))
	if err != nil {
		return fmt.Errorf("set flag: %w", err)
	}
	return t.PutFlag(ctx, store.Flag{Person: f.Person, ID: flagID(viewer, f.Key), Kind: f.Kind, Reason: sealed, By: viewer.User, ByName: viewer.Name,
		Set: now, Review: f.Review}, by, now)
}

// checkFlag finds all that is wrong with a form.
func checkFlag(f FlagForm, reason string, now time.Time) (p caseflow.Problems) {
	if !slices.Contains(store.FlagKinds(), f.Kind) {
		p = append(p, &caseflow.InvalidError{Field: "kind", Message: "Choose what kind of need it is."})
	}
	var long *caseflow.InvalidError
	if !caseflow.Plain(reason) {
		p = append(p, &caseflow.InvalidError{Field: "reason", Message: "The reason has characters that cannot be read. Type it again, or paste it as plain text."})
	} else if errors.As(caseflow.CheckChars("reason", utf8.RuneCountInString(reason), MaxFlagReason), &long) {
		p = append(p, long)
	}
	if !f.Review.After(now) || f.Review.After(now.AddDate(0, 0, MaxReviewDays)) {
		p = append(p, &caseflow.InvalidError{Field: "review", Limit: MaxReviewDays,
			Message: fmt.Sprintf("Enter a review date after today and within %d days, for example the end of next term.", MaxReviewDays)})
	}
	return p
}

// flagID is the same for the same form of the same person, and never one that
// somebody could choose.
func flagID(viewer caseflow.Actor, key string) string {
	if key == "" {
		return rand.Text()[:16]
	}
	sum := sha256.Sum256([]byte(string(viewer.User) + "\x00" + key))
	return hex.EncodeToString(sum[:8])
}

// EndFlag takes a flag away.
func (s *Service) EndFlag(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, person caseflow.PersonKey, id string) error {
	if !MaySetFlags(viewer) {
		return store.ErrNotFound
	}
	return t.EndFlag(ctx, person, id, by, s.now())
}

// FindPupils lists up to limit pupils whose name or account has the words, for
// those who set flags. What was shown is in the ledger before it is returned.
func (s *Service) FindPupils(ctx context.Context, t store.Tenant, viewer caseflow.Actor, words string, limit int) ([]Person, error) {
	if !MaySetFlags(viewer) {
		return nil, store.ErrNotFound
	}
	want := directory.Fold(words)
	if want == "" {
		return nil, &caseflow.InvalidError{Field: "who", Message: "Enter a name or an account."}
	}
	var found []Person
	var keys []caseflow.PersonKey
	err := s.Entries(ctx, t, func(e store.DirectoryEntry) error {
		if e.Audience != vocab.Pupil || len(found) == limit {
			return nil
		}
		p, err := s.Person(ctx, t, e)
		if err != nil {
			return err
		}
		for _, text := range append([]string{p.Name}, p.Accounts...) {
			if strings.Contains(directory.Fold(text), want) {
				found, keys = append(found, p), append(keys, p.Key)
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b Person) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Year, b.Year)) })
	return found, s.recordRead(ctx, t, viewer, keys)
}

// Show returns one person for somebody who sets flags; recorded.
func (s *Service) Show(ctx context.Context, t store.Tenant, viewer caseflow.Actor, key caseflow.PersonKey) (Person, error) {
	if !MaySetFlags(viewer) {
		return Person{}, store.ErrNotFound
	}
	e, err := t.DirectoryEntry(ctx, key)
	if err != nil {
		return Person{}, fmt.Errorf("show person: %w", err)
	}
	if e.Audience != vocab.Pupil {
		return Person{}, store.ErrNotFound
	}
	if err := s.recordRead(ctx, t, viewer, []caseflow.PersonKey{key}); err != nil {
		return Person{}, err
	}
	return s.Person(ctx, t, e)
}

// RecordUnmatched writes that somebody is about to be shown the names of
// accounts that match nobody.
func (s *Service) RecordUnmatched(ctx context.Context, t store.Tenant, viewer caseflow.Actor, n int) error {
	return s.record(ctx, t, viewer, []string{fmt.Sprintf("%d unmatched accounts", n)})
}

func keysOf(flags []store.Flag) (keys []caseflow.PersonKey) {
	for _, f := range flags {
		if !slices.Contains(keys, f.Person) {
			keys = append(keys, f.Person)
		}
	}
	return keys
}

func (s *Service) recordRead(ctx context.Context, t store.Tenant, viewer caseflow.Actor, keys []caseflow.PersonKey) error {
	var objects []string
	for _, k := range keys {
		objects = append(objects, fmt.Sprintf("%x", k[:]))
	}
	return s.record(ctx, t, viewer, objects)
}

func (s *Service) record(ctx context.Context, t store.Tenant, viewer caseflow.Actor, objects []string) error {
	for part := range slices.Chunk(objects, audit.MaxObjects) {
		err := t.Append(ctx, audit.Entry{At: s.now(), Action: audit.DirectoryRead, Object: part,
			Who: audit.Who{User: string(viewer.User), Name: viewer.Name, Via: audit.ViaConsole}})
		if err != nil {
			return fmt.Errorf("record who reads: %w", err)
		}
	}
	return nil
}
