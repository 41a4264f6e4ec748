package badgerstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

func keyProposal(s store.SchoolID, kind string, id ...[]byte) []byte {
	return prefix(s, tProposal, append([][]byte{hashed(kind)}, id...)...)
}

func (t *tenant) PutProposal(ctx context.Context, p store.Proposal, entry audit.Entry) error {
	p.At, p.DecidedAt, entry.At = utc(p.At), utc(p.DecidedAt), utc(entry.At)
	if err := errors.Join(store.CheckProposal(p), checkEntry(entry)); err != nil {
		return fmt.Errorf("keep proposal: %w", err)
	}
	key := keyProposal(t.info.ID, p.Kind, []byte(p.ID))
	err := t.s.do(ctx, func(x *tx) error {
		before, err := load(x.get, key, proposalFields)
		switch {
		case errors.Is(err, store.ErrNotFound) && p.Version == 1:
		case err != nil:
			return err
		case p.Version == 1:
			return store.ErrExists
		case p.Version != before.Version+1:
			return store.ErrStale
		}
		save(x, key, p, proposalFields)
		x.log(t.school, entry)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep proposal: %w", err)
	}
	return nil
}

func (t *tenant) Proposal(ctx context.Context, kind, id string) (store.Proposal, error) {
	if !store.CheckID(id) {
		return store.Proposal{}, fmt.Errorf("read proposal: %w", store.ErrNotFound)
	}
	p, err := read(ctx, t.s, keyProposal(t.info.ID, kind, []byte(id)), proposalFields)
	if err != nil {
		return store.Proposal{}, fmt.Errorf("read proposal: %w", err)
	}
	return p, nil
}

func (t *tenant) Proposals(ctx context.Context, kind string) ([]store.Proposal, error) {
	all, err := readAll(ctx, t.s, keyProposal(t.info.ID, kind), proposalFields)
	if err != nil {
		return nil, fmt.Errorf("read proposals: %w", err)
	}
	slices.SortFunc(all, func(a, b store.Proposal) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	return all, nil
}

// DocumentVersions leaves the bodies out: a policy has a megabyte.
func (t *tenant) DocumentVersions(ctx context.Context, kind string, limit int) (all []store.Document, err error) {
	if limit < 1 || limit > store.MaxEntries {
		return nil, fmt.Errorf("read document's versions: %w: limit %d, 1 to %d", store.ErrInvalid, limit, store.MaxEntries)
	}
	err = t.s.view(ctx, func(r reader) error {
		return r.each(keyDocument(t.info.ID, kind), true, func(key, value []byte) error {
			d, err := decode(key, value, documentFields)
			if err != nil {
				return err
			}
			d.Body = nil
			if all = append(all, d); len(all) == limit {
				return errStop
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read document's versions: %w", err)
	}
	return all, nil
}

func proposalFields(c *codec, x *store.Proposal) {
	text(c, 1, &x.Kind)
	text(c, 2, &x.ID)
	number(c, 3, &x.Version)
	text(c, 4, &x.State)
	raw(c, 5, &x.Body)
	nested(c, 6, &x.Author, authorFields)
	nested(c, 7, &x.By, whoFields)
	c.moment(8, &x.At)
	text(c, 9, &x.Reason)
	text(c, 10, &x.RiskNote)
	nested(c, 11, &x.Decided, whoFields)
	c.moment(12, &x.DecidedAt)
	text(c, 13, &x.Note)
}

func authorFields(c *codec, x *caseflow.Author) {
	text(c, 1, &x.User)
	list(c, 2, &x.Persons, personKey)
}
