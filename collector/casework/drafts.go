package casework

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
)

// Draft is what somebody has filled into the form about a case and not sent:
// values by the form's own field names.
type Draft struct {
	Fields map[string]string
	At     time.Time
}

// maxDraft leaves room for a note of 10,000 characters of four bytes, and for
// one that has grown too long: it is refused as a note, but not lost.
const maxDraft = 60 << 10

// KeepDraft seals what has been filled in and keeps it on the server, for this
// person and nobody else. Fields that are all empty remove the draft.
func (s *Service) KeepDraft(ctx context.Context, t store.Tenant, viewer caseflow.Actor, ref caseflow.Ref, fields map[string]string) (time.Time, error) {
	if !caseflow.Allows(viewer, caseflow.NoteCases) {
		return time.Time{}, store.ErrNotFound
	}
	file, err := s.seen(ctx, t, viewer, ref)
	if err != nil {
		return time.Time{}, err
	}
	now := s.cfg.Now()
	d := store.Draft{At: now}
	filled := map[string]string{}
	for k, v := range fields {
		if v != "" {
			filled[k] = v
		}
	}
	if len(filled) > 0 {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(filled); err != nil {
			return time.Time{}, fmt.Errorf("keep draft: %w", err)
		}
		if b.Len() > maxDraft {
			return time.Time{}, &caseflow.InvalidError{Field: "note", Limit: caseflow.MaxNoteChars,
				Message: "Note must be 10,000 characters or fewer. It is too long to be kept as a draft."}
		}
		if d.Content, err = s.cfg.Vault.Seal(ctx, t, t.Info().ID, file.Case.Typist, vault.Draft, b.Bytes()); err != nil {
			return time.Time{}, fmt.Errorf("seal draft: %w", err)
		}
	}
	if err := t.PutDraft(ctx, ref, viewer, d); err != nil {
		return time.Time{}, fmt.Errorf("keep draft: %w", hidden(err))
	}
	return now, nil
}

// draft is the viewer's own; nil when there is none, or it cannot be read any more.
func (s *Service) draft(ctx context.Context, t store.Tenant, viewer caseflow.Actor, c caseflow.Case) (*Draft, error) {
	d, err := t.Draft(ctx, c.Ref, viewer)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read draft: %w", err)
	}
	plain, state, err := s.unseal(ctx, t, c.Typist, vault.Draft, d.Content)
	if err != nil || state != WordsShown {
		return nil, err
	}
	out := &Draft{At: d.At}
	if json.Unmarshal(plain, &out.Fields) != nil {
		return nil, nil // as for WordsUnreadable
	}
	return out, nil
}
