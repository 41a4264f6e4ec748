package store

import (
	"context"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Directory holds the people of a school, as its own list has them, and what
// is known of the accounts that devices have sent. Names are sealed; accounts
// and the phrases that name staff are keyed hashes.
type Directory interface {
	// PutDirectory replaces the directory by the one given, at once: readers
	// see the old or the new one. It then matches every account that devices
	// have sent and moves the cases of those whose match is new, each with a
	// ledger entry, before it returns; after a crash in between, that is made
	// up for at the next start. An import whose After is not the version that
	// stands fails with ErrExists.
	PutDirectory(ctx context.Context, d DirectoryImport) (DirectoryState, error)
	// DirectoryState is the zero value before the first import.
	DirectoryState(ctx context.Context) (DirectoryState, error)
	DirectoryEntry(ctx context.Context, key caseflow.PersonKey) (DirectoryEntry, error)
	// DirectoryEntries lists up to limit entries (1-1,000) with keys after the
	// one given, by key.
	DirectoryEntries(ctx context.Context, after caseflow.PersonKey, limit int) ([]DirectoryEntry, error)
	// MatchAccount returns the one entry that the account is (directory.Index),
	// or ErrNotFound.
	MatchAccount(ctx context.Context, a directory.Account) (DirectoryEntry, error)
	// NamedStaff returns the entries whose names are among the phrases.
	NamedStaff(ctx context.Context, phrases []caseflow.PersonKey) ([]caseflow.PersonKey, error)
	// FindPeople returns the entries that have every term (DirectoryEntry.Terms),
	// at most limit (1-1,000), in no order; none for no terms.
	FindPeople(ctx context.Context, terms []caseflow.PersonKey, limit int) ([]caseflow.PersonKey, error)
	// Years and Sites that the directory has now, sorted.
	Years(ctx context.Context) (years, sites []string, err error)
	Places
	// AddSubjects makes people who were found in a case after its captures came its
	// subjects, and moves it where that takes it. It reports whether anything changed.
	AddSubjects(ctx context.Context, ref caseflow.Ref, subjects []caseflow.PersonKey, now time.Time) (bool, error)
	// Accounts lists up to limit accounts (1-1,000) that devices have sent, with keys after the
	// one given, by key.
	Accounts(ctx context.Context, after caseflow.PersonKey, limit int) ([]PersonRecord, error)

	// PutFlag adds a flag or replaces the person's flag of that id;
	// ErrNotFound when the person is not in the directory.
	PutFlag(ctx context.Context, f Flag, by audit.Who, now time.Time) error
	// EndFlag removes a flag; ErrNotFound when there is none.
	EndFlag(ctx context.Context, person caseflow.PersonKey, id string, by audit.Who, now time.Time) error
	// Flags lists a person's flags by id; of all persons for the zero key.
	Flags(ctx context.Context, person caseflow.PersonKey) ([]Flag, error)
}

// DirectoryEntry is one person of the directory.
type DirectoryEntry struct {
	directory.Person
	Year    string               // year group; empty for staff
	Content caseflow.Sealed      // name, aliases and accounts, sealed for the person
	Names   []caseflow.PersonKey // hashed phrases that name the person in a text; staff only
	Digest  caseflow.PersonKey   // keyed hash of the record: whether it has changed
	Sites   []string             // of the school's sites, where the directory has several
	Classes []directory.Class    // teaching groups, by id
	Terms   []caseflow.PersonKey // hashed words by which the person is found
	Since   time.Time            // first import that had the person
	// GoneSince is the first import that no longer had the person.
	GoneSince time.Time
}

// DirectoryImport is a whole directory. Entries of people who have gone are in
// it, marked, as long as their cases are kept.
type DirectoryImport struct {
	After   uint64 // version that it was made from
	Source  string // of package directory
	Entries []DirectoryEntry
	By      audit.Who
	At      time.Time
}

// DirectoryState is what stands.
type DirectoryState struct {
	Version       uint64 // from 1; 0: never imported
	Source        string
	At            time.Time
	Pupils, Staff int // without those who have gone
	Gone          int
	// Pending: accounts are not matched anew yet.
	Pending bool
}

// Flag says that a pupil is vulnerable in some way, until its review date.
type Flag struct {
	Person caseflow.PersonKey
	ID     string
	Kind   FlagKind
	Reason caseflow.Sealed // 1 to 500 characters, sealed for the person
	By     caseflow.UserID
	ByName string
	Set    time.Time
	Review time.Time // the day on which somebody looks at it again
}

// FlagKind is what a flag is about, in words of the DfE's guidance (KCSIE 2025, paragraphs 15 to 17 and 200).
type FlagKind string

// Kinds of flags.
const (
	FlagLookedAfter FlagKind = "looked-after"
	FlagChildInNeed FlagKind = "child-in-need"
	FlagProtection  FlagKind = "child-protection-plan"
	FlagSEND        FlagKind = "send"
	FlagMental      FlagKind = "mental-health"
	FlagExploited   FlagKind = "exploitation-risk"
	FlagOther       FlagKind = "other"
)

// FlagKinds lists every kind, in the order of the form.
func FlagKinds() []FlagKind {
	return []FlagKind{FlagLookedAfter, FlagChildInNeed, FlagProtection, FlagSEND, FlagMental, FlagExploited, FlagOther}
}

// maxTerms bounds the lists of an entry: 20 aliases of several words each.
const maxTerms = 400

// CheckImport refuses a directory that cannot be kept.
func CheckImport(d DirectoryImport) error {
	if len(d.Entries) == 0 || len(d.Entries) > 2*directory.MaxPeople || d.At.IsZero() || len(d.Source) > MaxText {
		return invalid("a directory of %d entries", len(d.Entries))
	}
	seen := make(map[caseflow.PersonKey]bool, len(d.Entries))
	for _, e := range d.Entries {
		switch {
		case e.Key.IsZero() || seen[e.Key]:
			return invalid("an entry without a key of its own")
		case e.Audience != vocab.Pupil && e.Audience != vocab.Staff:
			return invalid("an entry that is neither pupil nor staff")
		case len(e.Year) > MaxText || len(e.Content) > MaxSealed:
			return invalid("an entry's year over %d bytes, or its content over %d", MaxText, MaxSealed)
		case max(len(e.Accounts), len(e.Mail), len(e.Windows), len(e.Names), len(e.Sites), len(e.Classes), len(e.Terms)) > maxTerms:
			return invalid("an entry with over %d accounts, names or classes", maxTerms)
		}
		seen[e.Key] = true
	}
	return checkWho(d.By)
}

// CheckFlag refuses a flag that cannot be kept.
func CheckFlag(f Flag) error {
	switch {
	case f.Person.IsZero() || !CheckID(f.ID):
		return invalid("a flag without a person or a plain id")
	case !slices.Contains(FlagKinds(), f.Kind):
		return invalid("a flag's kind is not a known one")
	case len(f.Reason) == 0 || len(f.Reason) > MaxSealed:
		return invalid("a flag's reason: 1 to %d bytes, sealed", MaxSealed)
	case len(f.By) > MaxID || len(f.ByName) > MaxText || f.Set.IsZero() || f.Review.IsZero():
		return invalid("a flag without a review date, or whose author's name is too long")
	}
	return nil
}
