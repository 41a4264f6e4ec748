package badgerstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

const maxEarlier = 10

// Case reads everything of one case from one snapshot.
func (t *tenant) Case(ctx context.Context, viewer caseflow.Actor, ref caseflow.Ref) (f store.CaseFile, err error) {
	if !ref.Valid() {
		return f, fmt.Errorf("read case: %w", store.ErrNotFound)
	}
	err = t.s.view(ctx, func(r reader) error {
		if err := t.visible(r.get, viewer, ref); err != nil {
			return err
		}
		f.Case, f.History, err = r.fold(t.info.ID, ref)
		if err != nil {
			return err
		}
		if !caseflow.MaySee(f.Case, viewer) {
			return store.ErrNotFound
		}
		for _, c := range f.Case.Captures {
			f.Captures = append(f.Captures, t.capture(r, captureID{c.Device, c.Event}))
		}
		f.Person = t.person(r, f.Case.Typist)
		f.Device = t.deviceName(r, f.Case.Device)
		f.Earlier, err = t.earlier(r, viewer, f.Case)
		return err
	})
	if err != nil {
		return store.CaseFile{}, fmt.Errorf("read case: %w", err)
	}
	return f, nil
}

// visible is ErrNotFound for a case that is hidden from the viewer, and for one
// that is not there. Both cost one row, so that neither the answer nor the work
// that it took tells them apart. Where that row is damaged, the events decide.
func (sc *school) visible(get func([]byte) ([]byte, error), viewer caseflow.Actor, ref caseflow.Ref) error {
	head, err := load(get, keyHead(sc.info.ID, ref), headFields)
	switch {
	case errors.Is(err, ErrCorrupt):
		return nil
	case err != nil:
		return err
	case !caseflow.MaySee(head.Case, viewer):
		return store.ErrNotFound
	}
	return nil
}

// earlier are other cases of the same person, opened before this one.
func (t *tenant) earlier(r reader, viewer caseflow.Actor, c caseflow.Case) (all []caseflow.Case, err error) {
	if c.Typist.IsZero() {
		return nil, nil
	}
	p := prefix(t.info.ID, tTypist, c.Typist[:])
	start := append(append(append([]byte(nil), p...), beTime(c.OpenedAt)...), c.Ref...)
	err = r.from(p, start, true, func(key, _ []byte) error {
		ref := refAtEnd(key)
		if ref == c.Ref {
			return nil
		}
		head, err := load(r.get, keyHead(t.info.ID, ref), headFields)
		if err != nil {
			t.s.warn("an earlier case's row cannot be read and is left out", err)
			return nil
		}
		if caseflow.MaySee(head.Case, viewer) {
			all = append(all, head.Case)
		}
		if len(all) == maxEarlier {
			return errStop
		}
		return nil
	})
	return all, err
}
