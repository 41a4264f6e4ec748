package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

func testNotices(t *testing.T, open Open) {
	tn := newTenant(t, open)
	ctx := t.Context()
	said := func(n int, who caseflow.PersonKey, s triage.NoticeState, at time.Duration) triage.Arrival {
		return triage.Arrival{Kind: triage.KindNotice, Device: "device-1", Event: Event(n), At: Start.Add(at), ReceivedAt: Start.Add(at),
			Person: who, Code: "autumn-1", Count: uint32(s)}
	}
	state := func(who caseflow.PersonKey) triage.NoticeState {
		t.Helper()
		all, err := tn.NoticesOf(ctx, "autumn-1")
		must(t, err)
		for _, n := range all {
			if n.Person == who {
				return n.State
			}
		}
		return 0
	}
	rowan, ivy := Person(1), Person(2)
	before := len(Ledger(t, tn))
	mustIngest(t, tn, said(1, rowan, triage.NoticeShown, 0), said(2, rowan, triage.NoticeDeclined, time.Minute), said(3, ivy, triage.NoticeShown, 0))
	if state(rowan) != triage.NoticeDeclined || state(ivy) != triage.NoticeShown {
		t.Errorf("rowan %v, ivy %v", state(rowan), state(ivy))
	}
	if got := len(Ledger(t, tn)) - before; got != 3 {
		t.Errorf("%d ledger entries, want 3", got)
	}
	// The same again, shown again, and one that comes late change nothing.
	if r := mustIngest(t, tn, said(2, rowan, triage.NoticeDeclined, time.Minute)); !r[0].Duplicate {
		t.Error("sent twice: not seen as such")
	}
	mustIngest(t, tn, said(4, rowan, triage.NoticeShown, 2*time.Minute), said(5, rowan, triage.NoticeAcknowledged, -time.Minute))
	if state(rowan) != triage.NoticeDeclined {
		t.Errorf("rowan %v after older news", state(rowan))
	}
	mustIngest(t, tn, said(6, rowan, triage.NoticeAcknowledged, 3*time.Minute))
	if state(rowan) != triage.NoticeAcknowledged || len(Ledger(t, tn))-before != 4 {
		t.Errorf("rowan %v, %d entries", state(rowan), len(Ledger(t, tn))-before)
	}

	by := audit.Who{User: "u-dsl", Name: "H. Marlow", Via: audit.ViaConsole}
	paper := store.NoticeRecord{Person: Person(3), Version: "autumn-1", State: triage.NoticeOnPaper, At: Start.Add(time.Hour), By: by.Name, With: caseflow.Sealed("sealed")}
	must(t, tn.PutNotice(ctx, paper, by))
	if state(Person(3)) != triage.NoticeOnPaper {
		t.Error("on paper: not kept")
	}
	if all, err := tn.NoticesOf(ctx, "spring-1"); err != nil || len(all) != 0 {
		t.Errorf("another version: %v, %v", all, err)
	}
	if all, err := tn.NoticesOf(ctx, ""); err != nil || len(all) != 3 {
		t.Errorf("every version: %v, %v", all, err)
	}
	for name, bad := range map[string]func(*store.NoticeRecord){
		"nobody":       func(n *store.NoticeRecord) { n.Person = caseflow.PersonKey{} },
		"no version":   func(n *store.NoticeRecord) { n.Version = "" },
		"no state":     func(n *store.NoticeRecord) { n.State = 0 },
		"a long proof": func(n *store.NoticeRecord) { n.With = make([]byte, store.MaxSealed+1) },
	} {
		n := paper
		bad(&n)
		if err := tn.PutNotice(ctx, n, by); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := said(7, rowan, 9, 0)
	if _, err := tn.Ingest(ctx, []triage.Arrival{bad}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("an unknown state: %v", err)
	}
}
