package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/exemption"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// exempted are a school's exemptions as they stand in memory. They do not change.
type exempted struct {
	all map[string]exemption.Exemption
	set *exemption.Set
}

func newExempted(all map[string]exemption.Exemption) *exempted {
	list := make([]exemption.Exemption, 0, len(all))
	for _, e := range all {
		list = append(list, e)
	}
	return &exempted{all: all, set: exemption.NewSet(list)}
}

// with returns x with one exemption added or replaced.
func (x *exempted) with(e exemption.Exemption) *exempted {
	all := map[string]exemption.Exemption{e.ID: e}
	if x != nil {
		for id, old := range x.all {
			if id != e.ID {
				all[id] = old
			}
		}
	}
	return newExempted(all)
}

func loadExemptions(r reader, id store.SchoolID) (*exempted, error) {
	all := map[string]exemption.Exemption{}
	err := r.each(prefix(id, tExempt), false, func(key, value []byte) error {
		e, err := decode(key, value, exemptionFields)
		all[e.ID] = e
		return err
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return newExempted(all), nil
}

// exempt are the exemptions with what is staged; nil when there are none.
func (t *tx) exemptions(sc *school) *exempted {
	for at := t; at != nil; at = at.under {
		if e, ok := at.exempt[sc.info.ID]; ok {
			return e
		}
	}
	return sc.exempt
}

// exemptionOf says which exemption covers an arrival; empty for none.
func (t *tx) exemptionOf(sc *school, a triage.Arrival) (string, error) {
	x := t.exemptions(sc)
	if x == nil || a.Kind != triage.KindCapture || !x.set.Near(a.At) {
		return "", nil
	}
	return t.covering(sc, x, a, a.Entry, a.Audience)
}

// covering gathers the facts of a capture whose typist is person, and asks.
func (t *tx) covering(sc *school, x *exempted, a triage.Arrival, person caseflow.PersonKey, audience vocab.Audience) (string, error) {
	f := exemption.Facts{At: a.At, Suspect: a.Suspect, Audience: audience, Subjects: len(a.Capture.Subjects), Categories: a.Capture.Categories}
	for _, r := range a.Capture.Rules {
		f.Rules = append(f.Rules, r.ID)
	}
	d, err := load(t.get, prefix(sc.info.ID, tDevice, []byte(a.Device)), deviceFields)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	f.Group = d.Group
	if !person.IsZero() {
		state := t.roster(sc).state
		e, err := load(t.get, prefix(sc.info.ID, tEntry, be64(state.Version), person[:]), entryOfFields)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
		f.Year = e.Year
		for _, class := range e.Classes {
			f.Classes = append(f.Classes, class.ID)
		}
	}
	return x.set.Find(f), nil
}

func (t *tenant) PutExemption(ctx context.Context, e exemption.Exemption, entry audit.Entry) error {
	entry.At, entry.Object = utc(entry.At), []string{e.ID}
	if err := errors.Join(store.CheckExemption(e), checkEntry(entry)); err != nil {
		return fmt.Errorf("keep exemption: %w", err)
	}
	err := t.s.do(ctx, func(x *tx) error {
		old := x.exemptions(t.school)
		before, there := exemption.Exemption{}, false
		if old != nil {
			before, there = old.all[e.ID]
		}
		switch {
		case !there && e.Version != 1:
			return store.ErrNotFound
		case there && e.Version == 1:
			return store.ErrExists
		case there && e.Version != before.Version+1:
			return store.ErrStale
		case old != nil && !there && len(old.all) >= store.MaxExemptions:
			return fmt.Errorf("%w: a school has at most %d exemptions", store.ErrInvalid, store.MaxExemptions)
		}
		x.saveExemption(t.school, e)
		x.log(t.school, entry)
		return nil
	})
	if err == nil && !e.Settled {
		err = t.settle(ctx, e, entry.At)
	}
	if err != nil {
		return fmt.Errorf("keep exemption: %w", err)
	}
	return nil
}

// saveExemption stages an exemption as it will be read back, so that memory
// and disk cannot differ.
func (t *tx) saveExemption(sc *school, e exemption.Exemption) {
	key := prefix(sc.info.ID, tExempt, []byte(e.ID))
	value := encode(key, e, exemptionFields)
	t.put(key, value)
	if kept, err := decode(key, value, exemptionFields); err == nil {
		t.exempt[sc.info.ID] = t.exemptions(sc).with(kept)
	}
}

// casesPerTag bounds one write: each case may have many captures to look at.
const casesPerTag = 16

// settle tags the captures of the open cases anew. Whatever arrives meanwhile
// is asked of the exemption by itself.
func (t *tenant) settle(ctx context.Context, e exemption.Exemption, now time.Time) error {
	var refs []caseflow.Ref
	t.mu.RLock()
	for ref := range t.open {
		refs = append(refs, ref)
	}
	t.mu.RUnlock()
	slices.Sort(refs)
	for part := range slices.Chunk(refs, casesPerTag) {
		err := t.s.do(ctx, func(x *tx) error {
			for _, ref := range part {
				if err := x.retag(t.school, ref, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return t.s.do(ctx, func(x *tx) error {
		all := x.exemptions(t.school)
		if kept, ok := all.all[e.ID]; ok && kept.Version == e.Version {
			kept.Settled = true
			x.saveExemption(t.school, kept)
		}
		return nil
	})
}

// retag asks the exemptions of every capture of one open case again.
func (t *tx) retag(sc *school, ref caseflow.Ref, now time.Time) error {
	all := t.exemptions(sc)
	if all == nil {
		return nil
	}
	c, err := t.caseOf(sc, ref)
	if err != nil || c.Version == 0 || c.State == caseflow.Closed {
		return err
	}
	var cmd caseflow.Tag
	for _, r := range c.Captures {
		if r.Exempt == "" && !all.set.Near(r.At) {
			continue
		}
		record, err := t.captureRecord(keyCapture(sc.info.ID, captureID{r.Device, r.Event}))
		if err != nil || record == nil || record.Capture == nil {
			return err
		}
		by, err := t.covering(sc, all, record.Arrival, c.Person, c.Audience)
		if err != nil {
			return err
		}
		cmd.Tags = append(cmd.Tags, caseflow.CaptureTag{Device: r.Device, Event: r.Event, Exemption: by})
	}
	events, err := caseflow.Decide(c, cmd, caseflow.Actor{System: true}, now)
	if err != nil {
		return fmt.Errorf("tag a case: %w", err)
	}
	_, err = t.evolve(sc, c, events, audit.Entry{At: now, Who: audit.System(), Action: actionOf(cmd), Object: []string{string(ref)}})
	return err
}

// finishExemptions makes up for what a stop cut short.
func (s *Store) finishExemptions(ctx context.Context) error {
	s.mu.RLock()
	var schools []*school
	for _, sc := range s.schools {
		schools = append(schools, sc)
	}
	s.mu.RUnlock()
	for _, sc := range schools {
		if sc.exempt == nil {
			continue
		}
		for _, e := range sc.exempt.all {
			if e.Settled || len(e.Steps) == 0 {
				continue
			}
			if err := (&tenant{s: s, school: sc}).settle(ctx, e, e.Steps[len(e.Steps)-1].At); err != nil {
				return fmt.Errorf("tag captures by an exemption: %w", err)
			}
		}
	}
	return nil
}

func (t *tenant) Exemption(ctx context.Context, id string) (exemption.Exemption, error) {
	all, err := t.standingExemptions(ctx)
	if err != nil {
		return exemption.Exemption{}, err
	}
	if all != nil {
		if e, ok := all.all[id]; ok {
			return e, nil
		}
	}
	return exemption.Exemption{}, fmt.Errorf("read exemption: %w", store.ErrNotFound)
}

func (t *tenant) Exemptions(ctx context.Context) (list []exemption.Exemption, err error) {
	all, err := t.standingExemptions(ctx)
	if err != nil || all == nil {
		return nil, err
	}
	for _, e := range all.all {
		list = append(list, e)
	}
	return list, nil
}

func (t *tenant) standingExemptions(ctx context.Context) (*exempted, error) {
	if t.s.isClosed() {
		return nil, fmt.Errorf("read exemptions: %w", store.ErrClosed)
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.school.exempt, ctx.Err()
}

func exemptionFields(c *codec, x *exemption.Exemption) {
	text(c, 1, &x.ID)
	number(c, 2, &x.Version)
	text(c, 3, &x.State)
	text(c, 4, &x.Kind)
	text(c, 5, &x.Title)
	list(c, 6, &x.Groups, word)
	list(c, 7, &x.Years, word)
	list(c, 8, &x.Categories, word)
	list(c, 9, &x.Rules, word)
	c.moment(10, &x.From)
	c.moment(11, &x.Until)
	list(c, 12, &x.Weekdays, func(c *codec, d *time.Weekday) { signed(c, 1, d) })
	signed(c, 13, &x.Start)
	signed(c, 14, &x.End)
	text(c, 15, &x.Zone)
	text(c, 16, &x.Asker)
	text(c, 17, &x.Reason)
	text(c, 18, &x.RiskNote)
	text(c, 19, &x.Author.User)
	list(c, 20, &x.Author.Persons, personKey)
	list(c, 21, &x.Steps, stepFields)
	c.flag(22, &x.Settled)
	list(c, 23, &x.Classes, func(c *codec, x *exemption.Class) {
		text(c, 1, &x.ID)
		text(c, 2, &x.Title)
	})
	c.moment(24, &x.Asked)
}

func stepFields(c *codec, x *exemption.Step) {
	c.moment(1, &x.At)
	text(c, 2, &x.User)
	text(c, 3, &x.Name)
	text(c, 4, &x.Did)
	text(c, 5, &x.Note)
}

func taggedFields(c *codec, x *caseflow.Tagged) {
	nested(c, 1, &x.Stamp, stampFields)
	list(c, 2, &x.Tags, tagFields)
	c.moment(3, &x.DueAt)
}

func tagFields(c *codec, x *caseflow.CaptureTag) {
	text(c, 1, &x.Device)
	c.fixed(2, x.Event[:])
	text(c, 3, &x.Exemption)
}
