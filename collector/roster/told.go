package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Limits of what is written down of a notice on paper.
const (
	// MaxWith is the longest note on with whom it was read, in characters.
	MaxWith = 500
	// MaxTellAtOnce is how many people one form may name: a class, or two.
	MaxTellAtOnce = 100
)

// Told says whom one version of the notice has reached.
type Told struct {
	Version  string
	Versions []string // all that are known, newest first
	People   []ToldPerson
	// Counts by state; those of state 0 have not been told.
	Counts map[triage.NoticeState]int
}

// ToldPerson is one person of the directory, or an account that is nobody's.
type ToldPerson struct {
	Person
	// Account: not in the directory; Name is the account's.
	Account bool
	// Shared: several people use the account; the notice is shown at each log-on.
	Shared bool
	State  triage.NoticeState // 0: not told yet
	At     time.Time
	By     string // who recorded it on paper
}

// Told lists everybody of the directory, and accounts that are nobody's there and
// were shown the notice, with what is known of a version of the notice; the newest
// known one when version is empty. Those who were not told stand first. The
// reading is recorded before names are unsealed.
func (s *Service) Told(ctx context.Context, t store.Tenant, viewer caseflow.Actor, version string) (Told, error) {
	if !caseflow.Allows(viewer, caseflow.ReadNotices) {
		return Told{}, store.ErrNotFound
	}
	all, err := t.NoticesOf(ctx, "")
	if err != nil {
		return Told{}, fmt.Errorf("read notices: %w", err)
	}
	out := Told{Versions: versions(all), Counts: map[triage.NoticeState]int{}}
	if out.Version = version; version == "" && len(out.Versions) > 0 {
		out.Version = out.Versions[0]
	}
	if err := s.record(ctx, t, viewer, []string{"who was told: " + out.Version}); err != nil {
		return Told{}, err
	}
	known := map[caseflow.PersonKey]store.NoticeRecord{}
	for _, n := range all {
		if n.Version == out.Version {
			known[n.Person] = n
		}
	}
	if out.People, err = s.people(ctx, t, known); err != nil {
		return Told{}, err
	}
	for _, p := range out.People {
		out.Counts[p.State]++
	}
	return out, nil
}

func (s *Service) people(ctx context.Context, t store.Tenant, known map[caseflow.PersonKey]store.NoticeRecord) (out []ToldPerson, err error) {
	err = s.accounts(ctx, t, func(p store.PersonRecord) error {
		n := known[p.Key]
		if !p.Entry.IsZero() {
			// What was said at any of a person's accounts is that person's word.
			if old := known[p.Entry]; n.State.Follows(old.State) && !n.At.Before(old.At) {
				known[p.Entry] = n
			}
			return nil
		}
		if n.State == 0 {
			// A device that never showed it the notice knows the account from what
			// was flagged alone, and that is nobody's business here.
			return nil
		}
		name, err := s.account(ctx, t, p)
		row := ToldPerson{Person: Person{Key: p.Key, Name: name, Audience: vocab.Unknown}, Account: true, Shared: p.Shared}
		out = append(out, told(row, n))
		return err
	})
	if err != nil {
		return nil, err
	}
	err = s.Entries(ctx, t, func(e store.DirectoryEntry) error {
		if e.Gone {
			return nil
		}
		p, err := s.Person(ctx, t, e)
		out = append(out, told(ToldPerson{Person: p}, known[e.Key]))
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b ToldPerson) int {
		return cmp.Or(cmp.Compare(rank(a.State), rank(b.State)), cmp.Compare(a.Year, b.Year), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
	})
	return out, nil
}

func told(p ToldPerson, n store.NoticeRecord) ToldPerson {
	p.State, p.At, p.By = n.State, n.At, n.By
	return p
}

// rank puts first what somebody has to do something about.
func rank(s triage.NoticeState) int {
	return slices.Index([]triage.NoticeState{0, triage.NoticeDeclined, triage.NoticeShown, triage.NoticeOnPaper, triage.NoticeAcknowledged}, s)
}

// versions are those of all records, the one heard of last first.
func versions(all []store.NoticeRecord) (out []string) {
	last := map[string]time.Time{}
	for _, n := range all {
		if n.At.After(last[n.Version]) {
			last[n.Version] = n.At
		}
	}
	for v := range last {
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(last[b].Compare(last[a]), cmp.Compare(a, b)) })
	return out
}

// TellOnPaper records that people were told on paper, or by word of mouth: with
// says with whom and how, 1 to MaxWith characters. Errors are *caseflow.InvalidError
// with the field version, person or with.
func (s *Service) TellOnPaper(ctx context.Context, t store.Tenant, viewer caseflow.Actor, by audit.Who, version string, people []caseflow.PersonKey, with string) error {
	with = strings.TrimSpace(with)
	switch n := utf8.RuneCountInString(with); {
	case !caseflow.Allows(viewer, caseflow.TellOnPaper):
		return store.ErrNotFound
	case version == "":
		return &caseflow.InvalidError{Field: "version", Message: "Choose which notice was read"}
	case len(people) == 0:
		return &caseflow.InvalidError{Field: "person", Message: "Choose at least one person"}
	case len(people) > MaxTellAtOnce:
		return &caseflow.InvalidError{Field: "person", Limit: MaxTellAtOnce, Message: fmt.Sprintf("Choose at most %d people at once", MaxTellAtOnce)}
	case n == 0 || !utf8.ValidString(with):
		return &caseflow.InvalidError{Field: "with", Message: "Say with whom and how it was read, for example: class 3B, read out by Mrs Ash"}
	case n > MaxWith:
		return &caseflow.InvalidError{Field: "with", Limit: MaxWith, Message: fmt.Sprintf("Use at most %d characters; this has %d", MaxWith, n)}
	}
	for _, k := range people {
		if _, err := t.DirectoryEntry(ctx, k); errors.Is(err, store.ErrNotFound) {
			return &caseflow.InvalidError{Field: "person", Message: "Somebody you chose is not in the directory any more. Open the page again"}
		} else if err != nil {
			return fmt.Errorf("look up who was told: %w", err)
		}
		sealed, err := s.vault.Seal(ctx, t, t.Info().ID, k, vault.Note, []byte(with))
		if err != nil {
			return fmt.Errorf("seal who was told: %w", err)
		}
		n := store.NoticeRecord{Person: k, Version: version, State: triage.NoticeOnPaper, At: s.now(), By: by.Name, With: sealed}
		if err := t.PutNotice(ctx, n, by); err != nil {
			return fmt.Errorf("keep who was told: %w", err)
		}
	}
	return nil
}
