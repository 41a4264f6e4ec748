package triage_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

var (
	t0    = time.Date(2026, 11, 12, 8, 0, 0, 0, time.UTC)
	pupil = caseflow.PersonKey{1}
)

func arrival(n byte, at time.Duration, s vocab.Severity, change ...func(*triage.Arrival)) triage.Arrival {
	a := triage.Arrival{
		Kind: triage.KindCapture, Device: "d1", Event: ulid.ID{15: n}, At: t0.Add(at), ReceivedAt: t0.Add(at),
		Person: pupil, Audience: vocab.Pupil, Group: vocab.GroupPupil,
		Capture: &triage.Capture{Categories: []vocab.Category{vocab.Bullying}, Severity: s, Level: vocab.Alert, Count: 1},
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

// school is the smallest store: it does with a placement what a store does.
type school struct {
	cases []caseflow.Case
	posts caseflow.Posts
	refs  byte
}

func (s *school) newRef() caseflow.Ref {
	s.refs++
	return caseflow.RefFrom([5]byte{4: s.refs})
}

// take places and folds an arrival at now, and says which case it went to and how.
func (s *school) take(t interface{ Fatalf(string, ...any) }, a triage.Arrival, now time.Time) (caseflow.Case, caseflow.Command) {
	p := triage.Place(s.cases, a, s.posts, s.newRef)
	if p.Command == nil {
		return caseflow.Case{}, nil
	}
	at := -1
	for i, c := range s.cases {
		if c.Ref == p.Ref {
			at = i
		}
	}
	if at < 0 {
		s.cases = append(s.cases, caseflow.Case{})
		at = len(s.cases) - 1
	}
	events, err := caseflow.Decide(s.cases[at], p.Command, caseflow.Actor{System: true}, now)
	if err != nil {
		t.Fatalf("%T: %v", p.Command, err)
	}
	for _, e := range events {
		s.cases[at] = caseflow.Evolve(s.cases[at], e)
	}
	return s.cases[at], p.Command
}

func TestGapsOfThirtyMinutesOnEitherSide(t *testing.T) {
	for _, tc := range []struct {
		gap  time.Duration
		join bool
	}{
		{0, true}, {30 * time.Minute, true}, {30*time.Minute + 1, false},
		{-30 * time.Minute, true}, {-30*time.Minute - 1, false}, {-24 * time.Hour, false},
	} {
		s := &school{}
		first, _ := s.take(t, arrival(1, 0, vocab.Low), t0)
		second, cmd := s.take(t, arrival(2, tc.gap, vocab.Low), t0.Add(time.Hour))
		if (second.Ref == first.Ref) != tc.join {
			t.Errorf("gap %v: %T", tc.gap, cmd)
		}
		if open, ok := cmd.(caseflow.Open); ok && open.LinkedTo != first.Ref {
			t.Errorf("gap %v: linked to %q, want %q", tc.gap, open.LinkedTo, first.Ref)
		}
	}
}

func TestEveryPartOfTheKeySeparates(t *testing.T) {
	for name, change := range map[string]func(*triage.Arrival){
		"person":   func(a *triage.Arrival) { a.Person = caseflow.PersonKey{2} },
		"category": func(a *triage.Arrival) { a.Capture.Categories = []vocab.Category{vocab.Drugs, vocab.Bullying} },
		"audience": func(a *triage.Arrival) { a.Audience = vocab.Unknown },
	} {
		s := &school{}
		first, _ := s.take(t, arrival(1, 0, vocab.Low), t0)
		second, _ := s.take(t, arrival(2, 0, vocab.Low, change), t0)
		if first.Ref == second.Ref || second.LinkedTo != "" {
			t.Errorf("%s: joined or linked", name)
		}
	}
	s := &school{}
	first, _ := s.take(t, arrival(1, 0, vocab.Low), t0)
	second, _ := s.take(t, arrival(2, 0, vocab.Low, func(a *triage.Arrival) { a.Device = "d2" }), t0)
	if first.Ref != second.Ref {
		t.Error("a person who changes the device is two cases")
	}
}

func TestNobodysCapturesAreGroupedByDevice(t *testing.T) {
	nobody := func(d caseflow.DeviceID) func(*triage.Arrival) {
		return func(a *triage.Arrival) { a.Person, a.Device, a.Audience = caseflow.PersonKey{}, d, vocab.Unknown }
	}
	s := &school{}
	a, _ := s.take(t, arrival(1, 0, vocab.Low, nobody("d1")), t0)
	b, _ := s.take(t, arrival(2, 0, vocab.Low, nobody("d2")), t0)
	c, _ := s.take(t, arrival(3, 0, vocab.Low, nobody("d1")), t0)
	if a.Ref == b.Ref || a.Ref != c.Ref {
		t.Errorf("cases %s %s %s", a.Ref, b.Ref, c.Ref)
	}
}

func TestReopeningAfterClosing(t *testing.T) {
	dsl := caseflow.Actor{User: "u", Roles: []caseflow.Role{caseflow.DSL}}
	for _, tc := range []struct {
		name     string
		closedAt time.Duration
		at       time.Duration
		severity vocab.Severity
		want     string
	}{
		{"higher, within 30 minutes of closing", 2 * time.Hour, 150 * time.Minute, vocab.Critical, "ReopenFor"},
		{"higher, later", 2 * time.Hour, 150*time.Minute + 1, vocab.Critical, "Open"},
		{"equal, at once", 10 * time.Minute, 11 * time.Minute, vocab.High, "Open"},
		{"lower, at once", 10 * time.Minute, 11 * time.Minute, vocab.Low, "Open"},
		{"higher, late capture of the episode", 2 * time.Hour, 10 * time.Minute, vocab.Critical, "ReopenFor"},
		{"higher, late capture of another day", 2 * time.Hour, -24 * time.Hour, vocab.Critical, "Open"},
	} {
		s := &school{}
		first, _ := s.take(t, arrival(1, 0, vocab.High), t0)
		events, err := caseflow.Decide(first, caseflow.Close{Outcome: caseflow.NoConcern}, dsl, t0.Add(tc.closedAt))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			s.cases[0] = caseflow.Evolve(s.cases[0], e)
		}
		_, cmd := s.take(t, arrival(2, tc.at, tc.severity), t0.Add(3*time.Hour))
		if got := fmt.Sprintf("%T", cmd); got != "caseflow."+tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		if open, ok := cmd.(caseflow.Open); ok && open.LinkedTo != first.Ref {
			t.Errorf("%s: linked to %q", tc.name, open.LinkedTo)
		}
	}
}

func TestAllegationsStandAlone(t *testing.T) {
	teacher := func(a *triage.Arrival) { a.Capture.Subjects = []caseflow.PersonKey{{9}} }
	s := &school{}
	plain, _ := s.take(t, arrival(1, 0, vocab.Low), t0)
	about, _ := s.take(t, arrival(2, time.Minute, vocab.High, teacher), t0)
	if about.Ref == plain.Ref || about.Queue != caseflow.QueueHead || about.LinkedTo != "" {
		t.Fatalf("the allegation: %+v", about)
	}
	again, _ := s.take(t, arrival(3, 2*time.Minute, vocab.Low), t0)
	if again.Ref != plain.Ref || again.Queue != caseflow.QueueDSL {
		t.Errorf("the next plain one went to %s in %v", again.Ref, again.Queue)
	}
	more, _ := s.take(t, arrival(4, 3*time.Minute, vocab.Low, teacher), t0)
	if more.Ref != about.Ref {
		t.Errorf("the next allegation went to %s", more.Ref)
	}
	// A revision that names somebody moves the case it is in.
	late := arrival(1, 0, vocab.Low, teacher)
	late.Revision = 1
	moved, _ := s.take(t, late, t0)
	if moved.Ref != plain.Ref || moved.Queue != caseflow.QueueHead {
		t.Errorf("revised: %s in %v", moved.Ref, moved.Queue)
	}
}

func TestRevisionsFindTheirHolder(t *testing.T) {
	s := &school{}
	first, _ := s.take(t, arrival(1, 0, vocab.High), t0)
	newer := arrival(1, 0, vocab.Critical)
	newer.Revision = 2
	newer.Capture.Categories = []vocab.Category{vocab.Violence} // found by event, not by key
	if c, cmd := s.take(t, newer, t0); c.Ref != first.Ref || c.Severity != vocab.Critical {
		t.Errorf("%T on %s: %v", cmd, c.Ref, c.Severity)
	}
	for _, rev := range []uint32{0, 1, 2} {
		a := arrival(1, 0, vocab.Low)
		a.Revision = rev
		if _, cmd := s.take(t, a, t0); cmd != nil {
			t.Errorf("revision %d again: %T", rev, cmd)
		}
	}
	other := arrival(1, 0, vocab.Low, func(a *triage.Arrival) { a.Device = "d2" })
	if c, _ := s.take(t, other, t0); c.Count != 2 {
		t.Error("the same event id of another device is taken for a revision")
	}
}

func TestTheNearestOfTwoEpisodesIsJoined(t *testing.T) {
	s := &school{}
	early, _ := s.take(t, arrival(1, 0, vocab.Low), t0)
	late, _ := s.take(t, arrival(2, 50*time.Minute, vocab.Low), t0)
	if early.Ref == late.Ref {
		t.Fatal("one episode")
	}
	if c, _ := s.take(t, arrival(3, 22*time.Minute, vocab.Low), t0); c.Ref != early.Ref {
		t.Errorf("22 minutes went to %s", c.Ref)
	}
	// Both are 14 minutes away now: the newer wins.
	if c, _ := s.take(t, arrival(4, 36*time.Minute, vocab.Low), t0); c.Ref != late.Ref {
		t.Errorf("36 minutes went to %s", c.Ref)
	}
}

func TestAFullCaseIsFollowedByALinkedOne(t *testing.T) {
	s := &school{}
	numbered := func(n int) triage.Arrival {
		return arrival(0, time.Duration(n)*time.Millisecond, vocab.Low, func(a *triage.Arrival) {
			a.Event = ulid.ID{14: byte(n >> 8), 15: byte(n)}
		})
	}
	var first caseflow.Case
	for n := range triage.MaxCaptures {
		first, _ = s.take(t, numbered(n), t0)
	}
	if len(s.cases) != 1 || len(first.Captures) != triage.MaxCaptures {
		t.Fatalf("%d cases, %d captures in the last", len(s.cases), len(first.Captures))
	}
	next, cmd := s.take(t, numbered(triage.MaxCaptures), t0)
	if _, opened := cmd.(caseflow.Open); !opened || next.LinkedTo != first.Ref {
		t.Fatalf("%T, linked to %q; want a new case linked to %s", cmd, next.LinkedTo, first.Ref)
	}
	revision := numbered(7)
	revision.Revision = 1
	if c, _ := s.take(t, revision, t0); c.Ref != first.Ref {
		t.Errorf("a revision of what the full case holds went to %s", c.Ref)
	}
	if c, _ := s.take(t, numbered(triage.MaxCaptures+1), t0); c.Ref != next.Ref {
		t.Errorf("the next capture went to %s, want %s", c.Ref, next.Ref)
	}
}

func TestWhatMakesNoCase(t *testing.T) {
	for name, a := range map[string]triage.Arrival{
		"tamper":         {Kind: triage.KindTamper, Code: "killed", Count: 1},
		"digest":         {Kind: triage.KindDigest, Count: 9},
		"nothing":        {},
		"empty capture":  {Kind: triage.KindCapture},
		"no category":    {Kind: triage.KindCapture, Capture: &triage.Capture{Severity: vocab.Low}},
		"tamper capture": {Kind: triage.KindTamper, Capture: arrival(1, 0, vocab.Low).Capture},
	} {
		called := false
		p := triage.Place(nil, a, caseflow.Posts{}, func() caseflow.Ref { called = true; return "" })
		if p != (triage.Placement{}) || called {
			t.Errorf("%s: %+v, reference made: %v", name, p, called)
		}
	}
}
