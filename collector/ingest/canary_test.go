package ingest_test

import (
	"crypto/rand"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/collectortest"
	"github.com/lapwing-schools/lapwing/collector/ingest"
	"github.com/lapwing-schools/lapwing/collector/triage"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// A technician's request reaches a connected device; its answer is kept with the
// request and makes no case.
func TestACanaryIsAskedForAndAnswered(t *testing.T) {
	c := collectortest.Start(t, openBadger)
	d := c.Enrol(t)
	s := greet(t, c, d)
	by := audit.Who{User: "u-1", Name: "T. Reeve", Via: audit.ViaConsole}
	ids := []caseflow.DeviceID{caseflow.DeviceID(d.ID), "d-away"}
	if n := c.Ingest.Prove(c.School.Info().ID, ids, by); n != 1 {
		t.Fatalf("asked %d devices, want the one that is connected", n)
	}
	var nonce []byte
	for nonce == nil {
		m, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		nonce = m.GetCanary().GetNonce()
	}
	b := batch(1)
	b.Lane = lapwingv1.Lane_LANE_URGENT
	e := b.Events[0]
	e.Lane, e.Account = lapwingv1.Lane_LANE_URGENT, ""
	e.Body = &lapwingv1.Event_Canary{Canary: &lapwingv1.CanarySeen{Nonce: nonce, Result: lapwingv1.CanarySeen_RESULT_FULL, TookMs: 700}}
	sendBatch(t, s, b)
	if a := recvAck(t, s); a.Upto != 1 || a.Refused != 0 {
		t.Fatalf("answered with %v", a)
	}
	all, err := c.School.Canaries(t.Context(), caseflow.DeviceID(d.ID), 10)
	if err != nil || len(all) != 1 || all[0].Result != triage.CanaryFull || all[0].By.Name != by.Name {
		t.Fatalf("kept %+v, %v", all, err)
	}
	if p, err := c.School.Proof(t.Context(), c.Clock.Now()); err != nil || p.Proved != 1 {
		t.Errorf("proof %+v, %v", p, err)
	}
}

func TestWhenTheNextCanaryIsDue(t *testing.T) {
	plan := &lapwingv1.Policy{
		Canary: &lapwingv1.CanaryPlan{Minutes: []uint32{8*60 + 50, 13*60 + 15}},
		Schedule: &lapwingv1.Schedule{Zone: "Europe/London", Hours: []*lapwingv1.Hours{{Day: 1, Start: 480, End: 960}, {Day: 5, Start: 480, End: 960}},
			Closed: []*lapwingv1.Dates{{First: 20261130, Last: 20261130}}},
	}
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC) }
	for _, tc := range []struct {
		name      string
		now, want time.Time
	}{
		{"in the morning", at(27, 8, 0), at(27, 8, 51)},
		{"between the two", at(27, 9, 0), at(27, 13, 16)},
		// Monday 30 November is closed, and no other day has hours.
		{"after the last", at(27, 14, 0), time.Date(2026, 12, 4, 8, 51, 0, 0, time.UTC)},
	} {
		if got, ok := ingest.NextCanary(plan, tc.now, time.Minute); !ok || !got.Equal(tc.want) {
			t.Errorf("%s: %v %v, want %v", tc.name, got, ok, tc.want)
		}
	}
	closed := proto.CloneOf(plan)
	closed.Schedule.Terms = []*lapwingv1.Dates{{First: 20270101, Last: 20270401}}
	if at, ok := ingest.NextCanary(closed, at(27, 8, 0), 0); ok {
		t.Errorf("out of term one is due at %v", at)
	}
	if at, ok := ingest.NextCanary(&lapwingv1.Policy{}, at(27, 8, 0), 0); ok {
		t.Errorf("without a plan one is due at %v", at)
	}
}

// The two lists of results are in the same order.
func TestResultsOfCanaries(t *testing.T) {
	for r, want := range map[lapwingv1.CanarySeen_Result]triage.CanaryResult{
		lapwingv1.CanarySeen_RESULT_FULL: triage.CanaryFull, lapwingv1.CanarySeen_RESULT_PARTIAL: triage.CanaryPartial,
		lapwingv1.CanarySeen_RESULT_FAILED: triage.CanaryFailed, lapwingv1.CanarySeen_RESULT_NO_SESSION: triage.CanaryNoSession,
		lapwingv1.CanarySeen_RESULT_ABORTED: triage.CanaryAborted, lapwingv1.CanarySeen_RESULT_LOCKED: triage.CanaryLocked,
	} {
		nonce := make([]byte, 16)
		if _, err := rand.Read(nonce); err != nil {
			t.Fatal(err)
		}
		if got := ingest.CanaryOf(&lapwingv1.CanarySeen{Nonce: nonce, Result: r}); got.Result != want || got.Nonce != [16]byte(nonce) {
			t.Errorf("%v becomes %d, want %d", r, got.Result, want)
		}
	}
}
