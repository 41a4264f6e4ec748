package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func testQueue(t *testing.T, open Open) {
	tn := newTenant(t, open)
	severities := []vocab.Severity{vocab.Low, vocab.Medium, vocab.High, vocab.Critical}
	categories := []vocab.Category{vocab.Suicide, vocab.Bullying, vocab.Gambling}
	const pupils = 23
	for i := range pupils {
		a := Arrive(i, i, time.Duration(i)*time.Minute)
		a.Capture.Severity = severities[i%4]
		a.Capture.Categories = []vocab.Category{categories[i%3]}
		mustIngest(t, tn, a)
	}
	staff := naming(Arrive(100, 100, 0), Person(50))
	mustIngest(t, tn, staff)
	var closed []caseflow.Ref
	for i, ref := range refsOf(mustQueue(t, tn, dsl, store.QueueQuery{Severity: vocab.Low})) {
		mustAct(t, tn, closeCase(ref, dsl, Start.Add(time.Duration(i)*time.Hour)))
		closed = append(closed, ref)
	}

	t.Run("pages hold every case once, most pressing first", func(t *testing.T) {
		for _, now := range []time.Time{Start, Start.Add(6 * time.Hour), Start.Add(300 * time.Hour)} {
			all := mustQueue(t, tn, dsl, store.QueueQuery{Now: now, Limit: 200})
			if len(all.Rows) != pupils-len(closed) || all.Total != len(all.Rows) || all.Next != "" {
				t.Fatalf("%d rows, total %d, next %q", len(all.Rows), all.Total, all.Next)
			}
			if !slices.IsSortedFunc(all.Rows, func(a, b store.QueueRow) int {
				if caseflow.Before(&a.Case, &b.Case, now) {
					return -1
				}
				return 1
			}) {
				t.Error("not in order")
			}
			for limit := 1; limit <= 7; limit += 3 {
				var paged []caseflow.Ref
				q := store.QueueQuery{Now: now, Limit: limit}
				for {
					p := mustQueue(t, tn, dsl, q)
					if len(p.Rows) > limit || p.Total != all.Total {
						t.Fatalf("%d rows, total %d", len(p.Rows), p.Total)
					}
					paged = append(paged, refsOf(p)...)
					if p.Next == "" {
						break
					}
					q.Cursor, q.Now = p.Next, now.Add(1000*time.Hour) // the first page's order holds
				}
				if d := cmp.Diff(refsOf(all), paged); d != "" {
					t.Errorf("limit %d:\n%s", limit, d)
				}
			}
		}
	})
	t.Run("a cursor outlives the case it ended at", func(t *testing.T) {
		all := refsOf(mustQueue(t, tn, dsl, store.QueueQuery{}))
		p := mustQueue(t, tn, dsl, store.QueueQuery{Limit: 5})
		mustAct(t, tn, closeCase(all[4], dsl, Start.Add(time.Hour)))
		closed = append(closed, all[4])
		rest := mustQueue(t, tn, dsl, store.QueueQuery{Limit: 200, Cursor: p.Next})
		if d := cmp.Diff(all[5:], refsOf(rest)); d != "" {
			t.Errorf("after it:\n%s", d)
		}
	})
	t.Run("counts and filters stay within the view", func(t *testing.T) {
		p := mustQueue(t, tn, dsl, store.QueueQuery{Limit: 1})
		sum := 0
		for _, n := range p.Counts {
			sum += n
		}
		if sum != p.Total || p.Counts[vocab.Low] != 0 {
			t.Errorf("counts %v of %d", p.Counts, p.Total)
		}
		for name, tc := range map[string]struct {
			q    store.QueueQuery
			want func(caseflow.Case) bool
		}{
			"severity": {store.QueueQuery{Severity: vocab.High}, func(c caseflow.Case) bool { return c.Severity == vocab.High }},
			"category": {store.QueueQuery{Category: vocab.Suicide}, func(c caseflow.Case) bool { return c.Category == vocab.Suicide }},
			"person":   {store.QueueQuery{Person: Person(6)}, func(c caseflow.Case) bool { return c.Typist == Person(6) }},
			"closed": {store.QueueQuery{States: []caseflow.State{caseflow.Closed}},
				func(c caseflow.Case) bool { return c.State == caseflow.Closed }},
		} {
			p := mustQueue(t, tn, dsl, tc.q)
			if len(p.Rows) == 0 || slices.ContainsFunc(p.Rows, func(r store.QueueRow) bool { return !tc.want(r.Case) }) {
				t.Errorf("%s: %v", name, refsOf(p))
			}
		}
		if p := mustQueue(t, tn, dsl, store.QueueQuery{Owner: "u-deputy"}); p.Total != 0 {
			t.Errorf("owner: %v", refsOf(p))
		}
	})
	t.Run("closed cases, newest first, with their captures' content", func(t *testing.T) {
		p := mustQueue(t, tn, dsl, store.QueueQuery{States: []caseflow.State{caseflow.Closed}})
		if len(p.Rows) != len(closed) {
			t.Fatalf("%d rows, want %d", len(p.Rows), len(closed))
		}
		for i, r := range p.Rows {
			if i > 0 && r.Case.ClosedAt.After(p.Rows[i-1].Case.ClosedAt) {
				t.Error("not newest first")
			}
			if r.Latest.Capture == nil || r.Latest.Case != r.Case.Ref {
				t.Errorf("%s: latest %+v", r.Case.Ref, r.Latest)
			}
		}
		all := mustQueue(t, tn, dsl, store.QueueQuery{Limit: 200, States: []caseflow.State{caseflow.New, caseflow.Claimed, caseflow.Closed}})
		if len(all.Rows) != pupils || all.Rows[pupils-1].Case.State != caseflow.Closed {
			t.Errorf("%d rows of all states", len(all.Rows))
		}
	})
	t.Run("a case closed twice stands there once", func(t *testing.T) {
		mustAct(t, tn, store.Act{Ref: closed[0], Actor: dsl, At: Start.Add(time.Hour), Command: caseflow.Reopen{Reason: []byte("why"), Chars: 3}})
		if p := mustQueue(t, tn, dsl, store.QueueQuery{States: []caseflow.State{caseflow.Closed}}); slices.Contains(refsOf(p), closed[0]) {
			t.Error("a reopened case stands among the closed")
		}
		mustAct(t, tn, closeCase(closed[0], dsl, Start.Add(90*time.Hour)))
		if p := mustQueue(t, tn, dsl, store.QueueQuery{States: []caseflow.State{caseflow.Closed}}); len(p.Rows) != len(closed) || p.Rows[0].Case.Ref != closed[0] {
			t.Errorf("%v, want %d with %s first", refsOf(p), len(closed), closed[0])
		}
	})
	t.Run("others see and count only their own queue", func(t *testing.T) {
		if p := mustQueue(t, tn, head, store.QueueQuery{}); p.Total != 1 || p.Counts[vocab.High] != 1 {
			t.Errorf("head: %+v", p)
		}
		for _, a := range []caseflow.Actor{technician, chair, {}} {
			if p := mustQueue(t, tn, a, store.QueueQuery{}); p.Total != 0 || len(p.Rows) != 0 || len(p.Counts) != 0 {
				t.Errorf("%s: %+v", a.User, p)
			}
		}
		named := caseflow.Actor{User: "u-2", Roles: []caseflow.Role{caseflow.Head}, Persons: []caseflow.PersonKey{Person(50)}}
		if p := mustQueue(t, tn, named, store.QueueQuery{}); p.Total != 0 || len(p.Counts) != 0 {
			t.Errorf("the person it names: %+v", p)
		}
	})
}

func testCase(t *testing.T, open Open) {
	tn := newTenant(t, open)
	enrolled(t, tn, "device-1", "lab-pc-7")
	var refs []caseflow.Ref
	for i := range 12 {
		refs = append(refs, mustIngest(t, tn, Arrive(i, 1, time.Duration(i)*24*time.Hour))[0].Case)
	}
	joined := mustIngest(t, tn, Arrive(20, 1, 11*24*time.Hour+time.Minute), Arrive(21, 1, 11*24*time.Hour-time.Minute))
	hidden := mustIngest(t, tn, naming(Arrive(30, 1, 5*24*time.Hour+time.Hour), Person(50)))[0].Case

	last := refs[11]
	if joined[0].Case != last || joined[1].Case != last {
		t.Fatalf("joined %+v, want %s", joined, last)
	}
	f := mustCase(t, tn, dsl, last)
	var order []string
	for _, c := range f.Captures {
		order = append(order, string(c.Capture.Content))
		if c.Case != last {
			t.Errorf("capture of case %q", c.Case)
		}
	}
	if want := []string{"sealed content 21", "sealed content 11", "sealed content 20"}; !slices.Equal(order, want) {
		t.Errorf("captures %v, want oldest first", order)
	}
	if f.Device != (store.DeviceName{ID: "device-1", Host: "lab-pc-7", Group: f.Device.Group}) || f.Person.Key != Person(1) || len(f.Person.Name) == 0 {
		t.Errorf("device %+v, person %+v", f.Device, f.Person)
	}
	var folded caseflow.Case
	for _, e := range f.History {
		folded = caseflow.Evolve(folded, e)
	}
	if d := cmp.Diff(folded, f.Case, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("the case is not its history folded:\n%s", d)
	}
	var earlier []caseflow.Ref
	for _, c := range f.Earlier {
		if c.Captures != nil {
			t.Error("an earlier case carries its captures")
		}
		earlier = append(earlier, c.Ref)
	}
	want := slices.Clone(refs[1:11])
	slices.Reverse(want)
	if d := cmp.Diff(want, earlier); d != "" || slices.Contains(earlier, hidden) {
		t.Errorf("earlier, newest first, at most 10:\n%s", d)
	}
	if _, err := tn.Case(t.Context(), dsl, hidden); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("hidden case: %v", err)
	}
	for _, ref := range []caseflow.Ref{"", "ZZZZZZZZ", "../../etc", caseflow.Ref(make([]byte, 8))} {
		if _, err := tn.Case(t.Context(), system, ref); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

func testWait(t *testing.T, open Open) {
	s := opened(t, open)
	tn, other := NewSchool(t, s), NewSchool(t, s)
	position := func(tn store.Tenant, a caseflow.Actor) store.Position {
		t.Helper()
		p, err := tn.Position(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	start := map[caseflow.UserID]store.Position{}
	viewers := []caseflow.Actor{dsl, deputy, head, chair, technician}
	for _, v := range viewers {
		start[v.User] = position(tn, v)
	}
	// moved says whose position moved since the last time, in order of viewers.
	moved := func() (users []caseflow.UserID) {
		for _, v := range viewers {
			if p := position(tn, v); p != start[v.User] {
				users = append(users, v.User)
				start[v.User] = p
			}
		}
		return users
	}
	expect := func(what string, want ...caseflow.UserID) {
		t.Helper()
		if got := moved(); !slices.Equal(got, want) {
			t.Errorf("%s: positions moved for %v, want %v", what, got, want)
		}
	}
	waited := make(chan error, 1)
	before := start["u-dsl"]
	go func() {
		p, err := tn.Wait(t.Context(), dsl, before)
		if err == nil && p == before {
			err = errors.New("woken without a change")
		}
		waited <- err
	}()
	mustIngest(t, other, Arrive(1, 1, 0))
	expect("another school")
	mustIngest(t, tn, naming(Arrive(2, 2, 0), Person(50)))
	expect("an allegation", "u-head")
	mustIngest(t, tn, naming(Arrive(3, 3, 0), head.Persons[0]))
	expect("an allegation against the head, in his own queue while he is not on record")

	provisional := Arrive(1, 1, 0)
	provisional.Capture.Final = false
	ref := mustIngest(t, tn, provisional)[0].Case
	if err := <-waited; err != nil {
		t.Errorf("wait: %v", err)
	}
	expect("a pupil's case", "u-dsl", "u-deputy")
	mustIngest(t, tn, Arrive(1, 1, 0))
	expect("a duplicate")
	mustAct(t, tn, claim(ref, dsl, Start))
	expect("a claim", "u-dsl", "u-deputy")
	rev := naming(Arrive(1, 1, 0), Person(50))
	rev.Revision = 1
	mustIngest(t, tn, rev)
	expect("a case moves to the head", "u-dsl", "u-deputy", "u-head")

	p, err := tn.Wait(t.Context(), dsl, "from before the restart")
	if err != nil || p != start["u-dsl"] {
		t.Errorf("an old position: %q, %v; want the present one at once", p, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tn.Wait(ctx, technician, start["u-tech"]); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
