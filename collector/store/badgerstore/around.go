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
)

// maxLooks bounds how many captures one Similar reads.
const maxLooks = 200

func (t *tenant) Similar(ctx context.Context, viewer caseflow.Actor, ref caseflow.Ref, since time.Time) (all []caseflow.Case, err error) {
	if !ref.Valid() {
		return nil, fmt.Errorf("similar cases: %w", store.ErrNotFound)
	}
	// Memory first, as in Queue.
	open := t.openSince(viewer, since)
	err = t.s.view(ctx, func(r reader) error {
		c, err := r.caseOf(t.info.ID, ref)
		if err != nil {
			return err
		}
		if !caseflow.MaySee(c, viewer) {
			return store.ErrNotFound
		}
		closed, err := t.closedSince(r, viewer, since)
		if err != nil {
			return err
		}
		like := newLikeness(t, r, c)
		seen := map[caseflow.Ref]bool{ref: true}
		for _, o := range append(open, closed...) {
			if !seen[o.Ref] && like.to(o) {
				o.Captures = nil
				all = append(all, o)
			}
			seen[o.Ref] = true
			if len(all) == store.MaxSimilar {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("similar cases: %w", err)
	}
	slices.SortFunc(all, newestFirst)
	return all, nil
}

func newestFirst(a, b caseflow.Case) int {
	return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(a.Ref, b.Ref))
}

// openSince are the viewer's cases that are not closed, newest first.
func (t *tenant) openSince(viewer caseflow.Actor, since time.Time) (all []caseflow.Case) {
	t.mu.RLock()
	for _, c := range t.open {
		if !c.LastAt.Before(since) && caseflow.MaySee(*c, viewer) {
			all = append(all, *c)
		}
	}
	t.mu.RUnlock()
	slices.SortFunc(all, newestFirst)
	return all
}

// closedSince are the viewer's cases that were closed since then, the last first.
func (t *tenant) closedSince(r reader, viewer caseflow.Actor, since time.Time) (all []caseflow.Case, err error) {
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
			all = append(all, head.Case)
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
	looks  int
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

func (l *likeness) to(o caseflow.Case) bool {
	samePerson := o.Typist == l.c.Typist && !o.Typist.IsZero() || o.Person == l.c.Person && !o.Person.IsZero()
	if samePerson || o.Category != l.c.Category || l.looks >= maxLooks {
		return false
	}
	if g := l.group(l.c.Device); g == "" || l.group(o.Device) != g {
		return false
	}
	l.looks++
	id := latestOf(o)
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
