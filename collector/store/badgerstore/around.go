package badgerstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// maxLooks bounds how many cases one Similar reads the newest capture of.
const maxLooks = 200

func (t *tenant) Similar(ctx context.Context, viewer caseflow.Actor, ref caseflow.Ref, since time.Time) (all []caseflow.Case, err error) {
	if !ref.Valid() {
		return nil, fmt.Errorf("similar cases: %w", store.ErrNotFound)
	}
	var c caseflow.Case
	err = t.s.view(ctx, func(r reader) (err error) {
		if c, err = r.caseOf(t.info.ID, ref); err == nil && !caseflow.MaySee(c, viewer) {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("similar cases: %w", err)
	}
	// Memory first, as in Queue.
	open := t.openSince(viewer, c.Category, since)
	err = t.s.view(ctx, func(r reader) error {
		closed, err := t.closedSince(r, viewer, since)
		if err != nil {
			return err
		}
		like := newLikeness(t, r, c)
		for _, o := range like.those(append(open, closed...)) {
			all = append(all, withoutCaptures(*o))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("similar cases: %w", err)
	}
	return all, nil
}

// openSince are the viewer's cases of a category that are not closed, in no order.
func (t *tenant) openSince(viewer caseflow.Actor, category vocab.Category, since time.Time) (all []*caseflow.Case) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, c := range t.open {
		if c.Category == category && !c.LastAt.Before(since) && caseflow.MaySee(*c, viewer) {
			all = append(all, c)
		}
	}
	return all
}

// closedSince are the viewer's cases that were closed since then, the last first.
func (t *tenant) closedSince(r reader, viewer caseflow.Actor, since time.Time) (all []*caseflow.Case, err error) {
	err = r.each(prefix(t.info.ID, tClosed), true, func(key, _ []byte) error {
		if at := key[len(key)-refSize-timeSize : len(key)-refSize]; readTime(at).Before(since) || len(all) >= maxLooks {
			return errStop
		}
		head, err := load(r.get, keyHead(t.info.ID, refAtEnd(key)), headFields)
		if err != nil {
			t.s.warn("a closed case's row cannot be read and is left out of the similar ones", err)
			return nil
		}
		if !head.Case.LastAt.Before(since) && caseflow.MaySee(head.Case, viewer) {
			all = append(all, &head.Case)
		}
		return nil
	})
	return all, err
}

// likeness compares cases with one.
type likeness struct {
	t      *tenant
	r      reader
	c      caseflow.Case
	rules  map[string]bool
	groups map[caseflow.DeviceID]string
}

func newLikeness(t *tenant, r reader, c caseflow.Case) *likeness {
	l := &likeness{t: t, r: r, c: c, rules: map[string]bool{}, groups: map[caseflow.DeviceID]string{}}
	for _, ref := range c.Captures {
		for id := range l.rulesOf(captureID{ref.Device, ref.Event}) {
			l.rules[id] = true
		}
	}
	return l
}

func (l *likeness) rulesOf(id captureID) map[string]bool {
	rules := map[string]bool{}
	if c := l.t.capture(l.r, id).Capture; c != nil {
		for _, r := range c.Rules {
			rules[r.ID] = true
		}
	}
	return rules
}

func (l *likeness) group(id caseflow.DeviceID) string {
	g, ok := l.groups[id]
	if !ok {
		if d, err := l.t.device(l.r, id); err == nil {
			g = d.Group
		}
		l.groups[id] = g
	}
	return g
}

func newestFirst(a, b *caseflow.Case) int {
	return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(a.Ref, b.Ref))
}

// those are the cases like it, newest first, at most store.MaxSimilar. A case
// in both lists was closed in between and counts once.
func (l *likeness) those(all []*caseflow.Case) (found []*caseflow.Case) {
	var newest []*caseflow.Case
	for _, o := range all {
		if len(newest) == maxLooks && newestFirst(newest[maxLooks-1], o) < 0 || !l.may(o) {
			continue
		}
		i, _ := slices.BinarySearchFunc(newest, o, newestFirst)
		newest = slices.Insert(newest[:min(len(newest), maxLooks-1)], i, o)
	}
	seen := map[caseflow.Ref]bool{}
	for _, o := range newest {
		if len(found) == store.MaxSimilar {
			break
		}
		if !seen[o.Ref] && l.sameRule(o) {
			found = append(found, o)
		}
		seen[o.Ref] = true
	}
	return found
}

// may reports what the case itself can say: another person's, of the same
// category, in the same group of devices.
func (l *likeness) may(o *caseflow.Case) bool {
	samePerson := o.Typist == l.c.Typist && !o.Typist.IsZero() || o.Person == l.c.Person && !o.Person.IsZero()
	if o.Ref == l.c.Ref || samePerson || o.Category != l.c.Category {
		return false
	}
	g := l.group(l.c.Device)
	return g != "" && l.group(o.Device) == g
}

// sameRule reads the case's newest capture.
func (l *likeness) sameRule(o *caseflow.Case) bool {
	id := latestOf(*o)
	if len(o.Captures) == 0 {
		head, err := load(l.r.get, keyHead(l.t.info.ID, o.Ref), headFields)
		if err != nil {
			return false
		}
		id = head.Latest
	}
	for rule := range l.rulesOf(id) {
		if l.rules[rule] {
			return true
		}
	}
	return false
}

// showsContent reports whether an entry says that somebody was shown a case's
// words; those are found again by the case.
func showsContent(a audit.Action) bool {
	return a == audit.CaseRead || a == audit.QueueRead || a == audit.CasesExported || a == audit.GlassRead
}

func keyReads(s store.SchoolID, ref caseflow.Ref, seq ...[]byte) []byte {
	return prefix(s, tReads, append([][]byte{[]byte(ref)}, seq...)...)
}

// indexReads stages an index row for each case that the entry names.
func (t *tx) indexReads(s store.SchoolID, e audit.Entry) {
	if !showsContent(e.Action) {
		return
	}
	for _, o := range e.Object {
		if ref := caseflow.Ref(o); ref.Valid() {
			t.put(keyReads(s, ref, be64(e.Seq)), []byte{})
		}
	}
}

func (t *tenant) Reads(ctx context.Context, viewer caseflow.Actor, ref caseflow.Ref, limit int) (all []audit.Entry, err error) {
	if limit < 1 || limit > store.MaxReads {
		return nil, fmt.Errorf("who read: %w: limit %d, at most %d", store.ErrInvalid, limit, store.MaxReads)
	}
	if !ref.Valid() {
		return nil, fmt.Errorf("who read: %w", store.ErrNotFound)
	}
	err = t.s.view(ctx, func(r reader) error {
		head, err := load(r.get, keyHead(t.info.ID, ref), headFields)
		if err != nil {
			return err
		}
		if !caseflow.MaySee(head.Case, viewer) {
			return store.ErrNotFound
		}
		return r.each(keyReads(t.info.ID, ref), true, func(key, _ []byte) error {
			e, err := load(r.get, prefix(t.info.ID, tLedger, key[len(key)-8:]), entryFields)
			if err != nil {
				return err
			}
			if all = append(all, e); len(all) == limit {
				return errStop
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("who read: %w", err)
	}
	return all, nil
}
