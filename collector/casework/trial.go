package casework

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Limits of a trial.
const (
	TrialDays      = 14
	MaxPhraseChars = 200
	maxTrialHits   = 100    // cases listed; the rest is counted
	maxTrialLooks  = 50_000 // captures
)

// Trial is a phrase as a rule would have it, on its way over the captures of
// the last days. It goes in steps, each with its viewer's rights as they are
// then. It is not safe for concurrent use.
type Trial struct {
	engine *detect.Engine
	since  time.Time
	cursor string
	Looked int // captures
	Cases  int // cases looked into
	Hits   int // captures that the phrase would hit
	In     int // cases that hold them
	Listed []TrialHit
	Done   bool
	Cut    bool // it ended at its limit
}

// TrialHit is a case that the phrase would hit; no words of it are kept.
type TrialHit struct {
	Case caseflow.Case // without captures
	Hits int
	Last time.Time // newest capture that it would hit
}

// NewTrial compiles a phrase, in the language of the rule packs. The refusal
// is a *caseflow.InvalidError of the field "phrase".
func (s *Service) NewTrial(phrase string) (*Trial, error) {
	phrase = strings.TrimSpace(phrase)
	bad := func(format string, args ...any) error {
		return &caseflow.InvalidError{Field: "phrase", Limit: MaxPhraseChars, Message: fmt.Sprintf(format, args...)}
	}
	switch n := utf8.RuneCountInString(phrase); {
	case !utf8.ValidString(phrase) || strings.ContainsAny(phrase, "\x00\r\n"):
		return nil, bad("The phrase has characters that cannot be read. Type it again on one line.")
	case n == 0:
		return nil, bad("Enter a phrase, for example: no one wants you")
	case n > MaxPhraseChars:
		return nil, bad("The phrase must be %d characters or fewer. Shorten it.", MaxPhraseChars)
	}
	compiled, err := rulepack.Compile([]rulepack.Pack{{File: "phrase", Name: rulepack.Text{Value: "trial"}, Version: 1, Rules: []rulepack.Rule{{
		ID: rulepack.Text{Value: "trial"}, Title: "A phrase that is tried", Categories: rulepack.Strings{{Value: string(vocab.Bullying)}},
		FourC: rulepack.Text{Value: string(vocab.Conduct)}, Severity: rulepack.Text{Value: "low"}, Level: rulepack.Text{Value: "log"},
		Phrases: []rulepack.Text{{Value: phrase}}}}}})
	if err != nil {
		return nil, bad("That cannot be read as a phrase. Write plain words; (one|other) stands for either, and “..3” for up to three words between.")
	}
	engine, err := detect.Load(compiled)
	if err != nil {
		return nil, fmt.Errorf("load a phrase: %w", err)
	}
	return &Trial{engine: engine, since: s.cfg.Now().AddDate(0, 0, -TrialDays)}, nil
}

// Try goes on with a trial until it is done, or until enough says that the
// step has taken long enough. It looks only at captures that the viewer may
// see; the ledger has which cases before they are unsealed.
func (s *Service) Try(ctx context.Context, t store.Tenant, viewer caseflow.Actor, tr *Trial, enough func() bool) error {
	viewer = caseflow.Working(viewer)
	if !reviews(viewer) {
		return store.ErrNotFound
	}
	for !tr.Done {
		page, err := t.Queue(ctx, viewer, store.QueueQuery{States: []caseflow.State{caseflow.New, caseflow.Claimed, caseflow.Closed},
			Now: s.cfg.Now(), Cursor: tr.cursor, Limit: listPage})
		if err != nil {
			return fmt.Errorf("try a phrase: %w", hidden(err))
		}
		var refs []caseflow.Ref
		for _, r := range page.Rows {
			if caseflow.MaySee(r.Case, viewer) && r.Case.LastAt.After(tr.since) {
				refs = append(refs, r.Case.Ref)
			}
		}
		if err := s.recordReads(ctx, t, viewer, audit.PhraseTried, refs); err != nil {
			return err
		}
		for _, ref := range refs {
			if err := s.tryCase(ctx, t, viewer, tr, ref); err != nil {
				return err
			}
		}
		tr.cursor = page.Next
		tr.Cut = tr.Looked >= maxTrialLooks && page.Next != ""
		tr.Done = page.Next == "" || tr.Cut
		if enough() {
			return nil
		}
	}
	return nil
}

func (s *Service) tryCase(ctx context.Context, t store.Tenant, viewer caseflow.Actor, tr *Trial, ref caseflow.Ref) error {
	f, err := s.file(ctx, t, viewer, ref)
	if errors.Is(err, store.ErrNotFound) {
		return nil // moved to others since the page was read
	}
	if err != nil {
		return err
	}
	tr.Cases++
	hit := TrialHit{Case: f.Case}
	hit.Case.Captures = nil
	for _, r := range f.Captures {
		if !r.At.After(tr.since) || r.Capture == nil || r.Capture.Withdrawn {
			continue
		}
		w, err := s.words(ctx, t, r)
		if err != nil {
			return err
		}
		tr.Looked++
		if w.State == WordsShown && len(tr.engine.Match(w.Excerpt, detect.Options{})) > 0 {
			hit.Hits++
			if r.At.After(hit.Last) {
				hit.Last = r.At
			}
		}
	}
	if hit.Hits == 0 {
		return nil
	}
	tr.Hits += hit.Hits
	tr.In++
	if len(tr.Listed) < maxTrialHits {
		tr.Listed = append(tr.Listed, hit)
	}
	return nil
}
