package caseflow_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// tape reads small values from fuzz input; past its end it reads zeros.
type tape struct{ b []byte }

func (t *tape) byte() byte {
	if len(t.b) == 0 {
		return 0
	}
	v := t.b[0]
	t.b = t.b[1:]
	return v
}

func (t *tape) time() time.Time {
	return t0.Add(time.Duration(int8(t.byte())) * 13 * time.Minute)
}

func (t *tape) stamp() caseflow.Stamp {
	return caseflow.Stamp{At: t.time(), User: caseflow.UserID("uv"[t.byte()%2:][:1]), Name: "n"}
}

func (t *tape) capture() caseflow.CaptureRef {
	return caseflow.CaptureRef{
		Device: "d", Event: ulid.ID{15: t.byte() % 4}, Revision: uint32(t.byte()),
		Severity: vocab.Severity(t.byte() % 6), Level: vocab.Level(t.byte() % 4),
		At: t.time(), Count: int(int8(t.byte())), Withdrawn: t.byte()%3 == 0, Exempt: []string{"", "e-1", "e-2"}[t.byte()%3],
	}
}

func (t *tape) people() []caseflow.PersonKey {
	switch v := t.byte(); v % 3 {
	case 1:
		return []caseflow.PersonKey{{v}}
	case 2:
		return []caseflow.PersonKey{{v}, {}, {v}}
	}
	return nil
}

func (t *tape) event() caseflow.Event {
	switch s := t.stamp(); t.byte() % 22 {
	case 0:
		return caseflow.Opened{Stamp: s, Open: caseflow.Open{Ref: "00000000", Typist: caseflow.PersonKey{t.byte()}, Subjects: t.people(),
			Category: vocab.Categories()[t.byte()%19], Queue: caseflow.Queue(t.byte() % 5), Capture: t.capture()}, DueAt: t.time()}
	case 1:
		return caseflow.Joined{Stamp: s, Join: caseflow.Join{Capture: t.capture(), Subjects: t.people()}, DueAt: t.time()}
	case 2:
		return caseflow.Revised{Stamp: s, Revise: caseflow.Revise{Capture: t.capture(), Subjects: t.people()}}
	case 3:
		return caseflow.ReopenedFor{Stamp: s, ReopenFor: caseflow.ReopenFor{Capture: t.capture()}, DueAt: t.time()}
	case 4:
		return caseflow.Rerouted{Stamp: s, Queue: caseflow.Queue(t.byte() % 5)}
	case 5:
		return caseflow.SeenFirst{Stamp: s}
	case 6:
		return caseflow.ClaimTaken{Stamp: s, Until: t.time()}
	case 7:
		return caseflow.ClaimReleased{Stamp: s}
	case 8:
		return caseflow.Noted{Stamp: s}
	case 9:
		return caseflow.CaseClosed{Stamp: s, Outcome: caseflow.Outcomes()[t.byte()%6]}
	case 10:
		return caseflow.CaseClosed{Stamp: s, Outcome: caseflow.Withdrawn}
	case 11:
		return caseflow.Reopened{Stamp: s, DueAt: t.time()}
	case 12:
		return nil
	case 14:
		return caseflow.Rematched{Stamp: s, Person: caseflow.PersonKey{t.byte()}, Audience: vocab.Audience(t.byte() % 4), Subjects: t.people()}
	}
	return t.flowEvent(t.stamp())
}

func (t *tape) flowEvent(s caseflow.Stamp) caseflow.Event {
	book := caseflow.Book{ID: []string{"", "general", "allegation"}[t.byte()%3], Version: int(t.byte() % 3)}
	switch t.byte() % 11 {
	case 0:
		return caseflow.Escalated{Stamp: s, To: caseflow.Roles()[t.byte()%10], Until: t.time()}
	case 1:
		return caseflow.Answered{Stamp: s}
	case 2:
		return caseflow.EscalationEnded{Stamp: s}
	case 3:
		return caseflow.WaitBegan{Stamp: s, Until: t.time()}
	case 4:
		return caseflow.WaitEnded{Stamp: s}
	case 5:
		return caseflow.Transferred{Stamp: s, To: "u", Until: t.time()}
	case 6:
		return caseflow.StepMarked{Stamp: s, Book: book, Step: string(rune('a' + t.byte()%3)), Done: t.byte()%2 == 0}
	case 7:
		return caseflow.Tagged{Stamp: s, Tags: []caseflow.CaptureTag{{Device: "d", Event: ulid.ID{15: t.byte() % 4}, Exemption: []string{"", "e-1"}[t.byte()%2]}}, DueAt: t.time()}
	case 8:
		return caseflow.Suggested{Stamp: s, Severity: vocab.Severity(t.byte() % 6)}
	case 9:
		return caseflow.NameOpened{Stamp: s}
	}
	return (*caseflow.Noted)(nil) // a pointer is not one of the events
}

// Any events in any order give a case, leave the older one alone, and each
// known one counts.
func FuzzEvolve(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte("any words do for a tape of events, the longer the better: 0123456789"))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := &tape{b}
		var c caseflow.Case
		var all []caseflow.Event
		defer func() {
			if d := cmp.Diff(c, caseflow.Fold(caseflow.Case{}, all...)); d != "" {
				t.Errorf("one by one and at once differ:\n%s", d)
			}
		}()
		for len(in.b) > 0 {
			e := in.event()
			all = append(all, e)
			kept := clone(c)
			next := caseflow.Evolve(c, e)
			if d := cmp.Diff(kept, c); d != "" {
				t.Fatalf("%T changed the older case:\n%s", e, d)
			}
			want := c.Version + 1
			if _, pointer := e.(*caseflow.Noted); e == nil || pointer {
				want = c.Version
			}
			if next.Version != want {
				t.Fatalf("%T: version %d after %d", e, next.Version, c.Version)
			}
			if next.State != caseflow.Claimed && next.Owner != "" {
				t.Fatalf("%T: %v, and owned by %q", e, next.State, next.Owner)
			}
			for i := 1; i < len(next.Captures); i++ {
				if next.Captures[i].At.Before(next.Captures[i-1].At) {
					t.Fatalf("%T: captures out of order", e)
				}
			}
			c = next
		}
	})
}

// Decide answers any command to any case without a panic, twice the same, and
// its events fold.
func FuzzDecide(f *testing.F) {
	f.Add([]byte{1}, []byte{2}, false)
	f.Add([]byte("a case made of anything at all"), []byte("and a command"), true)
	f.Fuzz(func(t *testing.T, history, command []byte, asSystem bool) {
		var c caseflow.Case
		for in := (&tape{history}); len(in.b) > 0; {
			c = caseflow.Evolve(c, in.event())
		}
		in := &tape{command}
		a := caseflow.Actor{User: "u", Name: "n", System: asSystem, Roles: []caseflow.Role{caseflow.DSL, caseflow.Head, caseflow.Chair}}
		cmd, now := in.command(), in.time()
		kept := clone(c)
		events, err := caseflow.Decide(c, cmd, a, now)
		again, err2 := caseflow.Decide(c, cmd, a, now)
		if !cmp.Equal(events, again) || (err == nil) != (err2 == nil) {
			t.Fatalf("%T: not deterministic", cmd)
		}
		if d := cmp.Diff(kept, c); d != "" {
			t.Fatalf("%T changed the case:\n%s", cmd, d)
		}
		if err != nil && len(events) > 0 {
			t.Fatalf("%T: events and a refusal", cmd)
		}
		next := c
		for _, e := range events {
			next = caseflow.Evolve(next, e)
		}
		if next.Version != c.Version+uint64(len(events)) {
			t.Fatalf("%T: %d events, version %d after %d", cmd, len(events), next.Version, c.Version)
		}
		known := c.Audience == vocab.Unknown && next.Audience == vocab.Pupil && len(next.Subjects) == 0
		if _, match := cmd.(caseflow.Rematch); next.Queue < c.Queue && c.Queue <= caseflow.QueueChair && !(match && (known || next.Queue > caseflow.QueueDSL)) {
			t.Fatalf("%T: moved from queue %d to %d", cmd, c.Queue, next.Queue)
		}
	})
}

func (t *tape) command() caseflow.Command {
	switch t.byte() % 18 {
	case 0:
		return caseflow.Open{Ref: "00000000", Typist: caseflow.PersonKey{t.byte()}, Subjects: t.people(),
			Category: vocab.Categories()[t.byte()%19], Queue: caseflow.Queue(t.byte() % 5), Capture: t.capture()}
	case 1:
		return caseflow.Join{Capture: t.capture(), Subjects: t.people(), Queue: caseflow.Queue(t.byte() % 5)}
	case 2:
		return caseflow.Revise{Capture: t.capture(), Subjects: t.people(), Queue: caseflow.Queue(t.byte() % 5)}
	case 3:
		return caseflow.ReopenFor{Capture: t.capture(), Subjects: t.people(), Queue: caseflow.Queue(t.byte() % 5)}
	case 4:
		return caseflow.See{}
	case 5:
		return caseflow.Claim{Until: t.time()}
	case 6:
		return caseflow.Release{}
	case 7:
		return caseflow.Note{Text: sealed[:t.byte()%7], Chars: int(int8(t.byte())) * 100}
	case 8:
		return caseflow.Close{Outcome: caseflow.Outcomes()[t.byte()%6], Rule: string(t.b[:min(len(t.b), 70)]), Why: caseflow.WhysFalse()[t.byte()%7], Details: t.details(), Text: sealed[:t.byte()%7], Chars: int(int8(t.byte()))}
	case 11:
		return caseflow.Rematch{Person: caseflow.PersonKey{t.byte()}, Audience: vocab.Audience(t.byte() % 4), Subjects: t.people(), Queue: caseflow.Queue(t.byte() % 5)}
	case 9:
		return caseflow.Reopen{Reason: sealed[:t.byte()%7], Chars: int(int8(t.byte())) * 5}
	}
	return t.flowCommand()
}

func (t *tape) text() caseflow.Text {
	return caseflow.Text{Sealed: sealed[:t.byte()%7], Chars: int(int8(t.byte())) * 5}
}

func (t *tape) details() caseflow.Details {
	return caseflow.Details{Agency: append(caseflow.Agencies(), caseflow.Records()...)[t.byte()%9], When: t.time(), Reference: t.text(), Whom: t.text()}
}

func (t *tape) flowCommand() caseflow.Command {
	who := []caseflow.Actor{{User: "u"}, {User: "v", Roles: []caseflow.Role{caseflow.Roles()[t.byte()%10]}, Persons: t.people()}}
	switch t.byte() % 7 {
	case 0:
		return caseflow.Escalate{To: caseflow.Roles()[t.byte()%10], Reason: t.text(), Colleagues: who}
	case 1:
		return caseflow.EndEscalation{Reason: t.text()}
	case 2:
		return caseflow.Wait{On: t.text(), Until: t.time()}
	case 3:
		return caseflow.EndWait{}
	case 4:
		return caseflow.Transfer{To: "v", Reason: t.text(), Colleagues: who}
	case 5:
		return caseflow.Mark{Book: caseflow.Book{ID: "general", Version: int(t.byte())}, Step: string(t.b[:min(len(t.b), 34)]), Done: t.byte()%2 == 0}
	}
	return nil
}

// clone copies what a case points to, so that a change in place shows.
func clone(c caseflow.Case) caseflow.Case {
	c.Captures = append([]caseflow.CaptureRef(nil), c.Captures...)
	c.Subjects = append([]caseflow.PersonKey(nil), c.Subjects...)
	c.Steps = append([]caseflow.StepDone(nil), c.Steps...)
	return c
}
