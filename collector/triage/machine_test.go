package triage_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// The people of the model school. Whoever has a post also has an account and
// may type, and may be named.
var (
	dslKey, deputyKey    = caseflow.PersonKey{20}, caseflow.PersonKey{21}
	headKey, coHeadKey   = caseflow.PersonKey{10}, caseflow.PersonKey{11}
	chairKey, teacherKey = caseflow.PersonKey{40}, caseflow.PersonKey{30}
	// newHeadKey holds the post, but routing does not know it yet.
	newHeadKey = caseflow.PersonKey{12}
	staff      = []caseflow.PersonKey{dslKey, deputyKey, headKey, coHeadKey, newHeadKey, chairKey, teacherKey}
	users      = []caseflow.Actor{
		user("dsl", dslKey, caseflow.DSL),
		user("deputy", deputyKey, caseflow.Deputy),
		user("head", headKey, caseflow.Head),
		user("cohead", coHeadKey, caseflow.Head, caseflow.DSL),
		user("newhead", newHeadKey, caseflow.Head),
		user("chair", chairKey, caseflow.Chair, caseflow.Governor),
		user("technician", teacherKey, caseflow.Technician),
		user("administrator", caseflow.PersonKey{50}, caseflow.Administrator),
		user("leadership", caseflow.PersonKey{51}, caseflow.Leadership, caseflow.Governor),
		user("dpo", caseflow.PersonKey{52}, caseflow.DPO),
		user("external", caseflow.PersonKey{53}, caseflow.External),
	}
)

func user(id caseflow.UserID, p caseflow.PersonKey, roles ...caseflow.Role) caseflow.Actor {
	return caseflow.Actor{User: id, Name: string(id), Roles: roles, Persons: []caseflow.PersonKey{p, entryOf(p)}}
}

func chair() caseflow.Actor { return user("chair", chairKey, caseflow.Chair) }

// sent is what the model remembers of one event of a device.
type sent struct {
	revision  uint32
	worst     vocab.Severity // of its revisions since it stands, for what is never lowered
	withdrawn bool
	subjects  map[caseflow.PersonKey]bool
	typist    caseflow.PersonKey
	staff     bool // some revision came as staff's
}

// match is what the model's directory has of an account.
type match struct {
	entry    caseflow.PersonKey
	audience vocab.Audience
}

// hold is a claim as the model believes in it.
type hold struct {
	by    caseflow.UserID
	until time.Time
}

type eventKey struct {
	device caseflow.DeviceID
	event  ulid.ID
}

// machine runs the collector's case rules against what the contract says of them.
type machine struct {
	now   time.Time
	posts caseflow.Posts
	refs  byte
	cases map[caseflow.Ref]caseflow.Case
	log   map[caseflow.Ref][]caseflow.Event
	// The model, which knows nothing of Decide and Evolve.
	sent   map[eventKey]*sent
	holder map[caseflow.Ref]hold
	// What the directory has now, of each case's typist, and which cases it ever had as staff's.
	directory map[caseflow.PersonKey]match
	wasStaff  map[caseflow.Ref]bool
	// To whom each case is handed up.
	up map[caseflow.Ref]caseflow.Role
	// asked are the cases about which somebody from outside is asked.
	asked map[caseflow.Ref]bool
}

func newMachine() *machine {
	m := &machine{
		now: t0, cases: map[caseflow.Ref]caseflow.Case{}, log: map[caseflow.Ref][]caseflow.Event{},
		sent: map[eventKey]*sent{}, holder: map[caseflow.Ref]hold{},
		directory: map[caseflow.PersonKey]match{}, wasStaff: map[caseflow.Ref]bool{}, up: map[caseflow.Ref]caseflow.Role{}, asked: map[caseflow.Ref]bool{},
	}
	for _, u := range users {
		if u.Is(newHeadKey) {
			continue
		}
		m.posts = m.posts.With(u.Roles, u.Persons)
	}
	return m
}

// decide runs one command on one case, checks that Decide is a function, and folds.
func (m *machine) decide(t *rapid.T, ref caseflow.Ref, cmd caseflow.Command, a caseflow.Actor) ([]caseflow.Event, error) {
	c := m.cases[ref]
	events, err := caseflow.Decide(c, cmd, a, m.now)
	again, err2 := caseflow.Decide(c, cmd, a, m.now)
	if !reflect.DeepEqual(events, again) || !reflect.DeepEqual(err, err2) {
		t.Fatalf("%T: decided twice, differently", cmd)
	}
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		c = caseflow.Evolve(c, e)
	}
	if len(events) > 0 {
		m.cases[ref] = c
		m.log[ref] = append(m.log[ref], events...)
	}
	return events, nil
}

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

func (m *machine) order() []caseflow.Ref {
	var refs []caseflow.Ref
	for r := range m.cases {
		refs = append(refs, r)
	}
	slices.Sort(refs)
	return refs
}

// pick draws a case and somebody who tries something on it.
func (m *machine) pick(t *rapid.T) (caseflow.Ref, caseflow.Actor) {
	refs := m.order()
	if len(refs) == 0 {
		t.Skip("no case yet")
	}
	return rapid.SampledFrom(refs).Draw(t, "case"), rapid.SampledFrom(users).Draw(t, "user")
}

// act tries a person's command. Whoever may not see the case must be told that
// there is none, and change nothing.
func (m *machine) act(t *rapid.T, cmd func() caseflow.Command) (caseflow.Ref, caseflow.Actor, error) {
	ref, a := m.pick(t)
	may := m.mayKnow(ref, a)
	_, err := m.decide(t, ref, cmd(), a)
	if hidden := errors.Is(err, caseflow.ErrHidden); hidden == may {
		t.Fatalf("%s on a case they may know of: %v: %v", a.User, may, err)
	}
	return ref, a, err
}

func (m *machine) Claim(t *rapid.T) {
	until := m.now.Add(time.Duration(rapid.IntRange(1, 120).Draw(t, "minutes")) * time.Minute)
	ref, a, err := m.act(t, func() caseflow.Command { return caseflow.Claim{Until: until} })
	m.onlyTheHolder(t, ref, a, err)
	if err == nil {
		m.holder[ref] = hold{a.User, until}
	}
}

func (m *machine) Release(t *rapid.T) {
	ref, a, err := m.act(t, func() caseflow.Command { return caseflow.Release{} })
	m.onlyTheHolder(t, ref, a, err)
	if err == nil {
		delete(m.holder, ref)
	}
}

func (m *machine) Close(t *rapid.T) {
	outcome := rapid.SampledFrom(append(caseflow.Outcomes(), "", caseflow.Withdrawn, "other")).Draw(t, "outcome")
	written := caseflow.Text{Sealed: caseflow.Sealed("x"), Chars: 1}
	agency := caseflow.CPOMS
	if outcome == caseflow.Referred {
		agency = caseflow.Prevent
	}
	ref, a, err := m.act(t, func() caseflow.Command {
		return caseflow.Close{Outcome: outcome, Why: caseflow.WhyJoke, Details: caseflow.Details{Agency: agency, When: m.now, Whom: written, Reference: written}}
	})
	m.onlyTheHolder(t, ref, a, err)
	if err == nil {
		delete(m.holder, ref)
		delete(m.asked, ref)
		if !slices.Contains(caseflow.Outcomes(), outcome) {
			t.Fatalf("closed with outcome %q", outcome)
		}
	}
}

// onlyTheHolder: while somebody holds a case, nobody else claims, releases or closes it.
func (m *machine) onlyTheHolder(t *rapid.T, ref caseflow.Ref, a caseflow.Actor, err error) {
	if h, ok := m.holder[ref]; ok && m.now.Before(h.until) && h.by != a.User && err == nil {
		t.Fatalf("%s took %s from %s", a.User, ref, h.by)
	}
}

func (m *machine) Note(t *rapid.T) {
	m.act(t, func() caseflow.Command { return caseflow.Note{Text: caseflow.Sealed("x"), Chars: 1} })
}

// Suggest: only somebody from outside suggests, and it changes nothing but the history.
func (m *machine) Suggest(t *rapid.T) {
	severity := vocab.Severity(rapid.IntRange(1, 4).Draw(t, "suggested"))
	before := map[caseflow.Ref]caseflow.Case{}
	for ref, c := range m.cases {
		before[ref] = c
	}
	ref, a, err := m.act(t, func() caseflow.Command {
		return caseflow.Suggest{Severity: severity, Why: caseflow.Sealed("x"), Chars: 1}
	})
	if err != nil {
		return
	}
	if !a.Has(caseflow.External) {
		t.Fatalf("%s suggested a severity", a.User)
	}
	was, is := before[ref], m.cases[ref]
	was.Consulted, is.Consulted = nil, nil // only that they answered, and what they said
	if is.Version = was.Version; !cmp.Equal(was, is) {
		t.Fatalf("a suggestion changed %s", ref)
	}
}

// Consult: who works on a pupil's case may ask somebody from outside, until it is closed or taken back.
func (m *machine) Consult(t *rapid.T) {
	outside := user("external", caseflow.PersonKey{53}, caseflow.External)
	ref, _, err := m.act(t, func() caseflow.Command {
		return caseflow.Consult{To: outside.User, Question: caseflow.Text{Sealed: caseflow.Sealed("x"), Chars: 1}, Colleagues: []caseflow.Actor{outside}}
	})
	if err == nil {
		m.asked[ref] = true
	}
}

func (m *machine) EndConsult(t *rapid.T) {
	ref, _, err := m.act(t, func() caseflow.Command { return caseflow.EndConsult{User: "external"} })
	if err == nil {
		delete(m.asked, ref)
	}
}

func (m *machine) See(t *rapid.T) { m.act(t, func() caseflow.Command { return caseflow.See{} }) }

func (m *machine) Reopen(t *rapid.T) {
	m.act(t, func() caseflow.Command { return caseflow.Reopen{Reason: caseflow.Sealed("x"), Chars: 1} })
}

func (m *machine) Wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 45).Draw(t, "minutes")) * time.Minute)
}

// mayKnow is the contract's answer, worked out from what was sent alone.
func (m *machine) mayKnow(ref caseflow.Ref, a caseflow.Actor) bool {
	aboutStaff, aboutHead := m.wasStaff[ref], false
	for _, r := range m.cases[ref].Captures {
		s := m.sent[eventKey{r.Device, r.Event}]
		people := []caseflow.PersonKey{s.typist}
		if d, ok := m.directory[s.typist]; ok {
			people = append(people, d.entry)
		}
		for k := range s.subjects {
			people = append(people, k)
			aboutStaff = true
		}
		aboutStaff = aboutStaff || s.staff
		for _, k := range people {
			aboutStaff = aboutStaff || k == dslKey || k == deputyKey
			aboutHead = aboutHead || k == headKey || k == coHeadKey || k == entryOf(headKey) || k == entryOf(coHeadKey)
			if a.Is(k) {
				return false
			}
		}
	}
	// An unmatched account on a staff device is the head's too; the group is
	// in the case's queue only, which may be stricter than the text alone asks.
	strict := m.cases[ref].Queue
	switch {
	case aboutHead && strict != caseflow.QueueChair:
		return false
	case aboutStaff && strict == caseflow.QueueDSL:
		return false
	case strict == caseflow.QueueDSL && a.Has(caseflow.External):
		c := m.cases[ref]
		return m.asked[ref] && c.State != caseflow.Closed && c.Audience == vocab.Pupil && !c.Person.IsZero()
	case strict == caseflow.QueueDSL:
		return a.Has(caseflow.DSL) || a.Has(caseflow.Deputy) || m.up[ref] == caseflow.Head && a.Has(caseflow.Head)
	case strict == caseflow.QueueHead:
		return a.Has(caseflow.Head)
	}
	return a.Has(caseflow.Chair)
}

// Check holds after every step.
func (m *machine) Check(t *rapid.T) {
	held := map[eventKey]int{}
	for ref, c := range m.cases {
		m.checkFold(t, ref, c)
		m.checkEyes(t, ref, c)
		m.checkClosing(t, ref, c)
		if owner, ok := c.Held(m.now); ok {
			if h := m.holder[ref]; h.by != owner || !m.now.Before(h.until) {
				t.Fatalf("%s is held by %q, the model says %+v", ref, owner, h)
			}
		} else if h, ok := m.holder[ref]; ok && m.now.Before(h.until) {
			t.Fatalf("%s is held by nobody, the model says %+v", ref, h)
		}
		for _, r := range c.Captures {
			k := eventKey{r.Device, r.Event}
			held[k]++
			s := m.sent[k]
			if s == nil || s.revision != r.Revision || s.withdrawn != r.Withdrawn {
				t.Fatalf("%s holds %+v, sent was %+v", ref, r, s)
			}
		}
	}
	for k := range m.sent {
		if held[k] != 1 {
			t.Fatalf("event %v is in %d cases", k, held[k])
		}
	}
}

// checkFold: the case is its events, all of them, and nothing else.
func (m *machine) checkFold(t *rapid.T, ref caseflow.Ref, c caseflow.Case) {
	var again caseflow.Case
	for _, e := range m.log[ref] {
		again = caseflow.Evolve(again, e)
	}
	if d := cmp.Diff(c, again); d != "" {
		t.Fatalf("%s is not its events:\n%s", ref, d)
	}
	if c.Version != uint64(len(m.log[ref])) {
		t.Fatalf("%s: version %d of %d events", ref, c.Version, len(m.log[ref]))
	}
}

// checkEyes: the case shows to those it may, never to whom it concerns, and
// always to somebody.
func (m *machine) checkEyes(t *rapid.T, ref caseflow.Ref, c caseflow.Case) {
	eyes := 0
	for _, a := range users {
		if caseflow.MaySee(c, a) != m.mayKnow(ref, a) {
			t.Fatalf("%s sees %s: %v, should be %v: %+v", a.User, ref, caseflow.MaySee(c, a), m.mayKnow(ref, a), c)
		}
		if caseflow.MaySee(c, a) {
			eyes++
		}
	}
	// The contract names nobody for a case about the head and the chair.
	if both := c.Queue == caseflow.QueueChair && caseflow.Concerns(c, chair()); eyes == 0 && !both {
		t.Fatalf("nobody may see %s: %+v", ref, c)
	}
}

// checkClosing: closed with an outcome a person chose, or by the system when
// nothing stood; and suicide is never quieter than anything sent of it.
func (m *machine) checkClosing(t *rapid.T, ref caseflow.Ref, c caseflow.Case) {
	if c.State == caseflow.Closed {
		chosen := slices.Contains(caseflow.Outcomes(), c.Outcome)
		nothing := c.Outcome == caseflow.Withdrawn && c.Standing() == 0 &&
			(c.FirstSeen.IsZero() || !c.FirstSeen.Before(c.ClosedAt))
		if !chosen && !nothing {
			t.Fatalf("%s closed as %q with %d standing", ref, c.Outcome, c.Standing())
		}
	}
	if c.Category != vocab.Suicide {
		return
	}
	for _, r := range c.Captures {
		if s := m.sent[eventKey{r.Device, r.Event}]; !r.Withdrawn && r.Severity < s.worst {
			t.Fatalf("%s: %v lowered to %v", ref, s.worst, r.Severity)
		}
		if !r.Withdrawn && c.Severity < r.Severity {
			t.Fatalf("%s: %v with a capture of %v", ref, c.Severity, r.Severity)
		}
	}
}

// No sequence of arrivals and commands shows a case to its typist, to anybody
// named in it, or a staff case to a DSL; lets two people hold one case; loses
// an event; leaves a case that nobody may see; or closes without an outcome.
func TestNoSequenceBreaksTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine()
		t.Repeat(map[string]func(*rapid.T){
			"":      m.Check,
			"arr1":  m.Arrive, // as likely as all else together
			"arr2":  m.Arrive,
			"arr3":  m.Arrive,
			"claim": m.Claim, "release": m.Release, "close": m.Close,
			"match": m.Match, "found": m.Found,
			"escalate": m.Escalate, "give back": m.EndEscalation, "transfer": m.Transfer, "wait on": m.WaitOn, "mark": m.Mark,
			"note": m.Note, "see": m.See, "reopen": m.Reopen, "wait": m.Wait,
		})
	})
}
