package badgerstore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Queue takes the open cases from memory and closed ones from their head rows.
func (t *tenant) Queue(ctx context.Context, viewer caseflow.Actor, q store.QueueQuery) (page store.QueuePage, err error) {
	page.Counts = map[vocab.Severity]int{}
	if q.Limit == 0 {
		q.Limit = 50
	}
	if q.Limit < 0 || q.Limit > store.MaxQueue {
		return page, fmt.Errorf("queue: %w: limit %d, at most %d", store.ErrInvalid, q.Limit, store.MaxQueue)
	}
	at, err := parseCursor(q.Cursor)
	if err != nil {
		return page, fmt.Errorf("queue: %w", err)
	}
	if q.Cursor != "" {
		q.Now = at.Now // all pages in the order of the first
	}
	// Memory first: it is never ahead of the snapshot that is taken after it,
	// so every row that a case points to is there.
	cases := t.selectOpen(viewer, q)
	err = t.s.view(ctx, func(r reader) error {
		closed, latest, err := t.selectClosed(r, viewer, q, cases)
		if err != nil {
			return err
		}
		cases = append(cases, closed...)
		page.Total = len(cases)
		for _, c := range cases {
			page.Counts[c.Severity]++
		}
		if q.CountOnly {
			return nil
		}
		rows, first := pick(cases, q, at)
		if len(rows) > q.Limit {
			rows = rows[:q.Limit]
			page.Next = cursor{Now: q.Now, Index: uint64(first + q.Limit - 1), Ref: rows[q.Limit-1].Ref}.String()
		}
		for _, c := range rows {
			id, ok := latest[c.Ref]
			if !ok {
				id = latestOf(*c)
			}
			page.Rows = append(page.Rows, t.row(r, *c, id))
		}
		return nil
	})
	if err != nil {
		return store.QueuePage{}, fmt.Errorf("queue: %w", err)
	}
	return page, nil
}

// selects reports whether the query asks for the case and the viewer may see it.
func (t *tenant) selects(q store.QueueQuery, viewer caseflow.Actor, c *caseflow.Case) bool {
	return q.Selects(c, t.Place) && caseflow.MaySee(*c, viewer)
}

// selectOpen takes the query's cases that are not closed from memory, in no order.
func (t *tenant) selectOpen(viewer caseflow.Actor, q store.QueueQuery) (cases []*caseflow.Case) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, c := range t.open {
		if t.selects(q, viewer, c) {
			cases = append(cases, c)
		}
	}
	return cases
}

// selectClosed reads the query's closed cases, and where their latest captures
// stand. One that was closed since open was taken stays with open.
func (t *tenant) selectClosed(r reader, viewer caseflow.Actor, q store.QueueQuery, open []*caseflow.Case) (cases []*caseflow.Case, latest map[caseflow.Ref]captureID, err error) {
	if !slices.Contains(q.States, caseflow.Closed) {
		return nil, nil, nil
	}
	taken := map[caseflow.Ref]bool{}
	for _, c := range open {
		taken[c.Ref] = true
	}
	latest = map[caseflow.Ref]captureID{}
	err = r.each(prefix(t.info.ID, tClosed), true, func(key, _ []byte) error {
		if at := key[len(key)-refSize-timeSize : len(key)-refSize]; readTime(at).Before(q.ClosedFrom) {
			return errStop // the last closed come first
		}
		ref := refAtEnd(key)
		head, err := load(r.get, keyHead(t.info.ID, ref), headFields)
		if err != nil {
			t.s.warn("a closed case's row cannot be read and is left out of the list", err)
			return nil
		}
		if !taken[ref] && t.selects(q, viewer, &head.Case) {
			cases = append(cases, &head.Case)
			latest[ref] = head.Latest
		}
		return nil
	})
	return cases, latest, err
}

// pick returns the rows after the cursor, one more than the page takes if
// there are as many, in order, and the place of the first.
func pick(cases []*caseflow.Case, q store.QueueQuery, at cursor) (rows []*caseflow.Case, first int) {
	var anchor *caseflow.Case
	skip := 0
	if at.Ref != "" {
		// The row at its place was taken out: the next one stands there now.
		skip = int(min(at.Index, uint64(len(cases))))
		for _, c := range cases {
			if c.Ref == at.Ref {
				anchor, skip = c, 0
			}
		}
	}
	keep := skip + q.Limit + 1
	for _, c := range cases {
		if anchor != nil && !caseflow.Before(anchor, c, q.Now) {
			first++
			continue
		}
		if len(rows) == keep && !caseflow.Before(c, rows[keep-1], q.Now) {
			continue
		}
		i := sort.Search(len(rows), func(i int) bool { return caseflow.Before(c, rows[i], q.Now) })
		if len(rows) == keep {
			rows = rows[:keep-1]
		}
		rows = slices.Insert(rows, i, c)
	}
	return rows[min(skip, len(rows)):], first + skip
}

// PlaceInQueue needs one pass over the cases in memory and no order among them:
// the neighbours are the last before the case and the first after it.
func (t *tenant) PlaceInQueue(ctx context.Context, viewer caseflow.Actor, ref caseflow.Ref, now time.Time) (store.QueuePlace, error) {
	if err := ctx.Err(); err != nil {
		return store.QueuePlace{}, fmt.Errorf("place in the queue: %w", err)
	}
	cases := t.selectOpen(viewer, store.QueueQuery{Now: now})
	at := slices.IndexFunc(cases, func(c *caseflow.Case) bool { return c.Ref == ref })
	if at < 0 {
		return store.QueuePlace{}, nil
	}
	self := cases[at]
	var previous, next *caseflow.Case
	place := 1
	for _, c := range cases {
		switch {
		case c == self || next != nil && caseflow.Before(next, c, now):
		case caseflow.Before(self, c, now):
			next = c
		default:
			place++
			if previous == nil || caseflow.Before(previous, c, now) {
				previous = c
			}
		}
	}
	s := store.QueuePlace{Place: place, Total: len(cases)}
	if previous != nil {
		s.Previous = previous.Ref
	}
	if next != nil {
		s.Next = next.Ref
	}
	return s, nil
}

// row completes a case for the list. A damaged row of a capture must not hide
// the case: it stands there without the capture's content.
func (t *tenant) row(r reader, c caseflow.Case, latest captureID) store.QueueRow {
	return store.QueueRow{Case: withoutCaptures(c), Latest: t.capture(r, latest), Person: t.person(r, c.Typist), Device: t.deviceName(r, c.Device)}
}

// withoutCaptures is the case as rows show it: a busy case has hundreds.
func withoutCaptures(c caseflow.Case) caseflow.Case {
	c.Captures = nil
	return c
}

func (t *tenant) capture(r reader, id captureID) store.CaptureRecord {
	record, err := load(r.get, keyCapture(t.info.ID, id), captureRecordFields)
	if err != nil {
		t.s.warn("a capture's row cannot be read", err)
		record = store.CaptureRecord{}
		record.Device, record.Event = id.Device, id.Event
	}
	return record
}

func (t *tenant) person(r reader, k caseflow.PersonKey) store.PersonRecord {
	p, err := load(r.get, prefix(t.info.ID, tPerson, k[:]), personFields)
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			t.s.warn("a person's row cannot be read", err)
		}
		p = store.PersonRecord{Key: k}
	}
	return p
}

func (t *tenant) deviceName(r reader, id caseflow.DeviceID) store.DeviceName {
	d, err := t.device(r, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.s.warn("a device's row cannot be read", err)
	}
	name := store.DeviceName{ID: id, Host: d.Host, Group: d.Group}
	if d.Report.Host != "" {
		name.Host = d.Report.Host
	}
	return name
}

// cursor is where a page ended. It names only what the viewer has just seen.
type cursor struct {
	Now   time.Time
	Index uint64 // of the last row
	Ref   caseflow.Ref
}

func cursorFields(c *codec, x *cursor) {
	c.moment(1, &x.Now)
	number(c, 2, &x.Index)
	text(c, 3, &x.Ref)
}

func (at cursor) String() string {
	var c codec
	cursorFields(&c, &at)
	return base64.RawURLEncoding.EncodeToString(c.out)
}

func parseCursor(s string) (at cursor, err error) {
	if s == "" {
		return at, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(s) > 100 || decodeBody(b, &at, cursorFields) != nil || !at.Ref.Valid() {
		return cursor{}, fmt.Errorf("%w: not a cursor of this list", store.ErrInvalid)
	}
	return at, nil
}
