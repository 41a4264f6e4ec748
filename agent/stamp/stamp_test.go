package stamp

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

type memory struct {
	events []*lapwingv1.Event
	err    error
}

func (m *memory) keep(e *lapwingv1.Event) error {
	if m.err == nil {
		m.events = append(m.events, e)
	}
	return m.err
}

func (m *memory) lanes() []lapwingv1.Lane {
	var lanes []lapwingv1.Lane
	for _, e := range m.events {
		lanes = append(lanes, e.Lane)
	}
	return lanes
}

func clock() *lapwingv1.DeviceTime {
	return &lapwingv1.DeviceTime{WallMs: 1_800_000_000_000, MonoMs: 5_000, Boot: make([]byte, 16)}
}

func hit(capture uint64, revision uint32, level lapwingv1.Level) *lapwingv1.Hit {
	return &lapwingv1.Hit{CaptureId: capture, Revision: revision, AgeMs: 250, Capture: &lapwingv1.Capture{
		Categories: []string{"suicide"}, Level: level, Excerpt: "x", Count: 1,
	}}
}

const (
	alert = lapwingv1.Level_LEVEL_ALERT
	log   = lapwingv1.Level_LEVEL_LOG

	urgent = lapwingv1.Lane_LANE_URGENT
)

var errFull = errors.New("spool full")

func TestRevisionsShareTheirEventAndTheirLane(t *testing.T) {
	m := &memory{}
	s := New(m.keep, clock).Session("session-1", "rowan")
	for _, h := range []*lapwingv1.Hit{hit(1, 0, alert), hit(2, 0, log), hit(1, 1, log), hit(1, 1, log), hit(1, 0, alert)} {
		if err := s.Hit(h); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.events) != 3 {
		t.Fatalf("%d events, want 3: repetitions make none", len(m.events))
	}
	if !slices.Equal(m.lanes(), []lapwingv1.Lane{urgent, lapwingv1.Lane_LANE_ROUTINE, urgent}) {
		t.Errorf("lanes %v", m.lanes())
	}
	first, second, revised := m.events[0], m.events[1], m.events[2]
	if !slices.Equal(first.Id, revised.Id) || slices.Equal(first.Id, second.Id) {
		t.Error("revisions of one capture, and only they, share an event id")
	}
	if first.Account != "rowan" || first.Session != "session-1" || first.WallMs != 1_800_000_000_000-250 || first.MonoMs != 4_750 {
		t.Errorf("stamped %v", first)
	}
}

func TestWhatWasNotSpooledIsTriedAgain(t *testing.T) {
	m := &memory{err: errFull}
	s := New(m.keep, clock).Session("s", "a")
	if err := s.Hit(hit(1, 0, alert)); !errors.Is(err, errFull) {
		t.Fatalf("got %v, want the spool's error", err)
	}
	m.err = nil
	if err := s.Hit(hit(1, 0, alert)); err != nil || len(m.events) != 1 {
		t.Fatalf("%v, %d events", err, len(m.events))
	}
}

func TestTamperIsTheMachinesOwn(t *testing.T) {
	m := &memory{}
	if err := New(m.keep, clock).Tamper("session_killed", 3); err != nil {
		t.Fatal(err)
	}
	e := m.events[0]
	if e.Account != "" || e.Lane != urgent || e.GetTamper().Count != 3 {
		t.Errorf("stamped %v in lane %v", e, e.Lane)
	}
}

// However a session repeats and reorders, each (event, revision) is stored
// once, revisions of an event only rise, and memory is bounded.
func TestAnySequenceOfHits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &memory{}
		s := New(m.keep, clock).Session("s", "a")
		for range rapid.IntRange(1, 400).Draw(t, "hits") {
			h := hit(rapid.Uint64Range(0, 8).Draw(t, "capture"), rapid.Uint32Range(0, 5).Draw(t, "revision"), log)
			if err := s.Hit(h); err != nil {
				t.Fatal(err)
			}
		}
		newest := map[string]int64{}
		for _, e := range m.events {
			if before, seen := newest[string(e.Id)]; seen && int64(e.Revision) <= before {
				t.Fatalf("revision %d after %d", e.Revision, before)
			}
			newest[string(e.Id)] = int64(e.Revision)
		}
		if len(s.open) > MaxOpen+1 || len(s.ages) > MaxOpen+1 {
			t.Fatalf("remembers %d captures", len(s.open))
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	s := New((&memory{}).keep, clock).Session("s", "a")
	for i := range uint64(3 * MaxOpen) {
		if err := s.Hit(hit(i, 0, log)); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.open) != MaxOpen || len(s.ages) != MaxOpen {
		t.Errorf("remembers %d captures, %d ages; want %d", len(s.open), len(s.ages), MaxOpen)
	}
}
