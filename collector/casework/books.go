package casework

import (
	"context"
	"errors"
	"fmt"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Kinds of documents that keep playbooks: a school's own, approved ones, and
// those of Lapwing that a case was worked by. A school's versions begin above
// the shipped one that they replace, so a number names one text.
const (
	schoolBook  = "playbook/"
	shippedBook = "playbook-shipped/"
)

// playbook is the one that a case is worked by: in the version that was pinned
// when somebody began, else the one in force.
func (s *Service) playbook(ctx context.Context, t store.Tenant, c caseflow.Case) (playbook.Playbook, error) {
	shipped := s.cfg.Playbooks.For(c)
	if c.Book.ID == shipped.ID && c.Book.Version > 0 {
		return s.bookOf(ctx, t, shipped, c.Book.Version)
	}
	return s.bookInForce(ctx, t, shipped)
}

// bookInForce is the school's own, or the shipped one.
func (s *Service) bookInForce(ctx context.Context, t store.Tenant, shipped playbook.Playbook) (playbook.Playbook, error) {
	d, err := t.LatestDocument(ctx, schoolBook+shipped.ID)
	if errors.Is(err, store.ErrNotFound) {
		return shipped, nil
	}
	if err != nil {
		return playbook.Playbook{}, fmt.Errorf("read playbook: %w", err)
	}
	return parseBook(shipped.ID, d)
}

// bookOf is one version. A version that is nowhere any more is replaced by the
// one in force: better other advice than none.
func (s *Service) bookOf(ctx context.Context, t store.Tenant, shipped playbook.Playbook, version int) (playbook.Playbook, error) {
	for _, kind := range []string{schoolBook, shippedBook} {
		d, err := t.Document(ctx, kind+shipped.ID, uint64(version))
		if err == nil {
			return parseBook(shipped.ID, d)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return playbook.Playbook{}, fmt.Errorf("read playbook: %w", err)
		}
	}
	if shipped.Version == version {
		return shipped, nil
	}
	return s.bookInForce(ctx, t, shipped)
}

func parseBook(id string, d store.Document) (playbook.Playbook, error) {
	p, err := playbook.Parse(d.Body)
	if err != nil {
		return playbook.Playbook{}, fmt.Errorf("read playbook: %w", err)
	}
	p.ID, p.Version = id, int(d.Version)
	return p, nil
}

// workBy names the version that a case is worked by from now on. A shipped one
// is kept in the store first, so that the case can show it after an upgrade.
func (s *Service) workBy(ctx context.Context, t store.Tenant, p playbook.Playbook) (caseflow.Book, error) {
	b := caseflow.Book{ID: p.ID, Version: p.Version}
	if p.ID == "" {
		return caseflow.Book{}, nil // no playbooks are loaded
	}
	if shipped, ok := s.cfg.Playbooks.Get(p.ID); !ok || shipped.Version != p.Version {
		return b, nil
	}
	if _, err := t.LatestDocument(ctx, schoolBook+p.ID); err == nil {
		return b, nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return caseflow.Book{}, fmt.Errorf("read playbook: %w", err)
	}
	last, err := t.LatestDocument(ctx, shippedBook+p.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return caseflow.Book{}, fmt.Errorf("read playbook: %w", err)
	}
	if err == nil && last.Version >= uint64(p.Version) {
		return b, nil
	}
	body, err := p.Marshal()
	if err != nil {
		return caseflow.Book{}, fmt.Errorf("keep playbook: %w", err)
	}
	err = t.PutDocument(ctx, store.Document{Kind: shippedBook + p.ID, Version: uint64(p.Version), Body: body,
		Proposed: audit.System(), Approved: audit.System(), Created: s.cfg.Now()})
	if err != nil && !errors.Is(err, store.ErrExists) { // somebody else's tick kept it
		return caseflow.Book{}, fmt.Errorf("keep playbook: %w", err)
	}
	return b, nil
}
