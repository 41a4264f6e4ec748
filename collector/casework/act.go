package casework

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
)

// maxKey is the longest idempotency key, in bytes (store.Act).
const maxKey = 64

// Form is what every form about a case carries.
type Form struct {
	Ref caseflow.Ref
	// Expect is the version that the page showed; 0 for any. Another version
	// fails with *caseflow.StaleError and changes nothing.
	Expect uint64
	// Key makes a repeated form harmless; at most 64 bytes, empty for none.
	Key string
}

// CloseForm ends a case.
type CloseForm struct {
	Form
	Outcome caseflow.Outcome
	Rule    string // id of the rule that was wrong, for a false alarm; empty for all that hit
	Why     caseflow.WhyFalse
	// Of outcomes that say who was told.
	Agency          caseflow.Agency
	When            time.Time
	Reference, Whom string
	Note            string // may be empty
}

// The acts return the case as it is after them. They fail with
// store.ErrNotFound, *caseflow.StaleError, *caseflow.ClaimedError or
// *caseflow.InvalidError, whose Field is the form's; anything else is a fault.

// Claim takes the case for caseflow.ClaimFor, or renews the viewer's claim.
func (s *Service) Claim(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form) (caseflow.Case, error) {
	return s.act(ctx, t, viewer, f, caseflow.Claim{Until: s.cfg.Now().Add(caseflow.ClaimFor)})
}

// Release gives the case back.
func (s *Service) Release(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form) (caseflow.Case, error) {
	return s.act(ctx, t, viewer, f, caseflow.Release{})
}

// Note adds a note of 1 to 10,000 characters.
func (s *Service) Note(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, text string) (caseflow.Case, error) {
	return s.actWith(ctx, t, viewer, f, words{"note", text, caseflow.MaxNoteChars, vault.Note},
		func(sealed caseflow.Sealed, n int) caseflow.Command { return caseflow.Note{Text: sealed, Chars: n} })
}

// Close ends the case. It claims a case that nobody holds; it never closes one
// that somebody else does.
func (s *Service) Close(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f CloseForm) (caseflow.Case, error) {
	file, err := s.file(ctx, t, viewer, f.Ref)
	if err != nil {
		return caseflow.Case{}, err
	}
	cmd := caseflow.Close{Outcome: f.Outcome, Rule: f.Rule, Why: f.Why, Details: caseflow.Details{Agency: f.Agency, When: f.When}}
	if cmd.Details.Reference, err = s.line(ctx, t, file.Case, "reference", f.Reference, caseflow.MaxReferenceChars, vault.Told); err != nil {
		return caseflow.Case{}, err
	}
	if cmd.Details.Whom, err = s.line(ctx, t, file.Case, "whom", f.Whom, caseflow.MaxWhomChars, vault.Told); err != nil {
		return caseflow.Case{}, err
	}
	book, err := s.playbook(ctx, t, file.Case)
	if err != nil {
		return caseflow.Case{}, err
	}
	if cmd.Book, err = s.workBy(ctx, t, book); err != nil {
		return caseflow.Case{}, err
	}
	if normalise(f.Note) != "" {
		if cmd.Text, cmd.Chars, err = s.seal(ctx, t, file.Case, "note", f.Note, caseflow.MaxNoteChars, vault.Note); err != nil {
			return caseflow.Case{}, err
		}
	}
	return s.act(ctx, t, viewer, f.Form, cmd)
}

// Reopen brings a closed case back, for a reason of 1 to 500 characters.
func (s *Service) Reopen(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, reason string) (caseflow.Case, error) {
	return s.actWith(ctx, t, viewer, f, words{"reason", reason, caseflow.MaxReasonChars, vault.Reason},
		func(sealed caseflow.Sealed, n int) caseflow.Command { return caseflow.Reopen{Reason: sealed, Chars: n} })
}

// words is a free text of a form: its field, what was typed, its limit in
// characters, and what it is sealed as.
type words struct {
	field, text string
	limit       int
	as          vault.Purpose
}

// actWith acts on a case that the viewer may work on, with a text that an act
// cannot be without.
func (s *Service) actWith(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, w words, cmd func(caseflow.Sealed, int) caseflow.Command) (caseflow.Case, error) {
	file, err := s.file(ctx, t, viewer, f.Ref)
	if err != nil {
		return caseflow.Case{}, err
	}
	sealed, n, err := s.seal(ctx, t, file.Case, w.field, w.text, w.limit, w.as)
	if err != nil {
		return caseflow.Case{}, err
	}
	return s.act(ctx, t, viewer, f, cmd(sealed, n))
}

func (s *Service) act(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, cmd caseflow.Command) (caseflow.Case, error) {
	if !reviews(viewer) || !f.Ref.Valid() {
		return caseflow.Case{}, store.ErrNotFound
	}
	if len(f.Key) > maxKey {
		return caseflow.Case{}, &caseflow.InvalidError{Field: "key", Limit: maxKey,
			Message: "This form is damaged. Open the case again and repeat what you did."}
	}
	c, err := t.Act(ctx, store.Act{Ref: f.Ref, Expect: f.Expect, Key: f.Key, Command: cmd, Actor: caseflow.Working(viewer), At: s.cfg.Now()})
	if err != nil {
		return caseflow.Case{}, fmt.Errorf("act on case: %w", hidden(err))
	}
	return c, nil
}

// normalise is the text as it is counted and kept: line ends as browsers count
// them, and no space around it. Nothing else is changed: it is a record.
func normalise(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
}

// seal checks a free text and seals it for the case's typist, so that erasing
// the person erases what was written about them. A failed check leaves nothing behind.
func (s *Service) seal(ctx context.Context, t store.Tenant, c caseflow.Case, field, text string, limit int, p vault.Purpose) (caseflow.Sealed, int, error) {
	if !utf8.ValidString(text) {
		return nil, 0, &caseflow.InvalidError{Field: field,
			Message: "The " + field + " has characters that cannot be read. Type it again, or paste it as plain text."}
	}
	text = normalise(text)
	n := utf8.RuneCountInString(text)
	if err := caseflow.CheckChars(field, n, limit); err != nil {
		return nil, 0, err
	}
	sealed, err := s.cfg.Vault.Seal(ctx, t, t.Info().ID, c.Typist, p, []byte(text))
	if err != nil {
		return nil, 0, fmt.Errorf("seal %s: %w", field, err)
	}
	return sealed, n, nil
}
