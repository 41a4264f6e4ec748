package storetest

import (
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

func testEnrolment(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	many := store.Token{Hash: hash(1), Group: "trolley", Audience: vocab.GroupPupil, Uses: 5, Expected: 3, Batch: "b1",
		Network: "10.1.0.0/16", Expires: Start.Add(time.Hour), Created: Start}
	one := store.Token{Hash: hash(2), Group: "office", Audience: vocab.GroupStaff, Uses: 1, Expected: 1, Batch: "b2",
		Expires: Start.Add(time.Hour), Created: Start.Add(time.Minute)}
	must(t, tn.CreateToken(ctx, many))
	must(t, tn.CreateToken(ctx, one))
	got, err := tn.Token(ctx, many.Hash)
	must(t, err)
	same(t, "token", many, got)
	_, err = tn.Token(ctx, hash(9))
	fails(t, "unknown token", err, store.ErrTokenUnknown)
	all, err := tn.Tokens(ctx)
	must(t, err)
	if len(all) != 2 || all[0].Batch != "b2" || all[1].Expected != 3 {
		t.Errorf("tokens %+v, want the newest first", all)
	}
	for _, bad := range []store.Token{{Expected: 6}, {Expected: -1}, {Batch: "a b"}, {Network: "10.1.0.0"}} {
		bad.Hash, bad.Group, bad.Audience, bad.Uses, bad.Expires = hash(8), "g", vocab.GroupPupil, 5, Start
		fails(t, "token", tn.CreateToken(ctx, bad), store.ErrInvalid)
	}

	for _, id := range []caseflow.DeviceID{"d-1", "d-2", "d-3"} {
		d, err := tn.Enrol(ctx, many.Hash, store.Device{ID: id, OS: "linux", Suspect: Start, SuspectWhy: "forged"}, Start)
		must(t, err)
		if !d.Held || d.Batch != "b1" || !d.Suspect.IsZero() || d.SuspectWhy != "" {
			t.Errorf("%s of a multi-use token: %+v", id, d)
		}
	}
	alone, err := tn.Enrol(ctx, one.Hash, store.Device{ID: "d-alone", Held: true, Batch: "b1"}, Start)
	must(t, err)
	if alone.Held || alone.Batch != "b2" {
		t.Errorf("device of a one-use token: %+v", alone)
	}

	testRelease(t, tn)
	testSuspect(t, tn)

	asked, err := tn.Asked(ctx)
	must(t, err)
	if asked.Open(Start) {
		t.Errorf("asked from the start: %+v", asked)
	}
	want := store.Reoffer{Since: Start.Add(-time.Hour), Asked: Start}
	must(t, tn.AskAgain(ctx, store.Reoffer{Since: Start.Add(-9 * time.Hour), Asked: Start.Add(-time.Minute)}, command))
	must(t, tn.AskAgain(ctx, want, command))
	asked, err = tn.Asked(ctx)
	must(t, err)
	same(t, "asked", want, asked)
	if !asked.Open(Start.Add(23*time.Hour)) || asked.Open(Start.Add(store.ReofferFor)) {
		t.Error("a request is open for a day")
	}
	if got := count(actions(Ledger(t, tn)), audit.ReofferAsked); got != 2 {
		t.Errorf("%d requests in the ledger, want 2", got)
	}
}

func testRelease(t *testing.T, tn store.Tenant) {
	t.Helper()
	ctx := t.Context()
	for _, nothing := range [][]caseflow.DeviceID{nil, {"d-9"}, {"d-alone"}, {"", "a b"}} {
		got, err := tn.Release(ctx, "b1", nothing, command, Start)
		must(t, err)
		if len(got) != 0 {
			t.Errorf("released %v of %v", got, nothing)
		}
	}
	if got, err := tn.Release(ctx, "b2", []caseflow.DeviceID{"d-1"}, command, Start); err != nil || len(got) != 0 {
		t.Errorf("released under another batch: %v, %v", got, err)
	}
	got, err := tn.Release(ctx, "b1", []caseflow.DeviceID{"d-2", "d-1", "d-1"}, command, Start)
	must(t, err)
	same(t, "released", []caseflow.DeviceID{"d-1", "d-2"}, got)
	for id, held := range map[caseflow.DeviceID]bool{"d-1": false, "d-2": false, "d-3": true} {
		d, err := tn.Device(ctx, id)
		must(t, err)
		if d.Held != held {
			t.Errorf("%s held: %v", id, d.Held)
		}
	}
	got, err = tn.Release(ctx, "b1", []caseflow.DeviceID{"d-1"}, command, Start)
	must(t, err)
	if len(got) != 0 {
		t.Errorf("released twice: %v", got)
	}
	if n := count(actions(Ledger(t, tn)), audit.DeviceReleased); n != 2 {
		t.Errorf("%d releases in the ledger, want 2", n)
	}
}

func testSuspect(t *testing.T, tn store.Tenant) {
	t.Helper()
	ctx := t.Context()
	first, err := tn.Suspect(ctx, "d-1", store.SuspectHardware, Start)
	must(t, err)
	again, err := tn.Suspect(ctx, "d-1", store.SuspectTwo, Start.Add(time.Hour))
	must(t, err)
	d, err := tn.Device(ctx, "d-1")
	must(t, err)
	if !first || again || !d.Suspect.Equal(Start) || d.SuspectWhy != store.SuspectHardware {
		t.Errorf("first %v, again %v, %v %q; the first word stands", first, again, d.Suspect, d.SuspectWhy)
	}
	for _, id := range []caseflow.DeviceID{"d-9", "", "a b"} {
		_, err := tn.Suspect(ctx, id, store.SuspectTwo, Start)
		fails(t, "suspect unknown", err, store.ErrNotFound)
	}
}

func count(all []audit.Action, want audit.Action) (n int) {
	for _, a := range all {
		if a == want {
			n++
		}
	}
	return n
}
