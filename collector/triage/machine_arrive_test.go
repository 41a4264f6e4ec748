package triage_test

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func (m *machine) Arrive(t *rapid.T) {
	a := m.arrival(t)
	k := eventKey{a.Device, a.Event}
	known := m.sent[k]
	var candidates []caseflow.Case
	for _, ref := range m.order() {
		candidates = append(candidates, m.cases[ref])
	}
	if rapid.Bool().Draw(t, "any order") {
		slices.Reverse(candidates)
	}
	p := triage.Place(candidates, a, m.posts, func() caseflow.Ref {
		m.refs++
		return caseflow.RefFrom([5]byte{4: m.refs})
	})
	if stale := known != nil && a.Revision <= known.revision; stale || p.Command == nil {
		if !stale || p.Command != nil {
			t.Fatalf("revision %d of a known %v event: %T", a.Revision, known != nil, p.Command)
		}
		return
	}
	events, err := m.decide(t, p.Ref, p.Command, caseflow.Actor{System: true})
	if err != nil {
		t.Fatalf("the store cannot do what triage asks, %T: %v", p.Command, err)
	}
	if len(events) == 0 {
		t.Fatalf("%T lost the arrival", p.Command)
	}
	if known == nil {
		known = &sent{subjects: map[caseflow.PersonKey]bool{}, typist: a.Person}
		m.sent[k] = known
	}
	known.revision = a.Revision
	known.staff = known.staff || a.Audience == vocab.Staff
	if known.withdrawn {
		known.worst = 0 // what stands again counts from then on
	}
	known.worst = max(known.worst, a.Capture.Severity)
	known.withdrawn = a.Capture.Withdrawn
	for _, s := range a.Capture.Subjects {
		known.subjects[s] = true
	}
	for _, e := range events {
		switch e.(type) {
		case caseflow.ClaimReleased, caseflow.CaseClosed, caseflow.ReopenedFor:
			delete(m.holder, p.Ref)
		case caseflow.Rerouted:
			delete(m.asked, p.Ref)
			delete(m.up, p.Ref) // its new reviewers begin anew
		}
	}
}

// arrival draws a new capture, or a revision of an old one, in any order.
func (m *machine) arrival(t *rapid.T) triage.Arrival {
	typist := rapid.SampledFrom([]caseflow.PersonKey{{1}, {2}, {}, teacherKey, dslKey, headKey, newHeadKey}).Draw(t, "typist")
	a := triage.Arrival{
		Kind: triage.KindCapture, Device: rapid.SampledFrom([]caseflow.DeviceID{"d1", "d2"}).Draw(t, "device"),
		Event:    ulid.ID{15: rapid.ByteRange(1, 12).Draw(t, "event")},
		Revision: rapid.Uint32Range(0, 2).Draw(t, "revision"),
		At:       m.now.Add(-time.Duration(rapid.IntRange(0, 90).Draw(t, "late")) * time.Minute), ReceivedAt: m.now,
		Person: typist, Group: rapid.SampledFrom([]vocab.GroupAudience{"pupil", "staff", "mixed"}).Draw(t, "group"),
		Capture: &triage.Capture{
			Categories: []vocab.Category{rapid.SampledFrom([]vocab.Category{vocab.Suicide, vocab.Bullying}).Draw(t, "category")},
			Severity:   vocab.Severity(rapid.IntRange(1, 4).Draw(t, "severity")),
			Level:      vocab.Level(rapid.IntRange(1, 2).Draw(t, "level")),
			Count:      rapid.IntRange(1, 3).Draw(t, "count"),
			Withdrawn:  rapid.IntRange(0, 3).Draw(t, "withdrawn") == 0,
		},
	}
	if rapid.IntRange(0, 3).Draw(t, "names staff") == 0 {
		a.Capture.Subjects = []caseflow.PersonKey{rapid.SampledFrom(staff).Draw(t, "subject")}
	}
	if k, ok := m.sent[eventKey{a.Device, a.Event}]; ok {
		a.Person = k.typist // all revisions of an event are one account's
	}
	// What the directory has at the moment of the arrival decides.
	d := m.directory[a.Person]
	a.Entry, a.Audience = d.entry, d.audience
	return a
}

// Match: an import brings an account's owner to light, or corrects it.
func (m *machine) Match(t *rapid.T) {
	typist := rapid.SampledFrom([]caseflow.PersonKey{{1}, {2}, teacherKey, dslKey, headKey, newHeadKey}).Draw(t, "account")
	d := match{audience: vocab.Staff}
	switch {
	case slices.Contains(staff, typist):
		d.entry = entryOf(typist)
	case rapid.Bool().Draw(t, "is staff"): // who holds no post
		d.entry = caseflow.PersonKey{210, rapid.ByteRange(1, 2).Draw(t, "of staff")}
	case rapid.Bool().Draw(t, "second account"):
		d.entry = entryOf(rapid.SampledFrom(staff).Draw(t, "whose"))
	default:
		d = match{caseflow.PersonKey{220, rapid.ByteRange(1, 2).Draw(t, "pupil")}, vocab.Pupil}
	}
	m.directory[typist] = d
	for _, ref := range m.order() {
		if m.cases[ref].Typist == typist {
			m.rematch(t, ref, triage.News{Person: d.entry, Audience: d.audience})
		}
	}
}

// Found: staff are found in a case's captures after they came into the directory.
func (m *machine) Found(t *rapid.T) {
	refs := m.order()
	if len(refs) == 0 {
		t.Skip("no case yet")
	}
	ref, who := rapid.SampledFrom(refs).Draw(t, "case"), rapid.SampledFrom(staff).Draw(t, "who")
	r := m.cases[ref].Captures[0]
	m.sent[eventKey{r.Device, r.Event}].subjects[who] = true
	m.rematch(t, ref, triage.News{Subjects: []caseflow.PersonKey{who}})
}

func (m *machine) rematch(t *rapid.T, ref caseflow.Ref, n triage.News) {
	events, err := m.decide(t, ref, triage.Rematch(m.cases[ref], n, m.posts), caseflow.Actor{System: true})
	if err != nil {
		t.Fatalf("the store cannot do what the directory asks: %v", err)
	}
	m.wasStaff[ref] = m.wasStaff[ref] || n.Audience == vocab.Staff
	for _, e := range events {
		switch e.(type) {
		case caseflow.ClaimReleased:
			delete(m.holder, ref)
		case caseflow.Rerouted:
			delete(m.up, ref)
			delete(m.asked, ref)
		}
	}
	if again, err := m.decide(t, ref, triage.Rematch(m.cases[ref], n, m.posts), caseflow.Actor{System: true}); err != nil || len(again) > 0 {
		t.Fatalf("the same news again: %d events, %v", len(again), err)
	}
}

// entryOf is the directory entry of a user's own account.
func entryOf(account caseflow.PersonKey) caseflow.PersonKey {
	account[1] = 200
	return account
}
