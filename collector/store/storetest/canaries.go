package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

// testCanaries: only an answer to what was asked of that device, in time, proves
// it; a failed answer is not hidden by one that worked.
func testCanaries(t *testing.T, open Open) {
	ctx := t.Context()
	s := opened(t, open)
	tn, other := NewSchool(t, s), NewSchool(t, s)
	Fleet(t, tn, 3)
	for _, id := range []caseflow.DeviceID{"d-0000", "d-0001", "d-0002"} {
		must(t, tn.Report(ctx, []store.DeviceReport{Working(id, Start)}))
	}
	n := 500
	ask := func(id caseflow.DeviceID, nonce byte, at time.Time) {
		t.Helper()
		must(t, tn.AskCanary(ctx, store.Canary{Device: id, Nonce: [16]byte{nonce}, Asked: at, By: audit.System(), Result: triage.CanaryFull}))
	}
	answer := func(id caseflow.DeviceID, nonce byte, at time.Time, result triage.CanaryResult) {
		t.Helper()
		n++
		mustIngest(t, tn, triage.Arrival{Kind: triage.KindCanary, Device: id, Event: Event(n), Seq: uint64(n), Urgent: true, At: at, ReceivedAt: at,
			Canary: &triage.Canary{Nonce: [16]byte{nonce}, Result: result, TookMillis: 1500, Code: "code"}})
	}
	proof := func(now time.Time) store.Proof {
		t.Helper()
		p, err := tn.Proof(ctx, now)
		must(t, err)
		return p
	}
	same(t, "nothing asked", store.Proof{Devices: 3}, proof(Start))

	ask("d-0000", 1, Start)
	answer("d-0001", 1, Start.Add(time.Second), triage.CanaryFull)    // another device's nonce
	answer("d-0000", 2, Start.Add(time.Second), triage.CanaryFull)    // never asked
	answer("d-0000", 1, Start.Add(11*time.Minute), triage.CanaryFull) // late
	same(t, "forged, unasked and late", store.Proof{Devices: 3}, proof(Start))
	ask("d-0000", 3, Start.Add(time.Hour))
	answer("d-0000", 3, Start.Add(time.Hour+2*time.Second), triage.CanaryPartial)
	same(t, "a partial one", store.Proof{Devices: 3}, proof(Start.Add(time.Hour)))
	ask("d-0000", 4, Start.Add(2*time.Hour))
	at := Start.Add(2*time.Hour + 2*time.Second)
	answer("d-0000", 4, at, triage.CanaryFull)
	same(t, "a full one", store.Proof{At: at, Took: 2 * time.Second, Devices: 3, Proved: 1}, proof(at))
	same(t, "a week later", store.Proof{At: at, Took: 2 * time.Second, Devices: 3}, proof(at.Add(store.ProvedFor)))
	page, err := tn.FindDevices(ctx, store.DeviceQuery{Now: Start.Add(time.Minute), Unproved: true})
	must(t, err)
	if page.Total != 2 || page.Counts.Proved != 1 {
		t.Errorf("not proved: %d, proved %d", page.Total, page.Counts.Proved)
	}
	groups, err := tn.Rollup(ctx, Start.Add(time.Minute))
	must(t, err)
	var sum store.StateCount
	for _, g := range groups {
		sum.Add(checks.Pass, g.Proof.Pass)
		sum.Add(checks.Fail, g.Proof.Fail)
	}
	if sum.Pass != 1 || sum.Fail != 0 {
		t.Errorf("rolled up to %+v", groups)
	}

	// Of two desktops one was deaf.
	answer("d-0000", 4, at.Add(time.Second), triage.CanaryFailed)
	answer("d-0000", 4, at.Add(2*time.Second), triage.CanaryFull)
	if p := proof(at); p.Proved != 0 || p.Failed != 1 {
		t.Errorf("a failed desktop beside one that works: %+v", p)
	}
	all, err := tn.Canaries(ctx, "d-0000", 10)
	must(t, err)
	if len(all) != 3 || all[0].Result != triage.CanaryFailed || all[0].Code != "code" || all[0].Took != 1500*time.Millisecond || all[2].Result != 0 || !all[2].Lost(at) {
		t.Errorf("kept %+v", all)
	}
	lines, err := tn.MonitoringChecks(ctx, Start)
	must(t, err)
	if len(lines) != 2 || !lines[0].Automatic || lines[0].Result != checks.Fail || lines[1].Result != checks.Pass {
		t.Errorf("the record says %+v", lines)
	}
	d, err := tn.Device(ctx, "d-0000")
	must(t, err)
	for _, l := range lines {
		if words := l.What + l.Device + l.Note + l.Place; strings.Contains(words, string(d.ID)) || d.Host == "" || strings.Contains(words, d.Host) {
			t.Errorf("the record, which governors read, names a device: %+v", l)
		}
	}
	ask("d-0000", 5, Start.Add(3*time.Hour))
	answer("d-0000", 5, Start.Add(3*time.Hour+time.Second), triage.CanaryFull)
	if p := proof(at); p.Proved != 1 || p.Failed != 0 {
		t.Errorf("after it was mended: %+v", p)
	}
	if p, err := other.Proof(ctx, at); err != nil || p != (store.Proof{}) {
		t.Errorf("another school reads %+v, %v", p, err)
	}
	fails(t, "of no device", tn.AskCanary(ctx, store.Canary{Device: "d-9", Nonce: [16]byte{9}, Asked: at, By: audit.System()}), store.ErrNotFound)
	fails(t, "without nonce", tn.AskCanary(ctx, store.Canary{Device: "d-0000", Asked: at, By: audit.System()}), store.ErrInvalid)
	if page, err := tn.Queue(ctx, caseflow.Actor{System: true}, store.QueueQuery{}); err != nil || page.Total != 0 {
		t.Errorf("canaries made %d cases, %v", page.Total, err)
	}
}
