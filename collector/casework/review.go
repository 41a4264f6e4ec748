package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Review is a case as an external reviewer sees it. There is no field in it
// for a name, an account, a device, a program, a window's title, a colleague,
// another case or what others wrote, so no page can show one.
type Review struct {
	Ref caseflow.Ref
	// Pupil is a pseudonym: the same for one pupil in all that this reviewer is
	// asked, and another for another reviewer.
	Pupil    string
	Year     string // year group; empty where it is not known
	Category vocab.Category
	Severity vocab.Severity
	Exempt   bool
	// AskedAt, and what the school asks; names in it are masked too.
	AskedAt  time.Time
	Question string
	// Answered is when this reviewer last did; zero: not yet. Outcome and
	// Suggested are what they suggest now.
	Answered  time.Time
	Outcome   caseflow.Outcome
	Suggested vocab.Severity
	Captures  []ReviewCapture // newest first; in a list only the newest that stands
	Mine      []ReviewAct     // what this reviewer did, newest first
	Draft     *Draft
	// Mark changes when something does that this view shows.
	Mark int
	Now  time.Time
}

// ReviewCapture is one capture with its names masked; Words has no App and no Title.
type ReviewCapture struct {
	Words
	At        time.Time
	Source    triage.Source
	Severity  vocab.Severity
	Rules     []triage.Rule
	Count     int
	Final     bool
	Withdrawn bool
}

// ReviewAct is a note or a suggestion of the reviewer's own.
type ReviewAct struct {
	At       time.Time
	Note     bool // and not a suggestion
	Outcome  caseflow.Outcome
	Severity vocab.Severity
	Text     string
	State    WordsState
}

// SuggestForm is what a reviewer thinks of a case: an outcome, another
// severity, or both, and why, in 1 to 500 characters.
type SuggestForm struct {
	Form
	Outcome  caseflow.Outcome
	Severity vocab.Severity // zero: as it is
	Why      string
}

// reviewer is the viewer with no role but the one from outside, so that nothing
// another role opens comes through these pages; false for who has it not.
func reviewer(viewer caseflow.Actor) (caseflow.Actor, bool) {
	ok := caseflow.Allows(viewer, caseflow.AdviseCases)
	viewer.Roles = []caseflow.Role{caseflow.External}
	return viewer, ok
}

// Reviews lists the cases that the viewer is asked about, those without an
// answer first, and says how many there are.
func (s *Service) Reviews(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]Review, int, error) {
	viewer, ok := reviewer(viewer)
	if !ok {
		return nil, 0, store.ErrNotFound
	}
	now := s.cfg.Now()
	page, err := t.Queue(ctx, viewer, store.QueueQuery{Now: now, Limit: store.MaxQueue})
	if err != nil {
		return nil, 0, fmt.Errorf("read reviews: %w", hidden(err))
	}
	var refs []caseflow.Ref
	for _, r := range page.Rows {
		if !caseflow.MaySee(r.Case, viewer) {
			return nil, 0, errors.New("read reviews: the store gave a case that is hidden from the viewer")
		}
		refs = append(refs, r.Case.Ref)
	}
	if err := s.recordReads(ctx, t, viewer, audit.QueueRead, refs); err != nil {
		return nil, 0, err
	}
	var all []Review
	for _, r := range page.Rows {
		m, err := s.masker(ctx, t, r.Case, r.Person)
		if err != nil {
			return nil, 0, err
		}
		v := s.review(t, viewer, r.Case, m, now)
		c, err := s.reviewCapture(ctx, t, r.Latest, m)
		if err != nil {
			return nil, 0, err
		}
		v.Captures = []ReviewCapture{c}
		all = append(all, v)
	}
	slices.SortStableFunc(all, func(a, b Review) int {
		switch x, y := a.Answered.IsZero(), b.Answered.IsZero(); {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	return all, page.Total, nil
}

// Review opens a case that the viewer is asked about; store.ErrNotFound for
// any other. The ledger has the look before anything is unsealed.
func (s *Service) Review(ctx context.Context, t store.Tenant, viewer caseflow.Actor, ref caseflow.Ref) (Review, error) {
	viewer, f, err := s.asked(ctx, t, viewer, ref)
	if err != nil {
		return Review{}, err
	}
	if err := s.recordReads(ctx, t, viewer, audit.CaseRead, []caseflow.Ref{ref}); err != nil {
		return Review{}, err
	}
	m, err := s.masker(ctx, t, f.Case, f.Person)
	if err != nil {
		return Review{}, err
	}
	v := s.review(t, viewer, f.Case, m, s.cfg.Now())
	for _, r := range slices.Backward(f.Captures) {
		c, err := s.reviewCapture(ctx, t, r, m)
		if err != nil {
			return Review{}, err
		}
		v.Captures = append(v.Captures, c)
		v.Mark += int(r.Revision) + 1
	}
	for _, e := range slices.Backward(f.History) {
		if q, ok := e.(caseflow.Consulted); ok && q.To == viewer.User && v.Question == "" {
			text, _, err := s.text(ctx, t, f.Case.Typist, vault.Reason, q.Question)
			if err != nil {
				return Review{}, err
			}
			if v.Question, err = m.text(text); err != nil {
				return Review{}, err
			}
		}
		if err := s.mine(ctx, t, viewer, f.Case, e, &v); err != nil {
			return Review{}, err
		}
	}
	v.Mark += len(v.Mine)
	v.Draft, err = s.draft(ctx, t, viewer, f.Case)
	return v, err
}

// asked loads a case for somebody from outside.
func (s *Service) asked(ctx context.Context, t store.Tenant, viewer caseflow.Actor, ref caseflow.Ref) (caseflow.Actor, store.CaseFile, error) {
	viewer, ok := reviewer(viewer)
	if !ok {
		return viewer, store.CaseFile{}, store.ErrNotFound
	}
	f, err := s.seen(ctx, t, viewer, ref)
	return viewer, f, err
}

func (s *Service) review(t store.Tenant, viewer caseflow.Actor, c caseflow.Case, m *masker, now time.Time) Review {
	o, _ := c.Asked(viewer.User)
	return Review{
		Ref: c.Ref, Pupil: s.pseudonym(t, viewer, c), Year: m.year, Category: c.Category, Severity: c.Severity, Exempt: c.Exempt,
		AskedAt: o.At, Answered: o.Answered, Outcome: o.Outcome, Suggested: o.Severity, Now: now, Mark: int(c.Severity),
	}
}

// pseudonym is four letters and digits that stand for the pupil to this
// reviewer. Who asked not to be named has another in every case.
func (s *Service) pseudonym(t store.Tenant, viewer caseflow.Actor, c caseflow.Case) string {
	whom := string(c.Person[:])
	if c.NameHidden() {
		whom = string(c.Ref)
	}
	k := s.cfg.Vault.Digest(t.Info().ID, "pseudonym", string(viewer.User), whom)
	return "Pupil " + string(caseflow.RefFrom([5]byte(k[:5])))[:4]
}

func (s *Service) reviewCapture(ctx context.Context, t store.Tenant, r store.CaptureRecord, m *masker) (ReviewCapture, error) {
	w, err := s.words(ctx, t, r)
	if err != nil {
		return ReviewCapture{}, err
	}
	v := ReviewCapture{At: r.At}
	if v.Words, err = m.words(w); err != nil {
		return ReviewCapture{}, err
	}
	if c := r.Capture; c != nil {
		v.Source, v.Severity, v.Rules, v.Count, v.Final, v.Withdrawn = c.Source, c.Severity, s.titled(c.Rules), c.Count, c.Final, c.Withdrawn
	}
	return v, nil
}

// mine adds an event to what the reviewer did, if it is one of theirs.
func (s *Service) mine(ctx context.Context, t store.Tenant, viewer caseflow.Actor, c caseflow.Case, e caseflow.Event, v *Review) (err error) {
	var a ReviewAct
	var by caseflow.Stamp
	var sealed caseflow.Sealed
	purpose := vault.Note
	switch e := e.(type) {
	case caseflow.Noted:
		a.Note, by, sealed = true, e.Stamp, e.Text
	case caseflow.Suggested:
		a.Outcome, a.Severity, by, sealed, purpose = e.Outcome, e.Severity, e.Stamp, e.Why, vault.Reason
	default:
		return nil
	}
	if by.User != viewer.User {
		return nil
	}
	a.At = by.At
	if a.Text, a.State, err = s.text(ctx, t, c.Typist, purpose, sealed); err == nil {
		v.Mine = append(v.Mine, a)
	}
	return err
}

// Suggest gives the school the reviewer's view of a case; it changes nothing in it.
func (s *Service) Suggest(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f SuggestForm) error {
	viewer, file, err := s.asked(ctx, t, viewer, f.Ref)
	if err != nil {
		return err
	}
	cmd := caseflow.Suggest{Outcome: f.Outcome, Severity: f.Severity}
	if strings.TrimSpace(f.Why) != "" { // what else is missing is said first
		if cmd.Why, cmd.Chars, err = s.seal(ctx, t, file.Case, "reason", f.Why, caseflow.MaxReasonChars, vault.Reason); err != nil {
			return err
		}
	}
	return s.advise(ctx, t, viewer, f.Form, cmd)
}

// ReviewNote adds a note of the reviewer's, of 1 to 10,000 characters.
func (s *Service) ReviewNote(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, text string) error {
	viewer, file, err := s.asked(ctx, t, viewer, f.Ref)
	if err != nil {
		return err
	}
	sealed, n, err := s.seal(ctx, t, file.Case, "note", text, caseflow.MaxNoteChars, vault.Note)
	if err != nil {
		return err
	}
	return s.advise(ctx, t, viewer, f, caseflow.Note{Text: sealed, Chars: n})
}

// advise acts for somebody from outside, whatever changed meanwhile: nothing is overwritten.
func (s *Service) advise(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f Form, cmd caseflow.Command) error {
	if len(f.Key) > maxKey {
		return &caseflow.InvalidError{Field: "key", Limit: maxKey, Message: "This form is damaged. Open the case again and repeat what you did."}
	}
	if _, err := t.Act(ctx, store.Act{Ref: f.Ref, Key: f.Key, Command: cmd, Actor: viewer, At: s.cfg.Now()}); err != nil {
		return fmt.Errorf("advise on case: %w", hidden(err))
	}
	return nil
}
