package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// model is what store.Cases means, without a database: all in maps, every
// candidate given to triage, every list scanned and sorted whole.
type model struct {
	cases   map[caseflow.Ref]caseflow.Case
	history map[caseflow.Ref][]caseflow.Event
	records map[eventID]store.CaptureRecord
	persons map[caseflow.PersonKey]store.PersonRecord
	users   map[caseflow.UserID]store.User
	done    map[doneID]caseflow.Case
	entries []store.DirectoryEntry
	ledger  []audit.Action
	changes []modelChange            // since they were last taken
	rights  map[caseflow.UserID]bool // changed since then
	// imported: a directory came since then.
	imported bool
}

type eventID struct {
	device caseflow.DeviceID
	event  ulid.ID
}

type doneID struct {
	user caseflow.UserID
	key  string
}

type modelChange struct{ before, after caseflow.Case }

func newModel() *model {
	return &model{
		cases: map[caseflow.Ref]caseflow.Case{}, history: map[caseflow.Ref][]caseflow.Event{},
		records: map[eventID]store.CaptureRecord{}, persons: map[caseflow.PersonKey]store.PersonRecord{},
		users: map[caseflow.UserID]store.User{}, done: map[doneID]caseflow.Case{},
		ledger: []audit.Action{audit.SchoolCreated},
	}
}

// ingest says what the receipt of an arrival must be. References are random,
// so a new case takes the one that the store gave.
func (m *model) ingest(a triage.Arrival, given caseflow.Ref) (store.Receipt, error) {
	a = m.recognise(a)
	id := eventID{a.Device, a.Event}
	old, known := m.records[id]
	if known && a.Revision <= old.Revision {
		return store.Receipt{Duplicate: true, Case: old.Case}, nil
	}
	if known {
		if err := store.CheckRevision(old.Arrival, a); err != nil {
			return store.Receipt{Case: old.Case, Refused: err}, nil
		}
	}
	if !a.Person.IsZero() {
		p, ok := m.persons[a.Person]
		if !ok {
			p = store.PersonRecord{Key: a.Person, Name: a.PersonName}
		}
		if len(p.Name) == 0 {
			p.Name = a.PersonName
		}
		if a.Audience != vocab.Unknown {
			p.Audience = a.Audience
		}
		p.Entry, p.Shared = a.Entry, a.Shared
		m.persons[a.Person] = p
	}
	var candidates []caseflow.Case
	for _, c := range m.cases {
		candidates = append(candidates, c)
	}
	record := store.CaptureRecord{Arrival: a, Case: old.Case}
	p := triage.Place(candidates, a, m.posts(), func() caseflow.Ref { return given })
	switch {
	case p.Command != nil:
		if _, open := p.Command.(caseflow.Open); open && m.cases[given].Version != 0 {
			return store.Receipt{}, fmt.Errorf("reference %s was given twice", given)
		}
		events, err := caseflow.Decide(m.cases[p.Ref], p.Command, system, a.ReceivedAt)
		if err != nil {
			return store.Receipt{}, err
		}
		record.Case = p.Ref
		m.fold(p.Ref, events, commandWord(p.Command))
	case a.Kind == triage.KindTamper:
		m.ledger = append(m.ledger, audit.DeviceTamper)
	case a.Kind == triage.KindDigest:
		m.ledger = append(m.ledger, audit.DeviceDigest)
	}
	m.records[id] = record
	return store.Receipt{Case: record.Case}, nil
}

// reroute moves open cases that concern a user to where the posts now take them.
func (m *model) reroute(u store.User, now time.Time) error {
	for ref, c := range m.cases {
		if c.State == caseflow.Closed || !caseflow.Concerns(c, caseflow.Actor{Persons: u.Persons}) {
			continue
		}
		if err := m.rematch(ref, triage.News{}, now); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) rematch(ref caseflow.Ref, n triage.News, now time.Time) error {
	events, err := caseflow.Decide(m.cases[ref], triage.Rematch(m.cases[ref], n, m.posts()), system, now)
	m.fold(ref, events, audit.CaseMatched)
	return err
}

func (m *model) posts() (p caseflow.Posts) {
	for _, u := range m.users {
		p = p.With(append(slices.Clone(u.Roles), u.Pending...), u.Persons)
	}
	return p
}

// colleagues are those users who are in force.
func (m *model) colleagues() (all []caseflow.Actor) {
	for _, u := range m.users {
		if !u.Disabled {
			all = append(all, caseflow.Actor{User: u.ID, Name: u.Name, Roles: u.Roles, Persons: u.Persons})
		}
	}
	return all
}

func (m *model) fold(ref caseflow.Ref, events []caseflow.Event, word audit.Action) {
	if len(events) == 0 {
		return
	}
	before := m.cases[ref]
	after := before
	for _, e := range events {
		after = caseflow.Evolve(after, e)
	}
	m.cases[ref] = after
	m.history[ref] = append(m.history[ref], events...)
	m.ledger = append(m.ledger, word)
	m.changes = append(m.changes, modelChange{before, after})
}

func (m *model) act(a store.Act) (caseflow.Case, error) {
	c := m.cases[a.Ref]
	if !caseflow.MaySee(c, a.Actor) {
		return caseflow.Case{}, store.ErrNotFound
	}
	id := doneID{a.Actor.User, a.Key}
	if first, ok := m.done[id]; ok && a.Key != "" {
		if first.Ref != a.Ref {
			return caseflow.Case{}, &caseflow.InvalidError{Field: "key"}
		}
		return first, nil
	}
	if a.Expect != 0 && a.Expect != c.Version {
		return caseflow.Case{}, &caseflow.StaleError{Now: c}
	}
	if among, ok := a.Command.(caseflow.AmongColleagues); ok {
		a.Command = among.Among(m.colleagues())
	}
	events, err := caseflow.Decide(c, a.Command, a.Actor, a.At)
	if errors.Is(err, caseflow.ErrHidden) {
		err = store.ErrNotFound
	}
	if err != nil {
		return caseflow.Case{}, err
	}
	m.fold(a.Ref, events, commandWord(a.Command))
	if a.Key != "" {
		m.done[id] = m.cases[a.Ref]
	}
	return m.cases[a.Ref], nil
}

// queue is the whole selection, in order, without captures.
func (m *model) queue(viewer caseflow.Actor, q store.QueueQuery) (all []caseflow.Case, counts map[vocab.Severity]int) {
	counts = map[vocab.Severity]int{}
	for _, c := range m.cases {
		if caseflow.MaySee(c, viewer) && m.wanted(q, c) {
			all = append(all, c)
			counts[c.Severity]++
		}
	}
	slices.SortFunc(all, func(a, b caseflow.Case) int {
		if caseflow.Before(&a, &b, q.Now) {
			return -1
		}
		return 1
	})
	return all, counts
}

// latest is the row's capture: the newest that stands, or the newest.
func (m *model) latest(c caseflow.Case) store.CaptureRecord {
	pick := c.Captures[len(c.Captures)-1]
	for _, r := range c.Captures {
		if !r.Withdrawn {
			pick = r
		}
	}
	return m.records[eventID{pick.Device, pick.Event}]
}

func (m *model) file(viewer caseflow.Actor, ref caseflow.Ref) (store.CaseFile, error) {
	c := m.cases[ref]
	if !caseflow.MaySee(c, viewer) {
		return store.CaseFile{}, store.ErrNotFound
	}
	f := store.CaseFile{
		Case: c, History: m.history[ref], Person: m.person(c.Typist), Device: store.DeviceName{ID: c.Device},
	}
	for _, r := range c.Captures {
		f.Captures = append(f.Captures, m.records[eventID{r.Device, r.Event}])
	}
	for _, o := range m.cases {
		older := o.OpenedAt.Before(c.OpenedAt) || o.OpenedAt.Equal(c.OpenedAt) && o.Ref < c.Ref
		if older && !c.Typist.IsZero() && o.Typist == c.Typist && caseflow.MaySee(o, viewer) {
			o.Captures = nil
			f.Earlier = append(f.Earlier, o)
		}
	}
	slices.SortFunc(f.Earlier, func(a, b caseflow.Case) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(b.Ref, a.Ref))
	})
	f.Earlier = f.Earlier[:min(10, len(f.Earlier))]
	return f, nil
}

func (m *model) person(k caseflow.PersonKey) store.PersonRecord {
	if p, ok := m.persons[k]; ok {
		return p
	}
	return store.PersonRecord{Key: k}
}

// told says whether a viewer may know that something changed, and forgets it.
func (m *model) told(viewers []caseflow.Actor) map[caseflow.UserID]bool {
	told := map[caseflow.UserID]bool{}
	for _, v := range viewers {
		if m.imported && v.Scope.Limited() {
			told[v.User] = true
		}
		for _, ch := range m.changes {
			moved := ch.before.Version != 0 && (ch.before.Queue != ch.after.Queue || ch.before.Escalated.To != ch.after.Escalated.To || ch.before.Person != ch.after.Person || len(ch.before.Consulted) > len(ch.after.Consulted))
			if caseflow.MaySee(ch.after, v) || moved && caseflow.MaySee(ch.before, v) {
				told[v.User] = true
			}
		}
	}
	for u := range m.rights {
		told[u] = true
	}
	m.changes, m.rights, m.imported = nil, nil, false
	return told
}

// refs are all references, sorted, so that a draw from them repeats.
func (m *model) refs() (all []caseflow.Ref) {
	for ref := range m.cases {
		all = append(all, ref)
	}
	slices.SortFunc(all, func(a, b caseflow.Ref) int {
		// By the first capture, not by name: names are random and would not repeat.
		x, y := m.history[a][0].(caseflow.Opened).Capture, m.history[b][0].(caseflow.Opened).Capture
		return cmp.Or(cmp.Compare(x.Device, y.Device), bytes.Compare(x.Event[:], y.Event[:]))
	})
	return all
}

func commandWord(c caseflow.Command) audit.Action {
	words := map[string]audit.Action{
		"Open": audit.CaseOpened, "Join": audit.CaseJoined, "Revise": audit.CaseRevised, "ReopenFor": audit.CaseReopened,
		"See": audit.CaseSeen, "Claim": audit.CaseClaimed, "Release": audit.CaseReleased, "Note": audit.CaseNoted,
		"Close": audit.CaseClosed, "Reopen": audit.CaseReopened, "Escalate": audit.CaseEscalated, "EndEscalation": audit.CaseReturned,
		"Wait": audit.CaseWaits, "EndWait": audit.CaseWaits, "Transfer": audit.CaseTransferred, "Mark": audit.CaseStep,
		"Suggest": audit.CaseSuggested, "OpenName": audit.NameOpened, "Consult": audit.CaseConsulted, "EndConsult": audit.CaseConsulted, "PassOn": audit.CasePassedOn,
	}
	return words[fmt.Sprintf("%T", c)[len("caseflow."):]]
}

// steps are how far a model run moves its clock: within, at and beyond triage's gap.
var steps = []time.Duration{0, time.Second, 5 * time.Minute, 20 * time.Minute, triage.Gap, triage.Gap + time.Second, 2 * time.Hour, 26 * time.Hour}
