package casework

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// ServerRead tells reviewers that a command on the server read content
// ("Honesty about the server" in the contract). It counts no cases and repeats
// no reason: either could tell of a case that is hidden from the one who reads it.
type ServerRead struct {
	At    time.Time `json:"at"`
	Actor string    `json:"actor"` // OS account that ran the command
}

// serverReadKind is the document that keeps the last ServerRead, so that a
// command run while the server is stopped is told of as well.
const serverReadKind = "notice/server-read"

// serverReadShown is how long the notice stands: over a half-term week.
const serverReadShown = 14 * 24 * time.Hour

// listPage is how many cases are read, recorded and sent at a time.
const listPage = 200

// List gives every case of the school, closed ones included, to a command on
// the server, in the queue's order. Without a reason, person and excerpt stay
// empty. With one (at most 500 characters) they are unsealed: the ledger has
// who, why and which cases, and the reviewers are told, before the first
// record is sent. actor is the OS account, at most 128 bytes.
func (s *Service) List(ctx context.Context, t store.Tenant, reason, actor string, send func(*lapwingv1.CaseRecord) error) error {
	reason = strings.TrimSpace(reason)
	if !utf8.ValidString(reason) || utf8.RuneCountInString(reason) > audit.MaxReasonChars {
		return &caseflow.InvalidError{Field: "reason", Limit: audit.MaxReasonChars,
			Message: "The reason must be at most 500 characters of plain text."}
	}
	if actor == "" || len(actor) > audit.MaxObjectBytes || !utf8.ValidString(actor) {
		return &caseflow.InvalidError{Field: "actor", Limit: audit.MaxObjectBytes,
			Message: "The account that runs the command must be known, in at most 128 bytes."}
	}
	now := s.cfg.Now()
	if reason != "" {
		if err := s.tellReviewers(ctx, t, ServerRead{At: now, Actor: actor}); err != nil {
			return err
		}
	}
	q := store.QueueQuery{States: []caseflow.State{caseflow.New, caseflow.Claimed, caseflow.Closed}, Now: now, Limit: listPage}
	for {
		page, err := t.Queue(ctx, caseflow.Actor{System: true}, q)
		if err != nil {
			return fmt.Errorf("list cases: %w", err)
		}
		if err := s.listed(ctx, t, page.Rows, reason, actor, send); err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}

func (s *Service) listed(ctx context.Context, t store.Tenant, rows []store.QueueRow, reason, actor string, send func(*lapwingv1.CaseRecord) error) error {
	refs := make([]string, len(rows))
	for i, r := range rows {
		refs[i] = string(r.Case.Ref)
	}
	action := audit.CasesListed
	if reason != "" {
		action = audit.CasesExported // which unseals what the cases hold
	}
	if err := t.Append(ctx, audit.Entry{
		At: s.cfg.Now(), Action: action, Object: refs, Reason: reason,
		Who: audit.Who{Name: actor, Via: audit.ViaCommand},
	}); err != nil {
		return fmt.Errorf("record who lists: %w", err)
	}
	for _, r := range rows {
		rec := caseRecord(t.Info(), r)
		if reason != "" {
			if err := s.unsealInto(ctx, t, rec, r); err != nil {
				return err
			}
		}
		if err := send(rec); err != nil {
			return fmt.Errorf("send case record: %w", err)
		}
	}
	return nil
}

// caseRecord has the fields that are not sealed.
func caseRecord(school store.School, r store.QueueRow) *lapwingv1.CaseRecord {
	c := r.Case
	return &lapwingv1.CaseRecord{
		Id: string(c.Ref), School: school.Slug, Audience: c.Audience.String(), Device: string(c.Device),
		Category: string(c.Category), Severity: c.Severity.String(), Level: c.Level.String(),
		State: c.State.String(), Captures: uint32(max(c.Count, 0)), OpenedMs: c.OpenedAt.UnixMilli(), Exempt: c.Exempt,
	}
}

func (s *Service) unsealInto(ctx context.Context, t store.Tenant, rec *lapwingv1.CaseRecord, r store.QueueRow) error {
	p, err := s.person(ctx, t, caseflow.Actor{}, r.Person, r.Case)
	if err != nil {
		return err
	}
	w, err := s.words(ctx, t, r.Latest)
	if err != nil {
		return err
	}
	rec.Person, rec.Excerpt = p.Name, w.Excerpt
	return nil
}

// tellReviewers keeps the notice and calls the hook; both must succeed before
// anything is read.
func (s *Service) tellReviewers(ctx context.Context, t store.Tenant, r ServerRead) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("tell reviewers: %w", err)
	}
	who := audit.Who{Name: r.Actor, Via: audit.ViaCommand}
	// Two commands at once may take the same version; one of them tries again.
	for try := 0; ; try++ {
		last, err := t.LatestDocument(ctx, serverReadKind)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("tell reviewers: %w", err)
		}
		err = t.PutDocument(ctx, store.Document{
			Kind: serverReadKind, Version: last.Version + 1, Body: body, Proposed: who, Approved: who, Created: r.At,
		})
		if err == nil {
			break
		}
		if try == 4 || !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("tell reviewers: %w", err)
		}
	}
	if s.cfg.Notify == nil {
		return nil
	}
	if err := s.cfg.Notify(ctx, t, r); err != nil {
		return fmt.Errorf("tell reviewers: %w", err)
	}
	return nil
}

// lastServerRead is the notice for this viewer, or nil.
func (s *Service) lastServerRead(ctx context.Context, t store.Tenant, viewer caseflow.Actor, now time.Time) (*ServerRead, error) {
	told := []caseflow.Role{caseflow.DSL, caseflow.Deputy, caseflow.Head}
	if !slices.ContainsFunc(told, viewer.Has) {
		return nil, nil
	}
	d, err := t.LatestDocument(ctx, serverReadKind)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read notice: %w", err)
	}
	var r ServerRead
	if err := json.Unmarshal(d.Body, &r); err != nil {
		return nil, fmt.Errorf("read notice: %w", err)
	}
	if now.Sub(r.At) > serverReadShown {
		return nil, nil
	}
	return &r, nil
}
