package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// testModel runs random arrivals, acts and reads against the model, each run
// in a school of its own, and restarts the store now and then.
func testModel(t *testing.T, open Open) {
	place := t.TempDir()
	s := open(t, place)
	defer func() { must(t, s.Close()) }()
	rapid.Check(t, func(r *rapid.T) {
		tn := NewSchool(t, s)
		m := &machine{
			m: newModel(), tn: tn, now: Start, positions: map[caseflow.UserID]store.Position{},
			restart: func() store.Tenant {
				must(t, s.Close())
				s = open(t, place)
				again, err := s.School(t.Context(), tn.Info().ID)
				must(t, err)
				return again
			},
		}
		m.look(r)
		r.Repeat(map[string]func(*rapid.T){
			"ingest": m.ingest, "again": m.again, "act": m.act, "user": m.user,
			"directory": m.directory,
			"queue":     m.queue, "file": m.file, "wait a while": m.later, "": m.check,
			"restart": func(r *rapid.T) {
				if rapid.IntRange(0, 9).Draw(r, "seldom") == 0 {
					m.tn = m.restart()
					m.look(r)
				}
			},
		})
		equal(r, "ledger", m.m.ledger, actions(Ledger(t, m.tn)))
	})
}

// viewers of a model run; the named are staff whom captures may name.
var viewers = []caseflow.Actor{
	dsl, deputy, head, chair, technician,
	{User: "u-both", Name: "Bo Both", Roles: []caseflow.Role{caseflow.DSL, caseflow.Head}, Persons: []caseflow.PersonKey{Person(2)}},
}

// written is a short sealed text.
var written = caseflow.Text{Sealed: caseflow.Sealed("sealed"), Chars: 6}

type machine struct {
	m         *model
	tn        store.Tenant
	now       time.Time
	events    int
	sent      []triage.Arrival
	acts      []store.Act
	positions map[caseflow.UserID]store.Position
	restart   func() store.Tenant
}

func equal(r *rapid.T, what string, want, got any) {
	if d := gocmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		r.Fatalf("%s (-model +store):\n%s", what, d)
	}
}

func (x *machine) later(r *rapid.T) {
	x.now = x.now.Add(rapid.SampledFrom(steps).Draw(r, "step"))
}

func (x *machine) arrival(r *rapid.T) triage.Arrival {
	x.events++
	a := Arrive(x.events, rapid.SampledFrom([]int{1, 2, 101, 102, 103}).Draw(r, "person"), 0)
	a.Device = rapid.SampledFrom([]caseflow.DeviceID{"device-1", "device-2"}).Draw(r, "device")
	a.ReceivedAt = x.now
	a.At = x.now.Add(-rapid.SampledFrom(steps).Draw(r, "late"))
	a.Audience = rapid.SampledFrom([]vocab.Audience{vocab.Pupil, vocab.Pupil, vocab.Unknown, vocab.Staff}).Draw(r, "audience")
	a.Group = rapid.SampledFrom([]vocab.GroupAudience{vocab.GroupPupil, vocab.GroupMixed}).Draw(r, "group")
	if rapid.IntRange(0, 9).Draw(r, "nobody") == 0 {
		a.Person, a.PersonName = caseflow.PersonKey{}, nil
	}
	switch rapid.IntRange(0, 19).Draw(r, "kind") {
	case 0:
		a.Kind, a.Capture, a.Code = triage.KindTamper, nil, "session_killed"
	case 1:
		a.Kind, a.Capture, a.Count = triage.KindDigest, nil, 3
	default:
		x.draw(r, &a)
	}
	return a
}

func (x *machine) draw(r *rapid.T, a *triage.Arrival) {
	c := *a.Capture
	c.Categories = []vocab.Category{rapid.SampledFrom([]vocab.Category{vocab.SelfHarm, vocab.Bullying}).Draw(r, "category")}
	c.Severity = vocab.Severity(rapid.IntRange(1, 4).Draw(r, "severity"))
	c.Level = vocab.Level(rapid.IntRange(1, 2).Draw(r, "level"))
	c.Final = rapid.IntRange(0, 2).Draw(r, "final") == 0
	c.Withdrawn = rapid.IntRange(0, 9).Draw(r, "withdrawn") == 0
	c.Count = rapid.IntRange(0, 3).Draw(r, "count")
	if rapid.IntRange(0, 5).Draw(r, "asks for help") == 0 {
		c.Help = caseflow.Help{Asked: true, HideName: rapid.Bool().Draw(r, "hides the name")}
	}
	c.Subjects = nil
	if rapid.IntRange(0, 4).Draw(r, "names") == 0 {
		c.Subjects = []caseflow.PersonKey{rapid.SampledFrom([]caseflow.PersonKey{Person(50), Person(101), Person(103), Person(2)}).Draw(r, "subject")}
	}
	a.Capture = &c
}

// ingest sends new events, and revisions of old ones.
func (x *machine) ingest(r *rapid.T) {
	var batch []triage.Arrival
	for range rapid.IntRange(1, 4).Draw(r, "batch") {
		a := x.arrival(r)
		if len(x.sent) > 0 && rapid.IntRange(0, 3).Draw(r, "revise") == 0 {
			old := rapid.SampledFrom(x.sent).Draw(r, "of")
			if old.Kind == triage.KindCapture {
				old.Revision = uint32(rapid.IntRange(0, 3).Draw(r, "revision"))
				old.ReceivedAt = x.now
				category := old.Capture.Categories
				x.draw(r, &old)
				if rapid.IntRange(0, 9).Draw(r, "same matter") > 0 {
					old.Capture.Categories = category
				}
				if rapid.IntRange(0, 9).Draw(r, "another account") == 0 {
					old.Person = Person(1)
				}
				a = old
			}
		}
		batch = append(batch, a)
	}
	x.send(r, batch)
}

func (x *machine) again(r *rapid.T) {
	if len(x.sent) == 0 {
		r.Skip("nothing sent yet")
	}
	x.send(r, rapid.SliceOfN(rapid.SampledFrom(x.sent), 1, 4).Draw(r, "again"))
}

func (x *machine) send(r *rapid.T, batch []triage.Arrival) {
	receipts, err := x.tn.Ingest(context.Background(), batch)
	if err != nil {
		r.Fatal(err)
	}
	for i, a := range batch {
		want, err := x.m.ingest(a, receipts[i].Case)
		if err != nil {
			r.Fatal(err)
		}
		if errors.Is(want.Refused, store.ErrInvalid) != errors.Is(receipts[i].Refused, store.ErrInvalid) {
			r.Fatalf("refusal: model %v, store %v", want.Refused, receipts[i].Refused)
		}
		want.Refused, receipts[i].Refused = nil, nil // the words are the implementation's
		equal(r, "receipt", want, receipts[i])
	}
	x.sent = append(x.sent, batch...)
}

func (x *machine) act(r *rapid.T) {
	refs := x.m.refs()
	if len(refs) == 0 {
		r.Skip("no case yet")
	}
	a := store.Act{
		Ref:   rapid.SampledFrom(refs).Draw(r, "case"),
		Actor: rapid.SampledFrom(append(scoped(nil), append(slices.Clone(viewers), dsl, dsl, head, system)...)).Draw(r, "actor"),
		Key:   rapid.SampledFrom([]string{"", "", "", "k1", "k2", "k3"}).Draw(r, "key"),
		At:    x.now,
		Command: rapid.SampledFrom([]caseflow.Command{
			caseflow.See{}, caseflow.Claim{Until: x.now.Add(time.Hour)}, caseflow.Release{},
			caseflow.Note{Text: []byte("sealed"), Chars: 6}, caseflow.Note{},
			caseflow.Close{Outcome: caseflow.NoConcern}, caseflow.Close{Outcome: "forged"}, caseflow.Close{Outcome: caseflow.Referred},
			caseflow.Close{Outcome: caseflow.Referred, Details: caseflow.Details{Agency: caseflow.LADO, When: x.now, Whom: written, Reference: written}},
			caseflow.Close{Outcome: caseflow.FalseAlarm, Why: caseflow.WhyLesson, Book: caseflow.Book{ID: "general", Version: 1}},
			caseflow.Reopen{Reason: []byte("sealed"), Chars: 6}, caseflow.Join{},
			caseflow.Suggest{Severity: vocab.High, Outcome: caseflow.NoConcern, Why: []byte("sealed"), Chars: 6},
			caseflow.Consult{To: "u-external", Question: written}, caseflow.EndConsult{User: "u-external"},
			caseflow.OpenName{Reason: []byte("sealed"), Chars: 6},
			caseflow.PassOn{Reason: written}, caseflow.PassOn{Self: true, Reason: written}, caseflow.PassOn{},
			caseflow.Escalate{To: caseflow.Head, Reason: written}, caseflow.Escalate{To: caseflow.DSL, Reason: written}, caseflow.EndEscalation{Reason: written},
			caseflow.Wait{On: written, Until: x.now.Add(time.Hour)}, caseflow.EndWait{},
			caseflow.Transfer{To: rapid.SampledFrom(viewers).Draw(r, "to").User},
			caseflow.Mark{Book: caseflow.Book{ID: "general", Version: 1}, Step: "one", Done: true},
			caseflow.Mark{Book: caseflow.Book{ID: "general", Version: 2}, Step: "one"},
		}).Draw(r, "command"),
	}
	if rapid.IntRange(0, 2).Draw(r, "expects") == 0 {
		a.Expect = uint64(rapid.IntRange(1, 5).Draw(r, "version"))
	}
	if len(x.acts) > 0 && rapid.IntRange(0, 3).Draw(r, "send twice") == 0 {
		a = rapid.SampledFrom(x.acts).Draw(r, "of")
	}
	x.acts = append(x.acts, a)
	want, wantErr := x.m.act(a)
	got, err := x.tn.Act(context.Background(), a)
	equal(r, "answer", want, got)
	sameRefusal(r, wantErr, err)
}

func sameRefusal(r *rapid.T, want, got error) {
	for _, sentinel := range []error{nil, store.ErrNotFound, caseflow.ErrNotAllowed} {
		if errors.Is(want, sentinel) != errors.Is(got, sentinel) {
			r.Fatalf("refusal: model %v, store %v", want, got)
		}
	}
	var wantStale, gotStale *caseflow.StaleError
	var wantClaimed, gotClaimed *caseflow.ClaimedError
	var wantInvalid, gotInvalid *caseflow.InvalidError
	if errors.As(want, &wantStale) {
		if !errors.As(got, &gotStale) {
			r.Fatalf("refusal: model %v, store %v", want, got)
		}
		equal(r, "stale", wantStale.Now, gotStale.Now)
	}
	if errors.As(want, &wantClaimed) {
		if !errors.As(got, &gotClaimed) {
			r.Fatalf("refusal: model %v, store %v", want, got)
		}
		equal(r, "claimed", *wantClaimed, *gotClaimed)
	}
	if errors.As(want, &wantInvalid) && (!errors.As(got, &gotInvalid) || gotInvalid.Field != wantInvalid.Field) {
		r.Fatalf("refusal: model %v, store %v", want, got)
	}
}

// user changes who holds which post, and so where later captures go.
func (x *machine) user(r *rapid.T) {
	a := rapid.SampledFrom(append(slices.Clone(viewers), scoped(nil)[2])).Draw(r, "user")
	u := store.User{ID: a.User, Name: a.Name, Roles: a.Roles, Persons: a.Persons, Created: Start}
	if rapid.Bool().Draw(r, "pending") {
		u.Roles, u.Pending = nil, a.Roles
	}
	if rapid.IntRange(0, 3).Draw(r, "loses post") == 0 {
		u.Roles, u.Pending = nil, nil
	}
	u.Version = x.m.users[u.ID].Version
	if rapid.IntRange(0, 7).Draw(r, "stale") == 0 {
		u.Version += rapid.Uint64Range(1, 3).Draw(r, "ahead")
		if err := x.tn.PutUser(context.Background(), u, command, x.now); !errors.Is(err, store.ErrStale) {
			r.Fatalf("a version that was not read: %v", err)
		}
		return
	}
	if err := x.tn.PutUser(context.Background(), u, command, x.now); err != nil {
		r.Fatal(err)
	}
	word := audit.UserCreated
	if _, known := x.m.users[u.ID]; known {
		word = audit.UserChanged
	}
	u.Version++
	x.m.change(u)
	x.m.ledger = append(x.m.ledger, word)
	if err := x.m.reroute(u, x.now); err != nil {
		r.Fatal(err)
	}
}

func (x *machine) queue(r *rapid.T) {
	model, stored := x.everybody()
	n := rapid.IntRange(0, len(model)).Draw(r, "viewer")
	viewer, asks := append(model, system)[n], append(stored, system)[n]
	q := store.QueueQuery{
		Now:   x.now,
		Limit: rapid.IntRange(1, 5).Draw(r, "limit"),
		States: rapid.SampledFrom([][]caseflow.State{
			nil, {caseflow.Closed}, {caseflow.New, caseflow.Claimed, caseflow.Closed}, {caseflow.Claimed},
		}).Draw(r, "states"),
	}
	filter(r, &q, x.now)
	all, counts := x.m.queue(viewer, q)
	var rows []store.QueueRow
	for {
		page, err := x.tn.Queue(context.Background(), asks, q)
		if err != nil {
			r.Fatal(err)
		}
		equal(r, "counts", counts, page.Counts)
		if page.Total != len(all) || len(page.Rows) > q.Limit {
			r.Fatalf("total %d and %d rows, model %d", page.Total, len(page.Rows), len(all))
		}
		rows = append(rows, page.Rows...)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
		if len(rows) > len(all) {
			r.Fatal("the pages do not end")
		}
	}
	var want []store.QueueRow
	for _, c := range all {
		row := store.QueueRow{Case: c, Latest: x.m.latest(c), Person: x.m.person(c.Typist), Device: store.DeviceName{ID: c.Device}}
		row.Case.Captures = nil
		want = append(want, row)
	}
	equal(r, "queue", want, rows)
	x.place(r, viewer, asks)
}

// place asks where one case stands in a viewer's queue, seen by the viewer or not.
func (x *machine) place(r *rapid.T, viewer, asks caseflow.Actor) {
	ref := rapid.SampledFrom(append(x.m.refs(), "00000000")).Draw(r, "place of")
	all, _ := x.m.queue(viewer, store.QueueQuery{Now: x.now})
	var want store.QueuePlace
	for i, c := range all {
		if c.Ref != ref {
			continue
		}
		want = store.QueuePlace{Place: i + 1, Total: len(all)}
		if i > 0 {
			want.Previous = all[i-1].Ref
		}
		if i+1 < len(all) {
			want.Next = all[i+1].Ref
		}
	}
	got, err := x.tn.PlaceInQueue(context.Background(), asks, ref, x.now)
	if err != nil {
		r.Fatal(err)
	}
	equal(r, "place in the queue", want, got)
}

func (x *machine) file(r *rapid.T) {
	refs := append(x.m.refs(), "00000000")
	ref := rapid.SampledFrom(refs).Draw(r, "case")
	model, stored := x.everybody()
	for i, viewer := range append(model, system) {
		want, wantErr := x.m.file(viewer, ref)
		got, err := x.tn.Case(context.Background(), append(stored, system)[i], ref)
		if errors.Is(wantErr, store.ErrNotFound) != errors.Is(err, store.ErrNotFound) {
			r.Fatalf("%s: model %v, store %v", viewer.User, wantErr, err)
		}
		equal(r, "case file", want, got)
	}
}

// check compares who was told of what happened since the last check.
func (x *machine) check(r *rapid.T) {
	model, stored := x.everybody()
	told := x.m.told(model)
	for _, v := range stored {
		before := x.positions[v.User]
		p, err := x.tn.Position(context.Background(), v)
		if err != nil {
			r.Fatal(err)
		}
		if moved := p != before; moved != told[v.User] {
			r.Fatalf("%s: position moved %v, model %v", v.User, moved, told[v.User])
		}
		x.positions[v.User] = p
	}
}

// look takes the positions as they are.
func (x *machine) look(r *rapid.T) {
	_, stored := x.everybody()
	for _, v := range stored {
		p, err := x.tn.Position(context.Background(), v)
		if err != nil {
			r.Fatal(err)
		}
		x.positions[v.User] = p
	}
}
