package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func testIngest(t *testing.T, open Open) {
	t.Run("a capture is a case at once, with everything kept", func(t *testing.T) {
		tn := newTenant(t, open)
		a := Arrive(1, 1, 0)
		got := mustIngest(t, tn, a)[0]
		if got.Duplicate || !got.Case.Valid() {
			t.Fatalf("receipt %+v", got)
		}
		page := mustQueue(t, tn, dsl, store.QueueQuery{})
		if len(page.Rows) != 1 || page.Rows[0].Case.Ref != got.Case {
			t.Fatalf("queue %+v", page)
		}
		want := store.CaptureRecord{Arrival: a, Case: got.Case}
		if d := cmp.Diff(want, page.Rows[0].Latest, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("capture kept otherwise than it came (-came +kept):\n%s", d)
		}
		person := store.PersonRecord{Key: Person(1), Name: a.PersonName, Audience: vocab.Pupil}
		if d := cmp.Diff(person, page.Rows[0].Person); d != "" {
			t.Errorf("person:\n%s", d)
		}
		if page.Rows[0].Case.Captures != nil {
			t.Error("a queue row carries the case's captures")
		}
	})
	t.Run("the same event is kept once", func(t *testing.T) {
		tn := newTenant(t, open)
		first := mustIngest(t, tn, Arrive(1, 1, 0), Arrive(2, 1, time.Minute))
		changed := Arrive(1, 1, 0)
		changed.Capture.Severity = vocab.Critical
		again := mustIngest(t, tn, changed, Arrive(2, 1, time.Minute), Arrive(2, 1, time.Minute))
		for i, r := range again {
			if !r.Duplicate || r.Case != first[0].Case {
				t.Errorf("sent again %d: %+v, want a duplicate of %s", i, r, first[0].Case)
			}
		}
		c := mustCase(t, tn, dsl, first[0].Case)
		if c.Case.Count != 2 || c.Case.Severity != vocab.High || len(c.Captures) != 2 {
			t.Errorf("count %d, severity %s, %d captures", c.Case.Count, c.Case.Severity, len(c.Captures))
		}
		if n := len(Ledger(t, tn)); n != 3 {
			t.Errorf("%d ledger entries, want school, open, join", n)
		}
	})
	t.Run("twice within one batch", func(t *testing.T) {
		tn := newTenant(t, open)
		r := mustIngest(t, tn, Arrive(1, 1, 0), Arrive(1, 1, 0))
		if r[0].Duplicate || !r[1].Duplicate || r[0].Case != r[1].Case {
			t.Errorf("receipts %+v", r)
		}
	})
	t.Run("the same event id from another device is another event", func(t *testing.T) {
		tn := newTenant(t, open)
		other := Arrive(1, 1, 0)
		other.Device = "device-2"
		r := mustIngest(t, tn, Arrive(1, 1, 0), other)
		if r[1].Duplicate || mustCase(t, tn, dsl, r[0].Case).Case.Count != 2 {
			t.Errorf("receipts %+v", r)
		}
	})
	t.Run("a final revision replaces its provisional, also late and after closing", func(t *testing.T) {
		tn := newTenant(t, open)
		provisional := Arrive(1, 1, 0)
		provisional.Capture.Final = false
		ref := mustIngest(t, tn, provisional)[0].Case
		newer := Arrive(1, 1, 0)
		newer.Revision, newer.Capture.Content, newer.Capture.Final = 2, caseflow.Sealed("newer content"), false
		mustIngest(t, tn, newer)
		stale := Arrive(1, 1, 0)
		stale.Revision, stale.Capture.Content = 1, caseflow.Sealed("stale content")
		if r := mustIngest(t, tn, stale)[0]; !r.Duplicate || r.Case != ref {
			t.Errorf("stale revision: %+v", r)
		}
		c := mustCase(t, tn, dsl, ref)
		if len(c.Captures) != 1 || string(c.Captures[0].Capture.Content) != "newer content" {
			t.Errorf("captures %+v", c.Captures)
		}
		mustAct(t, tn, closeCase(ref, dsl, Start.Add(time.Hour)))
		late := newer
		late.Revision, late.Capture = 3, new(triage.Capture)
		*late.Capture = *newer.Capture
		late.Capture.Final, late.Capture.Withdrawn = true, true
		if r := mustIngest(t, tn, late)[0]; r.Duplicate || r.Case != ref {
			t.Errorf("revision after closing: %+v, want case %s", r, ref)
		}
		if c := mustCase(t, tn, dsl, ref); c.Case.Count != 0 {
			t.Errorf("count %d after the withdrawal", c.Case.Count)
		}
	})
	t.Run("the ledger names the case, not the device", func(t *testing.T) {
		tn := newTenant(t, open)
		ref := mustIngest(t, tn, Arrive(1, 1, 0))[0].Case
		mustIngest(t, tn, Arrive(2, 1, time.Minute))
		all := Ledger(t, tn)
		for i, word := range []audit.Action{audit.CaseOpened, audit.CaseJoined} {
			// Whose device it is would tell whose case.
			if e := all[len(all)-2+i]; e.Action != word || !slices.Equal(e.Object, []string{string(ref)}) {
				t.Errorf("entry %+v, want %s of %s", e, word, ref)
			}
		}
	})
	t.Run("a revision cannot destroy evidence, nor make it another's", func(t *testing.T) { testRevisions(t, open) })
	t.Run("within and beyond the gap", func(t *testing.T) {
		tn := newTenant(t, open)
		r := mustIngest(t, tn, Arrive(1, 1, 0), Arrive(2, 1, triage.Gap), Arrive(3, 1, 2*triage.Gap+time.Second))
		if r[0].Case != r[1].Case || r[1].Case == r[2].Case {
			t.Errorf("cases %s %s %s", r[0].Case, r[1].Case, r[2].Case)
		}
		if c := mustCase(t, tn, dsl, r[2].Case); c.Case.LinkedTo != r[0].Case || len(c.Earlier) != 1 || c.Earlier[0].Ref != r[0].Case {
			t.Errorf("linked to %q, earlier %v", c.Case.LinkedTo, c.Earlier)
		}
	})
	t.Run("something worse reopens a case closed just now, something alike does not", func(t *testing.T) {
		tn := newTenant(t, open)
		ref := mustIngest(t, tn, Arrive(1, 1, 0))[0].Case
		mustAct(t, tn, closeCase(ref, dsl, Start.Add(time.Minute)))
		alike := mustIngest(t, tn, Arrive(2, 1, 2*time.Minute))[0]
		if alike.Case == ref {
			t.Fatal("a capture of equal severity went into the closed case")
		}
		if c := mustCase(t, tn, dsl, alike.Case); c.Case.LinkedTo != ref {
			t.Errorf("linked to %q, want %s", c.Case.LinkedTo, ref)
		}
		mustAct(t, tn, closeCase(alike.Case, dsl, Start.Add(3*time.Minute)))
		worse := Arrive(3, 1, 4*time.Minute)
		worse.Capture.Severity = vocab.Critical
		if r := mustIngest(t, tn, worse)[0]; r.Case != alike.Case {
			t.Errorf("went to %s, want the newer closed case %s", r.Case, alike.Case)
		}
		if c := mustCase(t, tn, dsl, alike.Case); c.Case.State != caseflow.New || c.Case.Severity != vocab.Critical {
			t.Errorf("state %s, severity %s", c.Case.State, c.Case.Severity)
		}
	})
	t.Run("a capture that comes days late finds its closed episode", func(t *testing.T) {
		tn := newTenant(t, open)
		first := mustIngest(t, tn, Arrive(1, 1, 0))[0].Case
		mustAct(t, tn, closeCase(first, dsl, Start.Add(time.Minute)))
		newer := mustIngest(t, tn, Arrive(2, 1, 48*time.Hour))[0].Case
		mustAct(t, tn, closeCase(newer, dsl, Start.Add(49*time.Hour)))
		late := Arrive(3, 1, 5*time.Minute)
		late.ReceivedAt, late.Capture.Severity = Start.Add(72*time.Hour), vocab.Critical
		if r := mustIngest(t, tn, late)[0]; r.Case != first {
			t.Errorf("went to %s, want %s", r.Case, first)
		}
	})
	t.Run("tamper and digest are kept, counted once, and make no case", func(t *testing.T) {
		tn := newTenant(t, open)
		tamper := triage.Arrival{Kind: triage.KindTamper, Device: "device-1", Event: Event(1), At: Start, ReceivedAt: Start, Code: "session_killed", Count: 1}
		digest := triage.Arrival{Kind: triage.KindDigest, Device: "device-1", Event: Event(2), At: Start, ReceivedAt: Start, Count: 7}
		for i, r := range mustIngest(t, tn, tamper, digest) {
			if r.Duplicate || r.Case != "" {
				t.Errorf("%d: %+v", i, r)
			}
		}
		for i, r := range mustIngest(t, tn, tamper, digest) {
			if !r.Duplicate {
				t.Errorf("again %d: %+v", i, r)
			}
		}
		want := []audit.Action{audit.SchoolCreated, audit.DeviceTamper, audit.DeviceDigest}
		if got := actions(Ledger(t, tn)); !slices.Equal(got, want) {
			t.Errorf("ledger %v", got)
		}
	})
	t.Run("routing follows who holds a post", func(t *testing.T) {
		tn := newTenant(t, open)
		for _, a := range []caseflow.Actor{dsl, head, chair} {
			putUser(t, tn, a)
		}
		for _, tc := range []struct {
			name    string
			arrival triage.Arrival
			sees    []caseflow.Actor
		}{
			{"a pupil", Arrive(1, 1, 0), []caseflow.Actor{dsl}},
			{"names staff", naming(Arrive(2, 2, 0), Person(50)), []caseflow.Actor{head}},
			{"names the DSL", naming(Arrive(3, 3, 0), dsl.Persons[0]), []caseflow.Actor{head}},
			{"names the head", naming(Arrive(4, 4, 0), head.Persons[0]), []caseflow.Actor{chair}},
			{"the head typed it", Arrive(5, 103, 0), []caseflow.Actor{chair}},
		} {
			ref := mustIngest(t, tn, tc.arrival)[0].Case
			for _, a := range []caseflow.Actor{dsl, head, chair, technician} {
				_, err := tn.Case(t.Context(), a, ref)
				want := slices.ContainsFunc(tc.sees, func(s caseflow.Actor) bool { return s.User == a.User })
				if want != (err == nil) || !want && !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%s: %s gets %v", tc.name, a.User, err)
				}
			}
		}
	})
}

// testRevisions sends what a stolen device would: revisions that take back or
// swap what the collector holds.
func testRevisions(t *testing.T, open Open) {
	tamper := triage.Arrival{
		Kind: triage.KindTamper, Device: "device-1", Event: Event(1), Revision: 1, At: Start, ReceivedAt: Start,
		Person: Person(1), Code: "session_killed", Count: 1,
	}
	revised := func(mod func(*triage.Arrival)) triage.Arrival {
		a := Arrive(1, 1, 0)
		a.Revision, a.Capture.Content, a.Capture.Final = 1, caseflow.Sealed("other content"), false
		mod(&a)
		return a
	}
	for name, tc := range map[string]struct {
		final bool
		next  triage.Arrival
	}{
		"anything after the final": {true, revised(func(*triage.Arrival) {})},
		"a final after the final":  {true, revised(func(a *triage.Arrival) { a.Capture.Final = true })},
		"withdrawn after the final": {true, revised(func(a *triage.Arrival) {
			a.Capture.Final, a.Capture.Withdrawn = true, true
		})},
		"another kind":     {false, tamper},
		"another account":  {false, revised(func(a *triage.Arrival) { a.Person = Person(2) })},
		"nobody's":         {false, revised(func(a *triage.Arrival) { a.Person = caseflow.PersonKey{} })},
		"another category": {false, revised(func(a *triage.Arrival) { a.Capture.Categories = []vocab.Category{vocab.Piracy, vocab.SelfHarm} })},
	} {
		tn := newTenant(t, open)
		first := Arrive(1, 1, 0)
		first.Capture.Final = tc.final
		ref := mustIngest(t, tn, first)[0].Case
		before := mustCase(t, tn, dsl, ref)
		r := mustIngest(t, tn, tc.next, Arrive(2, 2, 0)) // what stands beside it is kept
		if !errors.Is(r[0].Refused, store.ErrInvalid) || r[0].Duplicate || r[0].Case != ref {
			t.Errorf("%s: receipt %+v, want it refused", name, r[0])
		}
		if r[1].Refused != nil || r[1].Case == "" {
			t.Errorf("%s: the arrival beside it: %+v", name, r[1])
		}
		if d := cmp.Diff(before, mustCase(t, tn, dsl, ref)); d != "" {
			t.Errorf("%s: the case changed (-before +after):\n%s", name, d)
		}
	}
	tn := newTenant(t, open)
	first := tamper
	first.Revision, first.Person = 0, caseflow.PersonKey{}
	if r := mustIngest(t, tn, first, tamper); r[0].Refused != nil || r[1].Refused == nil {
		t.Errorf("a revision of a tamper: %+v", r)
	}
}

func naming(a triage.Arrival, k ...caseflow.PersonKey) triage.Arrival {
	a.Capture.Subjects = k
	return a
}

func testAct(t *testing.T, open Open) {
	tn := newTenant(t, open)
	n := 0
	newCase := func(t *testing.T) caseflow.Ref {
		n++
		return mustIngest(t, tn, Arrive(n, n, 0))[0].Case
	}
	at := Start.Add(time.Minute)

	t.Run("claim, note, close, reopen, each in history and ledger", func(t *testing.T) {
		ref := newCase(t)
		before := len(Ledger(t, tn))
		mustAct(t, tn, claim(ref, dsl, at))
		mustAct(t, tn, store.Act{Ref: ref, Actor: dsl, At: at, Command: caseflow.Note{Text: []byte("sealed"), Chars: 4}})
		c := mustAct(t, tn, closeCase(ref, dsl, at))
		if c.State != caseflow.Closed || c.Outcome != caseflow.NoConcern {
			t.Errorf("%+v", c)
		}
		c = mustAct(t, tn, store.Act{Ref: ref, Actor: dsl, At: at, Command: caseflow.Reopen{Reason: []byte("why"), Chars: 3}})
		f := mustCase(t, tn, dsl, ref)
		if d := cmp.Diff(c, f.Case, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("Act answered otherwise than Case reads:\n%s", d)
		}
		if len(f.History) != 5 || uint64(len(f.History)) != f.Case.Version {
			t.Errorf("%d events, version %d", len(f.History), f.Case.Version)
		}
		want := []audit.Action{audit.CaseClaimed, audit.CaseNoted, audit.CaseClosed, audit.CaseReopened}
		entries := Ledger(t, tn)[before:]
		if got := actions(entries); !slices.Equal(got, want) {
			t.Errorf("ledger %v", got)
		}
		if e := entries[0]; e.Who.User != "u-dsl" || e.Who.Via != audit.ViaConsole || !slices.Equal(e.Object, []string{string(ref)}) || !e.At.Equal(at) {
			t.Errorf("entry %+v", e)
		}
	})
	t.Run("a stale version changes nothing and shows the case as it is", func(t *testing.T) {
		ref := newCase(t)
		mustAct(t, tn, claim(ref, dsl, at))
		before := len(Ledger(t, tn))
		a := claim(ref, deputy, at)
		a.Expect = 1
		_, err := tn.Act(t.Context(), a)
		var stale *caseflow.StaleError
		if !errors.As(err, &stale) || stale.Now.Owner != "u-dsl" || stale.Now.Version != 2 {
			t.Fatalf("got %v", err)
		}
		if len(Ledger(t, tn)) != before {
			t.Error("the ledger grew")
		}
		a = store.Act{Ref: ref, Expect: 2, Actor: dsl, At: at, Command: caseflow.Release{}}
		mustAct(t, tn, a)
	})
	t.Run("a repeated key answers as the first time", func(t *testing.T) {
		ref := newCase(t)
		a := claim(ref, dsl, at)
		a.Key, a.Expect = "form-1", 1
		first := mustAct(t, tn, a)
		mustAct(t, tn, store.Act{Ref: ref, Actor: dsl, At: at, Command: caseflow.Release{}})
		again := mustAct(t, tn, a)
		if d := cmp.Diff(first, again, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("the second answer differs:\n%s", d)
		}
		if c := mustCase(t, tn, dsl, ref).Case; c.State != caseflow.New {
			t.Errorf("the repeated claim took effect: %s", c.State)
		}
		b := a
		b.Actor, b.Expect = deputy, 0 // another user's key is another key
		if c := mustAct(t, tn, b); c.Owner != "u-deputy" {
			t.Errorf("owner %s", c.Owner)
		}
		a.Ref = newCase(t)
		var inv *caseflow.InvalidError
		if _, err := tn.Act(t.Context(), a); !errors.As(err, &inv) || inv.Field != "key" {
			t.Errorf("key used for another case: %v", err)
		}
	})
	t.Run("a refused command does not use up its key", func(t *testing.T) {
		ref := newCase(t)
		a := store.Act{Ref: ref, Actor: dsl, At: at, Key: "form-2", Command: caseflow.Release{}}
		var inv *caseflow.InvalidError
		if _, err := tn.Act(t.Context(), a); !errors.As(err, &inv) {
			t.Fatalf("release of an unclaimed case: %v", err)
		}
		a.Command = caseflow.Claim{Until: at.Add(time.Minute)}
		if c := mustAct(t, tn, a); c.State != caseflow.Claimed {
			t.Errorf("state %s", c.State)
		}
	})
	t.Run("a case that is hidden, or is not there, answers alike", func(t *testing.T) {
		ref := newCase(t)
		_, hidden := tn.Act(t.Context(), claim(ref, technician, at))
		_, none := tn.Act(t.Context(), claim("00000000", technician, at))
		if !errors.Is(hidden, store.ErrNotFound) || !errors.Is(none, store.ErrNotFound) || hidden.Error() != none.Error() {
			t.Errorf("hidden: %v; none: %v", hidden, none)
		}
		a := store.Act{Ref: ref, Actor: dsl, At: at, Command: caseflow.Join{}}
		if _, err := tn.Act(t.Context(), a); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("triage's command by a person: %v", err)
		}
	})
	t.Run("somebody else's claim comes back as it is", func(t *testing.T) {
		ref := newCase(t)
		mustAct(t, tn, claim(ref, dsl, at))
		var claimed *caseflow.ClaimedError
		if _, err := tn.Act(t.Context(), claim(ref, deputy, at)); !errors.As(err, &claimed) || claimed.Name != dsl.Name {
			t.Errorf("got %v", err)
		}
	})
	t.Run("seeing twice is one event", func(t *testing.T) {
		ref := newCase(t)
		see := store.Act{Ref: ref, Actor: dsl, At: at, Command: caseflow.See{}}
		mustAct(t, tn, see)
		before := len(Ledger(t, tn))
		if c := mustAct(t, tn, see); c.Version != 2 || len(Ledger(t, tn)) != before {
			t.Errorf("version %d", c.Version)
		}
	})
}
