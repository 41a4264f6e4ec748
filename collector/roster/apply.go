package roster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// sealers is how many entries are sealed at once: each new person's key is a
// write of its own, and writes that wait together share a commit.
const sealers = 128

// Apply does a plan. It fails with store.ErrExists when the directory has
// changed since the plan was made. A plan that changes nothing does nothing. It
// goes on to its end when ctx is cancelled: a browser that turns away must not
// leave cases where they no longer belong.
func (s *Service) Apply(ctx context.Context, t store.Tenant, p *Plan, by audit.Who) (store.DirectoryState, error) {
	if !p.Changes() {
		return t.DirectoryState(ctx)
	}
	ctx = context.WithoutCancel(ctx)
	now := s.now()
	entries := slices.Clone(p.entries)
	if err := s.seal(ctx, t, p.records, entries); err != nil {
		return store.DirectoryState{}, err
	}
	for i := range entries {
		if entries[i].Since.IsZero() {
			entries[i].Since = now
		}
	}
	for _, e := range p.gone {
		if !e.Gone {
			e.Gone, e.GoneSince = true, now
		}
		entries = append(entries, e)
	}
	// Before any case can move by the new directory, users are the people whom it has.
	if err := s.linkUsers(ctx, t, entries, by); err != nil {
		return store.DirectoryState{}, fmt.Errorf("link users to the directory: %w", err)
	}
	state, err := t.PutDirectory(ctx, store.DirectoryImport{After: p.after, Source: p.source, Entries: entries, By: by, At: now})
	if err != nil {
		return state, fmt.Errorf("import directory: %w", err)
	}
	return state, s.finish(ctx, t, state.Version, p.staff, by)
}

// scanKind is the document whose version is the last directory of which all
// staff have been looked for in open cases.
const scanKind = "directory/scan"

// Finish makes up for what a stop cut short between an import and its end.
func (s *Service) Finish(ctx context.Context, t store.Tenant) error {
	state, err := t.DirectoryState(ctx)
	if err != nil {
		return fmt.Errorf("read directory: %w", err)
	}
	return s.finish(ctx, t, state.Version, false, audit.System())
}

// finish looks for staff in open cases, where the directory has new ones or
// the look after an earlier import was not finished.
func (s *Service) finish(ctx context.Context, t store.Tenant, version uint64, fresh bool, by audit.Who) error {
	done, err := t.LatestDocument(ctx, scanKind)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("look for new staff in open cases: %w", err)
	}
	if done.Version >= version {
		return nil
	}
	if fresh || done.Version+1 < version || by.Via == audit.ViaSystem {
		if err := s.findStaff(ctx, t); err != nil {
			return fmt.Errorf("look for new staff in open cases: %w", err)
		}
	}
	err = t.PutDocument(ctx, store.Document{Kind: scanKind, Version: version, Proposed: by, Approved: by, Created: s.now()})
	if err != nil && !errors.Is(err, store.ErrExists) { // somebody else finished it
		return fmt.Errorf("look for new staff in open cases: %w", err)
	}
	return nil
}

// seal seals the content of entries that have none.
func (s *Service) seal(ctx context.Context, t store.Tenant, records []directory.Record, entries []store.DirectoryEntry) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(sealers)
	for i := range entries {
		if entries[i].Content != nil {
			continue
		}
		g.Go(func() error {
			plain, err := directory.ContentOf(records[i]).Marshal()
			if err != nil {
				return err
			}
			entries[i].Content, err = s.vault.Seal(ctx, t, t.Info().ID, entries[i].Key, vault.DirectoryEntry, plain)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("seal directory: %w", err)
	}
	return nil
}

// findStaff looks for staff in the captures of cases that are not closed, as
// ingest does with new ones: a case that names somebody who has just come into
// the directory moves too.
func (s *Service) findStaff(ctx context.Context, t store.Tenant) error {
	system := caseflow.Actor{System: true}
	q := store.QueueQuery{Now: s.now(), Limit: store.MaxQueue}
	for {
		page, err := t.Queue(ctx, system, q)
		if err != nil {
			return fmt.Errorf("read open cases: %w", err)
		}
		for _, row := range page.Rows {
			if err := s.findStaffIn(ctx, t, system, row.Case.Ref); err != nil {
				return err
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return nil
		}
	}
}

func (s *Service) findStaffIn(ctx context.Context, t store.Tenant, system caseflow.Actor, ref caseflow.Ref) error {
	f, err := t.Case(ctx, system, ref)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read case: %w", err)
	}
	id := t.Info().ID
	var phrases []string
	for _, r := range f.Captures {
		if r.Capture == nil || len(r.Capture.Content) == 0 {
			continue
		}
		plain, err := s.vault.Unseal(ctx, t, id, r.Person, vault.Capture, r.Capture.Content)
		if errors.Is(err, vault.ErrErased) || errors.Is(err, vault.ErrBroken) {
			continue
		}
		if err != nil {
			return fmt.Errorf("unseal capture: %w", err)
		}
		var c lapwingv1.Capture
		if err := proto.Unmarshal(plain, &c); err != nil {
			continue // as for ErrBroken
		}
		for _, text := range []string{c.GetExcerpt(), c.GetTitle()} {
			phrases = append(phrases, directory.Phrases(text)...)
		}
	}
	named, err := t.NamedStaff(ctx, s.vault.NameKeys(id, phrases))
	if err != nil || len(named) == 0 {
		return err
	}
	_, err = t.AddSubjects(ctx, ref, named[:min(len(named), store.MaxSubjects)], s.now())
	return err
}
