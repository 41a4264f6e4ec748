package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// testHostile: nothing that breaks a limit is kept, nor anything beside it.
func testHostile(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	long := strings.Repeat("x", 1<<20)
	for name, spoil := range map[string]func(*triage.Arrival){
		"no device":        func(a *triage.Arrival) { a.Device = "" },
		"device of spaces": func(a *triage.Arrival) { a.Device = "a b" },
		"huge device":      func(a *triage.Arrival) { a.Device = caseflow.DeviceID(long) },
		"no event":         func(a *triage.Arrival) { a.Event = ulid.ID{} },
		"no time":          func(a *triage.Arrival) { a.At = time.Time{} },
		"no kind":          func(a *triage.Arrival) { a.Kind = 0 },
		"no capture":       func(a *triage.Arrival) { a.Capture = nil },
		"no category":      func(a *triage.Arrival) { a.Capture.Categories = nil },
		"forged category":  func(a *triage.Arrival) { a.Capture.Categories = []vocab.Category{vocab.Category(long)} },
		"no severity":      func(a *triage.Arrival) { a.Capture.Severity = 0 },
		"negative count":   func(a *triage.Arrival) { a.Capture.Count = -1 },
		"huge content":     func(a *triage.Arrival) { a.Capture.Content = []byte(long) },
		"huge rule":        func(a *triage.Arrival) { a.Capture.Rules[0].Title = long },
		"many subjects":    func(a *triage.Arrival) { a.Capture.Subjects = make([]caseflow.PersonKey, 1000) },
		"huge code":        func(a *triage.Arrival) { a.Kind, a.Code = triage.KindTamper, long },
	} {
		bad := Arrive(2, 1, 0)
		spoil(&bad)
		_, err := tn.Ingest(ctx, []triage.Arrival{Arrive(1, 1, 0), bad})
		fails(t, name, err, store.ErrInvalid)
		if err != nil && len(err.Error()) > 500 {
			t.Errorf("%s: the error repeats what was sent", name)
		}
	}
	if p := mustQueue(t, tn, system, store.QueueQuery{}); p.Total != 0 {
		t.Fatalf("%d cases of refused batches", p.Total)
	}
	if r, err := tn.Ingest(ctx, nil); err != nil || len(r) != 0 {
		t.Errorf("empty batch: %v, %v", r, err)
	}
	_, err := tn.Ingest(ctx, make([]triage.Arrival, store.MaxArrivals+1))
	fails(t, "huge batch", err, store.ErrInvalid)

	largest := Arrive(3, 1, 0)
	largest.Capture.Content = []byte(long[:store.MaxSealed])
	ref := mustIngest(t, tn, largest)[0].Case

	var inv *caseflow.InvalidError
	if _, err := tn.Act(ctx, store.Act{Ref: ref, Actor: dsl, At: Start, Command: caseflow.See{}, Key: long}); !errors.As(err, &inv) || inv.Field != "key" {
		t.Errorf("huge key: %v", err)
	}
	for name, a := range map[string]store.Act{
		"no command": {Ref: ref, Actor: dsl, At: Start},
		"no time":    {Ref: ref, Actor: dsl, Command: caseflow.See{}},
		"huge note":  {Ref: ref, Actor: dsl, At: Start, Command: caseflow.Note{Text: []byte(long), Chars: 5}},
		"huge name":  {Ref: ref, Actor: caseflow.Actor{User: "u", Name: long, Roles: dsl.Roles}, At: Start, Command: caseflow.See{}},
	} {
		_, err := tn.Act(ctx, a)
		fails(t, name, err, store.ErrInvalid)
	}
	for _, cursor := range []string{"x", "!!!", long, "AAAA", "..", "CgwAAAA"} {
		_, err := tn.Queue(ctx, dsl, store.QueueQuery{Cursor: cursor})
		fails(t, "cursor", err, store.ErrInvalid)
	}
	for _, limit := range []int{-1, store.MaxQueue + 1} {
		_, err := tn.Queue(ctx, dsl, store.QueueQuery{Limit: limit})
		fails(t, "limit", err, store.ErrInvalid)
	}
	for name, err := range map[string]error{
		"token":    tn.CreateToken(ctx, store.Token{Group: "g", Audience: "all", Uses: 1, Expires: Start}),
		"user":     tn.PutUser(ctx, store.User{ID: "u", Name: "n", Roles: []caseflow.Role{"root"}}, command, Start),
		"user id":  tn.PutUser(ctx, store.User{ID: "", Name: "n"}, command, Start),
		"actor":    tn.PutUser(ctx, store.User{ID: "u", Name: "n"}, audit.Who{Via: "magic"}, Start),
		"report":   tn.Report(ctx, []store.DeviceReport{{ID: "d", Host: long}}),
		"session":  tn.PutSession(ctx, store.Session{User: "u", Expires: Start, Data: []byte(long)}),
		"document": tn.PutDocument(ctx, store.Document{Kind: "k", Version: 1, Body: make([]byte, store.MaxDocument+1), Approved: command, Created: Start}),
		"kind":     tn.PutDocument(ctx, store.Document{Kind: long, Version: 1, Approved: command, Created: Start}),
	} {
		fails(t, name, err, store.ErrInvalid)
	}
	_, err = tn.Enrol(ctx, hash(1), store.Device{ID: "", Host: "h"}, Start)
	fails(t, "device", err, store.ErrInvalid)
	for _, id := range []caseflow.DeviceID{"", "none", caseflow.DeviceID(long)} {
		_, err := tn.Device(ctx, id)
		fails(t, "read device", err, store.ErrNotFound)
	}
	for name, err := range map[string]error{
		"renew":    tn.Renewed(ctx, caseflow.DeviceID(long), "1", Start),
		"revoke":   tn.Revoke(ctx, "", "why", command, Start),
		"link":     tn.PutLink(ctx, store.Link{User: caseflow.UserID(long), Expires: Start}),
		"user":     func() error { _, err := tn.User(ctx, caseflow.UserID(long)); return err }(),
		"no user":  func() error { _, err := tn.User(ctx, ""); return err }(),
		"document": func() error { _, err := tn.LatestDocument(ctx, long); return err }(),
	} {
		if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s of a hostile id: %v", name, err)
		}
	}
	must(t, tn.Report(ctx, []store.DeviceReport{{ID: caseflow.DeviceID(long)}, {ID: ""}}))
	must(t, tn.DeleteSessions(ctx, caseflow.UserID(long)))
	Ledger(t, tn)
}

// testIsolation: what one school holds, another does not see under the same ids.
func testIsolation(t *testing.T, open Open) {
	ctx := t.Context()
	s := opened(t, open)
	a, b := NewSchool(t, s), NewSchool(t, s)
	ref := mustIngest(t, a, Arrive(1, 1, 0))[0].Case
	enrolled(t, a, "device-1", "pc")
	putUser(t, a, dsl)
	must(t, a.PutLink(ctx, store.Link{Hash: hash(1), User: dsl.User, Expires: Start.Add(time.Hour)}))
	must(t, a.PutSession(ctx, store.Session{Hash: hash(1), User: dsl.User, Expires: Start.Add(time.Hour)}))
	must(t, a.PutDocument(ctx, store.Document{Kind: "k", Version: 1, Approved: command, Created: Start}))
	_, err := a.AddKey(ctx, Person(1), []byte("w"))
	must(t, err)
	done := claim(ref, dsl, Start)
	done.Key = "form"
	mustAct(t, a, done)

	for name, read := range map[string]func() error{
		"case":     func() error { _, err := b.Case(ctx, system, ref); return err },
		"act":      func() error { _, err := b.Act(ctx, done); return err },
		"device":   func() error { _, err := b.Device(ctx, "device-1"); return err },
		"user":     func() error { _, err := b.User(ctx, dsl.User); return err },
		"login":    func() error { _, err := b.UserByLogin(ctx, dsl.Name); return err },
		"link":     func() error { _, err := b.Link(ctx, hash(1), Start); return err },
		"use link": func() error { _, err := b.UseLink(ctx, hash(1), Start); return err },
		"session":  func() error { _, err := b.Session(ctx, hash(1), Start); return err },
		"document": func() error { _, err := b.LatestDocument(ctx, "k"); return err },
		"key":      func() error { _, err := b.Key(ctx, Person(1)); return err },
	} {
		fails(t, name, read(), store.ErrNotFound)
	}
	if p := mustQueue(t, b, system, store.QueueQuery{}); p.Total != 0 {
		t.Errorf("queue %v", refsOf(p))
	}
	if n := len(Ledger(t, b)); n != 1 {
		t.Errorf("%d ledger entries", n)
	}
	if r := mustIngest(t, b, Arrive(1, 1, 0))[0]; r.Duplicate || r.Case == ref {
		t.Errorf("the same event in another school: %+v", r)
	}
	must(t, b.DeleteSession(ctx, hash(1)))
	must(t, b.DeleteSessions(ctx, dsl.User))
	must(t, b.DestroyKey(ctx, Person(1)))
	_, err = a.Session(ctx, hash(1), Start)
	must(t, err)
	_, err = a.Key(ctx, Person(1))
	must(t, err)
}

func testConcurrency(t *testing.T, open Open) {
	tn := newTenant(t, open)
	const streams, each = 8, 40
	ref := mustIngest(t, tn, Arrive(0, 0, 0))[0].Case

	var wg sync.WaitGroup
	for s := range streams {
		wg.Go(func() {
			for i := range each {
				// Two streams each send the same events, for the same persons.
				a := Arrive(1+(s/2)*each+i, 1+i%5, time.Duration(i)*time.Second)
				if _, err := tn.Ingest(context.Background(), []triage.Arrival{a}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var mu sync.Mutex
	var winners []caseflow.UserID
	for i := range 16 {
		who := caseflow.Actor{User: caseflow.UserID(fmt.Sprint("u-", i)), Name: "n", Roles: dsl.Roles}
		wg.Go(func() {
			a := claim(ref, who, Start)
			a.Expect = 1
			_, err := tn.Act(context.Background(), a)
			var stale *caseflow.StaleError
			switch {
			case err == nil:
				mu.Lock()
				winners = append(winners, who.User)
				mu.Unlock()
			case !errors.As(err, &stale):
				t.Errorf("a loser gets %v", err)
			}
		})
		wg.Go(func() {
			for range 20 {
				page, err := tn.Queue(context.Background(), dsl, store.QueueQuery{Now: Start})
				if err != nil {
					t.Error(err)
				}
				for _, r := range page.Rows {
					if r.Latest.Capture == nil || len(r.Person.Name) == 0 {
						t.Errorf("a row without its capture or person: %+v", r)
					}
				}
			}
		})
	}
	must(t, tn.CreateToken(t.Context(), store.Token{Hash: hash(1), Group: "g", Audience: vocab.GroupPupil, Uses: 5, Expires: Start.Add(time.Hour)}))
	enrolled := make([]error, 9)
	for i := range enrolled {
		wg.Go(func() {
			_, enrolled[i] = tn.Enrol(context.Background(), hash(1), store.Device{ID: caseflow.DeviceID(fmt.Sprint("d-", i))}, Start)
		})
	}
	wg.Wait()

	if len(winners) != 1 || mustCase(t, tn, system, ref).Case.Owner != winners[0] {
		t.Errorf("%d winners of one claim: %v", len(winners), winners)
	}
	ok := 0
	for _, err := range enrolled {
		if err == nil {
			ok++
		} else if !errors.Is(err, store.ErrTokenUsed) {
			t.Error(err)
		}
	}
	if ok != 5 {
		t.Errorf("%d devices enrolled with a token of 5 uses", ok)
	}
	captures := 0
	for _, r := range mustQueue(t, tn, system, store.QueueQuery{Limit: 200}).Rows {
		captures += r.Case.Count
	}
	if want := 1 + streams/2*each; captures != want {
		t.Errorf("%d captures in cases, want %d: each event once", captures, want)
	}
	// school, first open, captures, one claim, five enrolments
	if n, want := len(Ledger(t, tn)), 2+streams/2*each+1+5; n != want {
		t.Errorf("%d ledger entries, want %d", n, want)
	}
}

func testReopen(t *testing.T, open Open) {
	place := t.TempDir()
	s := open(t, place)
	tn := NewSchool(t, s)
	id := tn.Info().ID
	putUser(t, tn, head)
	refs := []caseflow.Ref{mustIngest(t, tn, Arrive(1, 1, 0))[0].Case, mustIngest(t, tn, Arrive(2, 2, 0))[0].Case}
	mustAct(t, tn, closeCase(refs[1], dsl, Start.Add(time.Minute)))
	act := claim(refs[0], dsl, Start)
	act.Key = "form"
	first := mustAct(t, tn, act)
	before := []store.CaseFile{mustCase(t, tn, dsl, refs[0]), mustCase(t, tn, dsl, refs[1])}
	ledger := Ledger(t, tn)
	must(t, s.Close())
	must(t, s.Close())

	s = open(t, place)
	defer s.Close()
	tn, err := s.School(t.Context(), id)
	must(t, err)
	for i, ref := range refs {
		same(t, "case", before[i], mustCase(t, tn, dsl, ref))
	}
	same(t, "ledger", ledger, Ledger(t, tn))
	same(t, "queue", refs[:1], refsOf(mustQueue(t, tn, dsl, store.QueueQuery{})))
	same(t, "first answer", first, mustAct(t, tn, act))
	if r := mustIngest(t, tn, Arrive(1, 1, 0))[0]; !r.Duplicate || r.Case != refs[0] {
		t.Errorf("sent again: %+v", r)
	}
	if r := mustIngest(t, tn, Arrive(3, 1, time.Minute))[0]; r.Case != refs[0] {
		t.Errorf("joined %s, want the open case %s", r.Case, refs[0])
	}
	worse := Arrive(4, 2, 2*time.Minute)
	worse.Capture.Severity = vocab.Critical
	if r := mustIngest(t, tn, worse)[0]; r.Case != refs[1] {
		t.Errorf("reopened %s, want the closed case %s", r.Case, refs[1])
	}
	about := naming(Arrive(5, 5, 0), head.Persons[0])
	if _, err := tn.Case(t.Context(), chair, mustIngest(t, tn, about)[0].Case); err != nil {
		t.Errorf("routing forgot who the head is: %v", err)
	}
	Ledger(t, tn)
	again, err := s.AddSchool(t.Context(), "after-reopen", "n", Start)
	if err != nil || again.ID != id+1 {
		t.Errorf("next school: %+v, %v", again, err)
	}
}

// testClosed: a closed store refuses, and never blocks or crashes.
func testClosed(t *testing.T, open Open) {
	s := open(t, t.TempDir())
	tn := NewSchool(t, s)
	pos, err := tn.Position(t.Context(), technician) // who is told of nothing that happens below
	must(t, err)
	waiting := make(chan error, 1)
	go func() { _, err := tn.Wait(context.Background(), technician, pos); waiting <- err }()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				_, err := tn.Ingest(context.Background(), []triage.Arrival{Arrive(i*1_000_000+n, i, 0)})
				if err == nil {
					_, err = tn.Queue(context.Background(), dsl, store.QueueQuery{})
				}
				if err != nil {
					fails(t, "during close", err, store.ErrClosed)
					return
				}
			}
		})
	}
	must(t, s.Close())
	wg.Wait()
	fails(t, "wait", <-waiting, store.ErrClosed)
	fails(t, "health", s.Health(t.Context()), store.ErrClosed)
	fails(t, "append", tn.Append(t.Context(), audit.Entry{At: Start, Who: command, Action: audit.CaseRead}), store.ErrClosed)
	_, err = tn.Case(t.Context(), dsl, "00000000")
	fails(t, "case", err, store.ErrClosed)
	_, err = s.Schools(t.Context())
	fails(t, "schools", err, store.ErrClosed)
}
