package badgerstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func (t *tenant) Ingest(ctx context.Context, arrivals []triage.Arrival) ([]store.Receipt, error) {
	if err := store.CheckArrivals(arrivals); err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	receipts := make([]store.Receipt, len(arrivals))
	done := make(chan error, len(arrivals))
	run, sent := &fate{}, 0
	var refused error
	for i := range arrivals {
		refused = t.s.send(ctx, &op{fate: run, done: done, apply: func(x *tx) (err error) {
			receipts[i], err = x.ingest(t.school, arrivals[i])
			return err
		}})
		if refused != nil {
			break
		}
		sent++
	}
	var failed error
	for range sent {
		if err := <-done; err != nil && failed == nil {
			failed = err
		}
	}
	if failed == nil {
		failed = refused
	}
	if failed != nil {
		return nil, fmt.Errorf("ingest: %w", failed)
	}
	return receipts, nil
}

// ingest stages one arrival with all that follows from it.
func (t *tx) ingest(sc *school, a triage.Arrival) (store.Receipt, error) {
	a.At, a.ReceivedAt = utc(a.At), utc(a.ReceivedAt)
	t.roster(sc).recognise(&a)
	id := captureID{a.Device, a.Event}
	key := keyCapture(sc.info.ID, id)
	old, err := t.captureRecord(key)
	if err != nil {
		return store.Receipt{}, err
	}
	if old != nil && a.Revision <= old.Revision {
		return store.Receipt{Duplicate: true, Case: old.Case}, nil
	}
	if old != nil {
		if err := store.CheckRevision(old.Arrival, a); err != nil {
			return store.Receipt{Case: old.Case, Refused: err}, nil
		}
	}
	if err := t.person(sc, a); err != nil {
		return store.Receipt{}, err
	}
	if a.Exempt, err = t.exemptionOf(sc, a); err != nil {
		return store.Receipt{}, err
	}
	if a.Kind == triage.KindNotice {
		if err := t.seenNotice(sc, a); err != nil {
			return store.Receipt{}, err
		}
	}
	if a.Kind.AboutDevice() {
		if err := t.aboutDevice(sc, a); err != nil {
			return store.Receipt{}, err
		}
		// Kept for deduplication; what it said is kept in rows of its own.
		a.Media, a.Unattended, a.Lock, a.Canary = nil, nil, nil, nil
	}
	record := store.CaptureRecord{Arrival: a}
	if old != nil {
		record.Case = old.Case
	}
	if err := t.place(sc, &record, old); err != nil {
		return store.Receipt{}, err
	}
	t.put(key, encode(key, record, captureRecordFields))
	return store.Receipt{Case: record.Case}, nil
}

// place brings a capture into its case and says in which; other arrivals have
// a ledger entry only.
func (t *tx) place(sc *school, record, old *store.CaptureRecord) error {
	a := record.Arrival
	candidates, err := t.candidates(sc, a, record.Case)
	if err != nil {
		return err
	}
	var refErr error
	p := triage.Place(candidates, a, t.posts(sc), func() (ref caseflow.Ref) {
		ref, refErr = t.newRef(sc)
		return ref
	})
	if refErr != nil {
		return refErr
	}
	if p.Command == nil {
		t.logArrival(sc, a)
		return nil
	}
	before, err := t.caseOf(sc, p.Ref)
	if err != nil {
		return err
	}
	system := caseflow.Actor{System: true}
	events, err := caseflow.Decide(before, p.Command, system, a.ReceivedAt)
	if err != nil {
		return fmt.Errorf("place a capture: %w", err)
	}
	record.Case = p.Ref
	after, err := t.evolve(sc, before, events, audit.Entry{
		At: a.ReceivedAt, Who: audit.System(), Action: actionOf(p.Command), Object: []string{string(p.Ref)},
	})
	if err != nil {
		return err
	}
	return t.recount(sc, before, after, old, record)
}

// candidates are the cases that triage.Place asks for.
func (t *tx) candidates(sc *school, a triage.Arrival, holder caseflow.Ref) ([]caseflow.Case, error) {
	var all []caseflow.Case
	if holder != "" {
		c, err := t.caseOf(sc, holder)
		if err != nil {
			return nil, err
		}
		return []caseflow.Case{c}, nil
	}
	key, ok := triage.KeyOf(a)
	if !ok {
		return nil, nil
	}
	refs := map[caseflow.Ref]bool{}
	for ref := range sc.byKey[key] {
		refs[ref] = true
	}
	for at := t; at != nil; at = at.under {
		for _, ref := range at.byKey[schoolKey{sc.info.ID, key}] {
			refs[ref] = true
		}
	}
	for ref := range refs {
		c, err := t.caseOf(sc, ref)
		if err != nil {
			return nil, err
		}
		if c.State != caseflow.Closed { // closed ones follow
			all = append(all, c)
		}
	}
	closed, err := t.closedOf(sc, key, a.At)
	return append(all, closed...), err
}

// closedOf are the closed cases of a key whose closing or episode may reach to
// at, and the newest of all, without their captures.
func (t *tx) closedOf(sc *school, key triage.Key, at time.Time) (all []caseflow.Case, err error) {
	p := keyEpisode(sc.info.ID, key)
	keys := t.keys(p)
	var newest []byte
	for _, k := range keys {
		if last := k[len(p)+timeSize : len(p)+2*timeSize]; bytes.Compare(last, newest) > 0 {
			newest = last
		}
	}
	for _, k := range keys {
		closed, last := k[len(p):len(p)+timeSize], k[len(p)+timeSize:len(p)+2*timeSize]
		near := readTime(closed).Sub(at).Abs() <= triage.Gap || at.Sub(readTime(last)) <= triage.Gap
		if !near && !bytes.Equal(last, newest) {
			continue
		}
		head, err := load(t.get, keyHead(sc.info.ID, refAtEnd(k)), headFields)
		if err != nil {
			return nil, err
		}
		all = append(all, head.Case)
	}
	return all, nil
}

// person keeps the account of a first arrival, and a later word on its audience.
func (t *tx) person(sc *school, a triage.Arrival) error {
	if a.Person.IsZero() {
		return nil
	}
	key := prefix(sc.info.ID, tPerson, a.Person[:])
	old, err := t.get(key)
	if err != nil {
		return err
	}
	p := store.PersonRecord{Key: a.Person, Name: a.PersonName, Audience: a.Audience, Entry: a.Entry,
		Login: a.Login, Domain: a.Domain, DomainIsMail: a.DomainIsMail, Shared: a.Shared}
	if old != nil {
		if p, err = decode(key, old, personFields); err != nil {
			return err
		}
		named := len(p.Name) > 0 || len(a.PersonName) == 0
		told := a.Audience == vocab.Unknown || a.Audience == p.Audience
		matched := p.Entry == a.Entry && p.Login == a.Login && p.Domain == a.Domain && p.DomainIsMail == a.DomainIsMail
		if named && told && matched && p.Shared == a.Shared {
			return nil
		}
		p.Shared = a.Shared
		p.Entry, p.Login, p.Domain, p.DomainIsMail = a.Entry, a.Login, a.Domain, a.DomainIsMail
		if !named {
			p.Name = a.PersonName
		}
		if !told {
			p.Audience = a.Audience
		}
	}
	t.put(key, encode(key, p, personFields))
	return nil
}

// logArrival is the ledger's word on an arrival that makes no case.
func (t *tx) logArrival(sc *school, a triage.Arrival) {
	e := audit.Entry{At: a.ReceivedAt, Who: audit.System(), Object: []string{string(a.Device)}}
	switch a.Kind {
	case triage.KindTamper:
		e.Action, e.Object = audit.DeviceTamper, append(e.Object, a.Code)
	case triage.KindDigest:
		e.Action = audit.DeviceDigest
	default:
		return // a capture that its case already holds
	}
	t.log(sc, e)
}

func (t *tx) captureRecord(key []byte) (*store.CaptureRecord, error) {
	value, err := t.get(key)
	if err != nil || value == nil {
		return nil, err
	}
	r, err := decode(key, value, captureRecordFields)
	return &r, err
}

// newRef is a reference that no case of the school has.
func (t *tx) newRef(sc *school) (caseflow.Ref, error) {
	for {
		var b [5]byte
		if _, err := rand.Read(b[:]); err != nil {
			return "", fmt.Errorf("make case reference: %w", err)
		}
		ref := caseflow.RefFrom(b)
		if taken, err := t.has(keyHead(sc.info.ID, ref)); err != nil || !taken {
			return ref, err
		}
	}
}
