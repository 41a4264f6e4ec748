package triage_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
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
