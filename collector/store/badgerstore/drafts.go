package badgerstore

import (
	"context"
	"fmt"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

func keyDraft(s store.SchoolID, ref caseflow.Ref, user caseflow.UserID) []byte {
	return prefix(s, tDraft, []byte(ref), hashed(string(user)))
}

func draftFields(c *codec, x *store.Draft) {
	raw(c, 1, &x.Content)
	c.moment(2, &x.At)
}

func (t *tenant) PutDraft(ctx context.Context, ref caseflow.Ref, by caseflow.Actor, d store.Draft) error {
	if len(d.Content) > store.MaxSealed {
		return fmt.Errorf("keep draft: %w: over %d bytes", store.ErrInvalid, store.MaxSealed)
	}
	d.At = utc(d.At)
	err := t.s.do(ctx, func(x *tx) error {
		if err := t.visible(x.get, by, ref); err != nil {
			return err
		}
		c, err := x.caseOf(t.school, ref)
		if err != nil {
			return err
		}
		if !caseflow.MayNote(c, by) {
			return store.ErrNotFound
		}
		key := keyDraft(t.info.ID, ref, by.User)
		if len(d.Content) == 0 {
			x.delete(key)
			return nil
		}
		save(x, key, d, draftFields)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep draft: %w", err)
	}
	return nil
}

func (t *tenant) Draft(ctx context.Context, ref caseflow.Ref, by caseflow.Actor) (d store.Draft, err error) {
	if !ref.Valid() {
		return d, fmt.Errorf("read draft: %w", store.ErrNotFound)
	}
	err = t.s.view(ctx, func(r reader) error {
		head, err := load(r.get, keyHead(t.info.ID, ref), headFields)
		if err != nil {
			return err
		}
		if !caseflow.MayNote(head.Case, by) {
			return store.ErrNotFound
		}
		d, err = load(r.get, keyDraft(t.info.ID, ref, by.User), draftFields)
		return err
	})
	if err != nil {
		return store.Draft{}, fmt.Errorf("read draft: %w", err)
	}
	return d, nil
}

// dropDraft removes the draft that an act made into a note.
func (t *tx) dropDraft(sc *school, act store.Act) error {
	switch act.Command.(type) {
	case caseflow.Note, caseflow.Close, caseflow.Suggest:
	default:
		return nil
	}
	key := keyDraft(sc.info.ID, act.Ref, act.Actor.User)
	if there, err := t.has(key); err != nil || !there {
		return err
	}
	t.delete(key)
	return nil
}
