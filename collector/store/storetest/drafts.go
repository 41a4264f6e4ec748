package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func testDrafts(t *testing.T, open Open) {
	tn := newTenant(t, open)
	ctx := t.Context()
	ref := mustIngest(t, tn, Arrive(1, 1, 0))[0].Case
	at := Start.Add(time.Minute)
	draft := store.Draft{Content: caseflow.Sealed("sealed draft"), At: at}
	before := len(Ledger(t, tn))

	must(t, tn.PutDraft(ctx, ref, dsl, draft))
	if got, err := tn.Draft(ctx, ref, dsl); err != nil || string(got.Content) != "sealed draft" || !got.At.Equal(at) {
		t.Errorf("draft %+v, %v", got, err)
	}
	if _, err := tn.Draft(ctx, ref, deputy); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another's draft: %v", err)
	}
	for name, err := range map[string]error{
		"a viewer who may not see it": tn.PutDraft(ctx, ref, head, draft), "a role without cases": tn.PutDraft(ctx, ref, technician, draft),
		"no such case": tn.PutDraft(ctx, "00000000", dsl, draft), "nobody": tn.PutDraft(ctx, ref, system, draft),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := tn.PutDraft(ctx, ref, dsl, store.Draft{Content: make([]byte, store.MaxSealed+1), At: at}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("too long: %v", err)
	}
	if n := len(Ledger(t, tn)); n != before {
		t.Errorf("a draft wrote %d ledger entries", n-before)
	}
	// It survives the owner changing, and goes with the note that it becomes.
	mustAct(t, tn, claim(ref, deputy, at))
	mustAct(t, tn, store.Act{Ref: ref, Actor: deputy, At: at, Command: caseflow.Note{Text: caseflow.Sealed("x"), Chars: 1}})
	if _, err := tn.Draft(ctx, ref, dsl); err != nil {
		t.Errorf("after another's note: %v", err)
	}
	mustAct(t, tn, store.Act{Ref: ref, Actor: dsl, At: at, Command: caseflow.Note{Text: caseflow.Sealed("x"), Chars: 1}})
	if _, err := tn.Draft(ctx, ref, dsl); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after the note: %v", err)
	}
	must(t, tn.PutDraft(ctx, ref, dsl, draft))
	must(t, tn.PutDraft(ctx, ref, dsl, store.Draft{At: at}))
	if _, err := tn.Draft(ctx, ref, dsl); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after emptying: %v", err)
	}
	// A case that moves away takes the way to its drafts with it.
	must(t, tn.PutDraft(ctx, ref, dsl, draft))
	staff := Arrive(2, 1, 2*time.Minute)
	staff.Event, staff.Revision = Event(1), 1
	staff.Capture.Subjects = []caseflow.PersonKey{Person(50)}
	first := Arrive(3, 7, 0)
	first.Capture.Final = false
	moved := mustIngest(t, tn, first)[0].Case
	must(t, tn.PutDraft(ctx, moved, dsl, draft))
	next := first
	next.Revision, next.Capture = 1, staff.Capture
	mustIngest(t, tn, next)
	if _, err := tn.Draft(ctx, moved, dsl); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of a case that moved to the head: %v", err)
	}
}

func testAround(t *testing.T, open Open) {
	tn := newTenant(t, open)
	ctx := t.Context()
	for i, id := range []caseflow.DeviceID{"device-1", "device-2", "device-3"} {
		hash := [32]byte{byte(i + 1)}
		group := "Year 9 trolley"
		if i == 2 {
			group = "Library"
		}
		must(t, tn.CreateToken(ctx, store.Token{Hash: hash, Group: group, Audience: vocab.GroupPupil, Uses: 1, Created: Start, Expires: Start.Add(time.Hour)}))
		if _, err := tn.Enrol(ctx, hash, store.Device{ID: id, Host: string(id), Enrolled: Start}, Start); err != nil {
			t.Fatal(err)
		}
	}
	arrive := func(n, person int, change func(*triage.Arrival)) caseflow.Ref {
		a := Arrive(n, person, time.Duration(n)*time.Minute)
		if change != nil {
			change(&a)
		}
		return mustIngest(t, tn, a)[0].Case
	}
	ref := arrive(1, 1, nil)
	same := arrive(2, 2, func(a *triage.Arrival) { a.Device = "device-2" })
	closed := arrive(3, 3, nil)
	mustAct(t, tn, closeCase(closed, dsl, Start.Add(10*time.Minute)))
	arrive(4, 4, func(a *triage.Arrival) { a.Device = "device-3" })
	arrive(5, 5, func(a *triage.Arrival) { a.Capture.Categories = []vocab.Category{vocab.Bullying} })
	arrive(6, 6, func(a *triage.Arrival) { a.Capture.Rules[0].ID = "sh.2" })
	arrive(7, 8, func(a *triage.Arrival) { a.Capture.Subjects = []caseflow.PersonKey{Person(50)} })
	arrive(8, 9, func(a *triage.Arrival) { a.At = a.At.Add(-24 * time.Hour) })

	all, err := tn.Similar(ctx, dsl, ref, Start)
	var got []caseflow.Ref
	for _, c := range all {
		got = append(got, c.Ref)
	}
	if err != nil || !slices.Equal(got, []caseflow.Ref{closed, same}) {
		t.Errorf("similar: %v, %v, want %v", got, err, []caseflow.Ref{closed, same})
	}
	if _, err := tn.Similar(ctx, head, ref, Start); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("similar to a hidden case: %v", err)
	}

	read := func(who string, action audit.Action, refs ...string) {
		must(t, tn.Append(ctx, audit.Entry{At: Start, Who: audit.Who{User: who, Via: audit.ViaConsole}, Action: action, Object: refs}))
	}
	read("u-a", audit.QueueRead, string(ref), string(same))
	read("u-b", audit.CaseRead, string(same))
	read("u-c", audit.CaseRead, string(ref))
	reads, err := tn.Reads(ctx, dsl, ref, 10)
	if err != nil || len(reads) != 2 || reads[0].Who.User != "u-c" || reads[1].Who.User != "u-a" {
		t.Errorf("reads %+v, %v", reads, err)
	}
	if reads, err := tn.Reads(ctx, dsl, ref, 1); err != nil || len(reads) != 1 {
		t.Errorf("one of them: %+v, %v", reads, err)
	}
	if _, err := tn.Reads(ctx, head, ref, 10); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("reads of a hidden case: %v", err)
	}
}

// testHandOver: who takes a case is decided by the roles of that moment.
func testHandOver(t *testing.T, open Open) {
	tn := newTenant(t, open)
	ctx := t.Context()
	put := func(a caseflow.Actor, version uint64, change func(*store.User)) {
		u := store.User{ID: a.User, Name: a.Name, Roles: a.Roles, Persons: a.Persons, Created: Start, Version: version}
		if change != nil {
			change(&u)
		}
		must(t, tn.PutUser(ctx, u, audit.Who{Via: audit.ViaCommand, Name: "root"}, Start))
	}
	put(dsl, 0, nil)
	put(deputy, 0, nil)
	ref := mustIngest(t, tn, Arrive(1, 1, 0))[0].Case
	text := caseflow.Text{Sealed: caseflow.Sealed("sealed"), Chars: 6}
	escalate := store.Act{Ref: ref, Actor: dsl, At: Start, Command: caseflow.Escalate{To: caseflow.Head, Reason: text}}
	refused := func(what, field string, a store.Act) {
		t.Helper()
		var invalid *caseflow.InvalidError
		if _, err := tn.Act(ctx, a); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("no head yet", "to", escalate)
	put(head, 0, nil)
	before, err := tn.Position(ctx, head)
	must(t, err)
	c := mustAct(t, tn, escalate)
	if after, err := tn.Position(ctx, head); err != nil || after == before {
		t.Errorf("the head is not told: %v", err)
	}
	if got := mustQueue(t, tn, head, store.QueueQuery{}); len(got.Rows) != 1 || got.Rows[0].Case.Escalated.To != caseflow.Head {
		t.Errorf("the head's queue: %+v", got.Rows)
	}
	transfer := store.Act{Ref: ref, Actor: head, At: Start, Command: caseflow.Transfer{To: deputy.User, Reason: text}}
	if c = mustAct(t, tn, transfer); c.Owner != deputy.User || c.OwnerName != deputy.Name {
		t.Errorf("transferred to %q", c.Owner)
	}
	back := store.Act{Ref: ref, Actor: deputy, At: Start, Command: caseflow.Transfer{To: dsl.User}}
	put(dsl, 1, func(u *store.User) { u.Disabled = true })
	refused("a disabled colleague", "colleague", back)
	put(dsl, 2, func(u *store.User) { u.Roles = []caseflow.Role{caseflow.Technician} })
	refused("a colleague without the role", "colleague", back)
	mustAct(t, tn, store.Act{Ref: ref, Actor: deputy, At: Start, Command: caseflow.Release{}})
	before, err = tn.Position(ctx, head)
	must(t, err)
	mustAct(t, tn, store.Act{Ref: ref, Actor: head, At: Start, Command: caseflow.EndEscalation{Reason: text}})
	if after, err := tn.Position(ctx, head); err != nil || after == before {
		t.Errorf("the head is not told that it went: %v", err)
	}
	if _, err := tn.Case(ctx, head, ref); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the head still reads it: %v", err)
	}
}
