package storetest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Fleet enrols n devices named d-0000 on, in a group each of four.
func Fleet(t testing.TB, tn store.Tenant, n int) {
	t.Helper()
	for g := range 4 {
		tok := store.Token{Hash: [32]byte{byte(g), 77}, Group: fmt.Sprintf("group-%d", g), Audience: vocab.GroupPupil, Uses: n + 1, Expires: Start.Add(time.Hour), Created: Start}
		must(t, tn.CreateToken(t.Context(), tok))
		for i := g; i < n; i += 4 {
			_, err := tn.Enrol(t.Context(), tok.Hash, store.Device{ID: caseflow.DeviceID(fmt.Sprintf("d-%04d", i)), Host: fmt.Sprintf("PC-%04d", i), OS: "linux"}, Start)
			must(t, err)
		}
	}
}

func said(id caseflow.DeviceID, at time.Time, state checks.State, ids ...string) store.CheckReport {
	r := store.CheckReport{ID: id, At: at, Facts: []store.Fact{{ID: "model", Value: "T14"}}}
	for _, c := range ids {
		r.Checks = append(r.Checks, store.CheckState{ID: c, State: state, Since: at, Detail: "as found"})
	}
	return r
}

// Working is a report of a device on which all sensors work.
func Working(id caseflow.DeviceID, seen time.Time) store.DeviceReport {
	r := store.DeviceReport{ID: id, Seen: seen, AgentVersion: "1.0", Connected: true}
	for _, s := range []string{"text", "window", "usb", "lock", "posture"} {
		r.Coverage = append(r.Coverage, store.SensorState{Sensor: s, State: "ok", Since: seen})
	}
	return r
}

func testDeviceFacts(t *testing.T, open Open) {
	ctx := t.Context()
	s := opened(t, open)
	tn, other := NewSchool(t, s), NewSchool(t, s)
	Fleet(t, tn, 4)

	r, err := tn.Checks(ctx, "d-0000")
	must(t, err)
	same(t, "nothing said yet", store.CheckReport{}, r)
	first := said("d-0000", Start, checks.Pass, checks.Firewall, checks.TPM)
	must(t, tn.ReportChecks(ctx, []store.CheckReport{first, said("nobody", Start, checks.Fail, checks.Firewall)}))
	second := said("d-0000", Start.Add(time.Hour), checks.Pass, checks.Firewall)
	second.Checks = append(second.Checks, store.CheckState{ID: checks.TPM, State: checks.Fail, Since: Start.Add(time.Minute)})
	must(t, tn.ReportChecks(ctx, []store.CheckReport{second}))
	r, err = tn.Checks(ctx, "d-0000")
	must(t, err)
	want := second
	want.Checks[0].Since = Start // as before, so since then
	same(t, "last word", want, r)
	history, err := tn.CheckHistory(ctx, "d-0000", 10)
	must(t, err)
	if len(history) != 3 {
		t.Fatalf("history %+v", history)
	}
	same(t, "newest change", store.CheckChange{At: second.At, Check: checks.TPM, Was: checks.Pass, State: checks.Fail}, history[0])
	if r, err := other.Checks(ctx, "d-0000"); err != nil || len(r.Checks) > 0 {
		t.Errorf("another school reads %v, %v", r, err)
	}
	if r, err := tn.Checks(ctx, "nobody"); err != nil || len(r.Checks) > 0 {
		t.Errorf("a device that is not enrolled has %v, %v", r, err)
	}
	fails(t, "without time", tn.ReportChecks(ctx, []store.CheckReport{{ID: "d-0000"}}), store.ErrInvalid)

	must(t, tn.MoveDevice(ctx, "d-0000", "staff", vocab.GroupStaff, command, Start))
	d, err := tn.Device(ctx, "d-0000")
	must(t, err)
	if d.Group != "staff" || d.Audience != vocab.GroupStaff {
		t.Errorf("moved to %s, %s", d.Group, d.Audience)
	}
	fails(t, "to no group", tn.MoveDevice(ctx, "d-0000", "", vocab.GroupStaff, command, Start), store.ErrInvalid)
	fails(t, "of none", tn.MoveDevice(ctx, "d-9", "staff", vocab.GroupStaff, command, Start), store.ErrNotFound)
	must(t, tn.RetireDevice(ctx, "d-0001", command, Start))
	must(t, tn.RetireDevice(ctx, "d-0001", command, Start.Add(time.Hour)))
	if d, err = tn.Device(ctx, "d-0001"); err != nil || !d.Retired.Equal(Start) || d.Revoked.IsZero() {
		t.Errorf("retired: %v, %v, %v", d.Retired, d.Revoked, err)
	}

	c := store.MonitoringCheck{ID: Event(1), At: Start, What: "Test phrase typed", Device: "Laptop", Place: "Library", Users: "Year 7",
		Result: checks.Pass, Note: "by hand", By: audit.Who{User: "u", Name: "S. Brack", Via: audit.ViaConsole}}
	must(t, tn.PutMonitoringCheck(ctx, c))
	must(t, tn.PutMonitoringCheck(ctx, c)) // the same form again
	late := c
	late.ID, late.At = Event(2), Start.Add(48*time.Hour)
	must(t, tn.PutMonitoringCheck(ctx, late))
	all, err := tn.MonitoringChecks(ctx, Start)
	must(t, err)
	same(t, "record", []store.MonitoringCheck{late, c}, all)
	if all, err = tn.MonitoringChecks(ctx, Start.Add(time.Hour)); err != nil || len(all) != 1 {
		t.Errorf("from later on: %v, %v", all, err)
	}
	fails(t, "without what", tn.PutMonitoringCheck(ctx, store.MonitoringCheck{ID: Event(3), At: Start}), store.ErrInvalid)
	acted := map[audit.Action]int{}
	for _, e := range Ledger(t, tn) {
		acted[e.Action]++
	}
	if acted[audit.DeviceMoved] != 1 || acted[audit.DeviceRetired] != 1 || acted[audit.MonitoringChecked] != 2 {
		t.Errorf("ledger has %v", acted)
	}
}

func aboutMedia(n int, step triage.MediaStep, permitted bool, after time.Duration) triage.Arrival {
	return triage.Arrival{
		Kind: triage.KindMedia, Device: "d-0000", Event: Event(n), Seq: uint64(n) + 1, At: Start.Add(after), ReceivedAt: Start.Add(after),
		Person: Person(7), PersonName: caseflow.Sealed("sealed"), Media: &triage.Media{
			Visit: [16]byte{1}, Step: step, Kind: triage.KindStick, VendorID: "46f4", Vendor: "QEMU", Serial: []byte("hash"), Label: caseflow.Sealed("sealed"),
			FileSystem: "vfat", Size: 16 << 30, Encryption: triage.NotEncrypted, Permitted: permitted, Why: checks.USBNoPermit, Scan: triage.ScanNotAsked,
		},
	}
}

func testMedia(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	Fleet(t, tn, 1)
	arrived, ready := aboutMedia(1, triage.MediaArrived, true, 0), aboutMedia(2, triage.MediaReady, false, time.Second)
	scanned := aboutMedia(3, triage.MediaScanned, false, time.Minute)
	scanned.Media.Scan, scanned.Media.Threats = triage.ScanInfected, []string{"Eicar"}
	mustIngest(t, tn, arrived, scanned)
	mustIngest(t, tn, ready, scanned) // late, and twice
	all, err := tn.Media(ctx, "d-0000", 10)
	must(t, err)
	same(t, "one visit, by its latest step", []store.MediaVisit{{Media: *scanned.Media, Device: "d-0000", Group: "group-0", Arrived: arrived.At, Latest: scanned.At}}, all)
	must(t, tn.KeepWeek(ctx, Start))
	weeks, err := tn.Weeks(ctx, Start)
	must(t, err)
	if len(weeks) != 1 || weeks[0].Media != (store.MediaCount{NotPermitted: 1, Infected: 1}) {
		t.Errorf("week counts %+v", weeks)
	}
	page, err := tn.FindDevices(ctx, store.DeviceQuery{Now: Start.Add(time.Hour), Media: true})
	must(t, err)
	if page.Total != 1 || page.Counts.Media != 1 {
		t.Errorf("devices with such media: %+v", page)
	}

	breach := triage.Arrival{Kind: triage.KindUnattended, Device: "d-0000", Event: Event(4), Seq: 9, At: Start, ReceivedAt: Start, Unattended: &triage.Unattended{Seconds: 420, Limit: 300}}
	lock := func(n int, day, use, locked, open uint32) triage.Arrival {
		return triage.Arrival{Kind: triage.KindLockMinutes, Device: "d-0000", Event: Event(n), Seq: 10, At: Start, ReceivedAt: Start,
			Lock: &triage.LockMinutes{Day: day, InUse: use, Locked: locked, Unattended: open}}
	}
	mustIngest(t, tn, breach, lock(5, 20261123, 10, 2, 7), lock(6, 20261122, 1, 1, 1))
	mustIngest(t, tn, breach, lock(5, 20261123, 10, 2, 7), lock(7, 20261123, 5, 0, 0))
	days, err := tn.LockDays(ctx, "d-0000", 20261123)
	must(t, err)
	monday := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	must(t, tn.KeepWeek(ctx, monday.Add(time.Hour)))
	weeks, err = tn.Weeks(ctx, monday)
	must(t, err)
	if len(weeks) == 0 || weeks[0].Media.OpenMinutes != 7 || weeks[0].Media.UseMinutes != 15 {
		t.Errorf("minutes of the week %+v", weeks)
	}
	same(t, "sums", []store.LockDay{{LockMinutes: triage.LockMinutes{Day: 20261123, InUse: 15, Locked: 2, Unattended: 7}, Breaches: 1}}, days)
	breaches, err := tn.Breaches(ctx, "d-0000", 10)
	must(t, err)
	same(t, "breaches", []store.Breach{{At: Start, Unattended: triage.Unattended{Seconds: 420, Limit: 300}}}, breaches)

	for name, a := range map[string]triage.Arrival{
		"medium without visit": {Kind: triage.KindMedia, Media: &triage.Media{Step: 1}}, "no medium": {Kind: triage.KindMedia},
		"no breach": {Kind: triage.KindUnattended}, "no day": {Kind: triage.KindLockMinutes, Lock: &triage.LockMinutes{}},
	} {
		a.Device, a.Event, a.At, a.ReceivedAt = "d-0000", Event(90), Start, Start
		_, err := tn.Ingest(ctx, []triage.Arrival{a})
		fails(t, name, err, store.ErrInvalid)
	}
}

func testFindDevices(t *testing.T, open Open) {
	ctx := t.Context()
	tn := newTenant(t, open)
	Fleet(t, tn, 8)
	now := Start.Add(time.Hour)
	var reports []store.DeviceReport
	for i := range 7 { // d-0007 has never been seen
		reports = append(reports, Working(caseflow.DeviceID(fmt.Sprintf("d-%04d", i)), now))
	}
	reports[1].Coverage[0] = store.SensorState{Sensor: "text", State: "off", Code: "right_missing"}
	reports[2].Coverage[2] = store.SensorState{Sensor: "usb", State: "off", Code: "unsupported"}
	reports[3].Connected, reports[3].Seen = false, now.Add(-time.Hour)
	reports[4].Connected, reports[4].Goodbye, reports[4].Seen = false, "shutdown", now.Add(-24*time.Hour)
	reports[5].AgentVersion = "0.9"
	must(t, tn.Report(ctx, reports))
	must(t, tn.ReportChecks(ctx, []store.CheckReport{
		said("d-0000", now, checks.Pass, checks.Firewall), said("d-0005", now, checks.Fail, checks.Firewall, checks.TPM),
		said("d-0006", now, checks.Unknown, checks.Firewall), said("d-0001", now, checks.Pass, checks.Firewall),
		said("d-0002", now, checks.Pass, checks.Firewall), said("d-0003", now, checks.Fail, checks.Firewall), said("d-0004", now, checks.Pass, checks.Firewall),
	}))
	find := func(q store.DeviceQuery) (ids []string, page store.DevicePage) {
		t.Helper()
		q.Now = now
		page, err := tn.FindDevices(ctx, q)
		must(t, err)
		for _, r := range page.Rows {
			ids = append(ids, string(r.Device.ID[2:]))
		}
		return ids, page
	}
	ids, page := find(store.DeviceQuery{})
	same(t, "worst first", []string{"0007", "0003", "0005", "0001", "0002", "0006", "0004", "0000"}, ids)
	same(t, "counts", store.DeviceCounts{All: 8, Troubled: 4, Silent: 2, Failing: 2, Unknown: 1, Lacking: 2, Off: 1}, page.Counts)
	same(t, "versions", []string{"0.9", "1.0"}, page.Versions)
	if page.Rows[2].Standing != store.StandsFailing || len(page.Rows[2].Checks) != 2 || len(page.Groups) != 4 {
		t.Errorf("row %+v, groups %v", page.Rows[2], page.Groups)
	}
	for name, c := range map[string]struct {
		q    store.DeviceQuery
		want []string
	}{
		"group": {store.DeviceQuery{Group: "group-1"}, []string{"0005", "0001"}}, "silent": {store.DeviceQuery{Silent: true}, []string{"0007", "0003"}},
		"fails": {store.DeviceQuery{Fails: true}, []string{"0005", "0001"}}, "failing firewall": {store.DeviceQuery{Failing: checks.Firewall}, []string{"0003", "0005"}},
		"unknown": {store.DeviceQuery{Unknown: true}, []string{"0006"}}, "right": {store.DeviceQuery{Right: true}, []string{"0001"}},
		"version": {store.DeviceQuery{Version: "0.9"}, []string{"0005"}}, "search": {store.DeviceQuery{Search: " pc-0006"}, []string{"0006"}},
		"quiet": {store.DeviceQuery{Quiet: 2 * time.Hour}, []string{"0007", "0004"}}, "troubled": {store.DeviceQuery{Troubled: true}, []string{"0007", "0003", "0005", "0001"}},
		"sees text":            {store.DeviceQuery{Check: checks.TypedTextSeen, State: checks.Pass}, []string{"0005", "0002", "0006", "0004", "0000"}},
		"does not see text":    {store.DeviceQuery{Check: checks.TypedTextSeen, State: checks.Fail}, []string{"0001"}},
		"meets every standard": {store.DeviceQuery{Check: checks.EveryStandard, State: checks.Pass}, []string{"0001", "0002", "0004", "0000"}},
		"not proved":           {store.DeviceQuery{Check: checks.ProvedMonitored, State: checks.Pass}, nil},
		"nothing happened":     {store.DeviceQuery{Happened: store.LeftOpen}, nil}, "no such happening": {store.DeviceQuery{Happened: 200}, nil},
		"check in a state": {store.DeviceQuery{Check: checks.Firewall, State: checks.Fail}, []string{"0005"}}, "none": {store.DeviceQuery{OS: "plan9"}, nil},
	} {
		ids, _ := find(c.q)
		same(t, name, c.want, ids)
	}
	testAway(t, tn, find)
	ids, page = find(store.DeviceQuery{Limit: 3})
	more, last := find(store.DeviceQuery{Limit: 5, Cursor: page.Next})
	if len(ids)+len(more) != 8 || last.Next != "" || page.Total != 8 {
		t.Errorf("pages %v and %v, then %q", ids, more, last.Next)
	}
	_, err := tn.FindDevices(ctx, store.DeviceQuery{Limit: 501})
	fails(t, "too much", err, store.ErrInvalid)
	must(t, tn.RetireDevice(ctx, "d-0007", command, now))
	must(t, tn.Revoke(ctx, "d-0003", "lost", command, now))
	if _, page = find(store.DeviceQuery{}); page.Total != 7 || page.Counts.Silent != 0 {
		t.Errorf("without the retired one %+v", page.Counts)
	}
}

// testAway: what is not expected on is counted apart from what is silent, unless
// it was missing before; one that was never heard of stays silent, and one that
// was uninstalled or did not come back from a restart is not off.
func testAway(t *testing.T, tn store.Tenant, find func(store.DeviceQuery) ([]string, store.DevicePage)) {
	t.Helper()
	since := func(at time.Time) func(store.GroupName) time.Time {
		return func(store.GroupName) time.Time { return at }
	}
	now := Start.Add(time.Hour)
	lately, before := since(now.Add(-30*time.Minute)), since(now.Add(-2*time.Hour))
	for name, c := range map[string]struct {
		q    store.DeviceQuery
		want []string
	}{
		"silent, and expected":  {store.DeviceQuery{AwaySince: since(time.Time{}), Silent: true}, []string{"0007", "0003"}},
		"silent since before":   {store.DeviceQuery{AwaySince: lately, Silent: true}, []string{"0007", "0003"}},
		"silent and away":       {store.DeviceQuery{AwaySince: before, Silent: true}, []string{"0007"}},
		"away":                  {store.DeviceQuery{AwaySince: before, Away: true}, []string{"0003"}},
		"unheard":               {store.DeviceQuery{AwaySince: before, Unheard: true}, []string{"0007", "0003"}},
		"troubled but the away": {store.DeviceQuery{AwaySince: before, Troubled: true}, []string{"0007", "0005", "0001"}},
		"away fails nothing":    {store.DeviceQuery{AwaySince: before, Check: checks.Firewall, State: checks.Fail}, []string{"0005"}},
	} {
		ids, page := find(c.q)
		same(t, name, c.want, ids)
		if n := page.Counts; n.Silent+n.Away != 2 {
			t.Errorf("%s: %+v", name, n)
		}
	}
	report := func(goodbye string) {
		r := Working("d-0004", now.Add(-24*time.Hour))
		r.Connected, r.Goodbye = false, goodbye
		must(t, tn.Report(t.Context(), []store.DeviceReport{r}))
	}
	defer report("shutdown")
	for goodbye, want := range map[string]store.DeviceCounts{
		store.GoodbyeRestart: {Troubled: 5, Silent: 3}, store.GoodbyeUninstall: {Troubled: 5, Silent: 2}, "sleep": {Troubled: 4, Silent: 2, Off: 1},
	} {
		report(goodbye)
		_, page := find(store.DeviceQuery{})
		n := page.Counts
		same(t, goodbye, want, store.DeviceCounts{Troubled: n.Troubled, Silent: n.Silent, Off: n.Off})
	}
}

// testRollup: whatever devices say in whatever order, the roll-up counts what
// each said last.
func testRollup(t *testing.T, open Open) {
	s := opened(t, open)
	rapid.Check(t, func(rt *rapid.T) {
		tn := NewSchool(t, s)
		const n = 8
		Fleet(t, tn, n)
		now := Start.Add(time.Hour)
		state := map[int]checks.State{}
		seen := map[int]bool{}
		for range rapid.IntRange(0, 30).Draw(rt, "steps") {
			i := rapid.IntRange(0, n-1).Draw(rt, "device")
			id := caseflow.DeviceID(fmt.Sprintf("d-%04d", i))
			if rapid.Bool().Draw(rt, "heartbeat") {
				must(t, tn.Report(t.Context(), []store.DeviceReport{Working(id, now)}))
				seen[i] = true
				continue
			}
			state[i] = checks.State(rapid.IntRange(0, 2).Draw(rt, "state"))
			must(t, tn.ReportChecks(t.Context(), []store.CheckReport{said(id, now, state[i], checks.Firewall)}))
		}
		groups, err := tn.Rollup(t.Context(), now)
		must(t, err)
		var silent, devices int
		var got, want store.StateCount
		for _, g := range groups {
			c := g.Checks[checks.Firewall]
			got = store.StateCount{Pass: got.Pass + c.Pass, Fail: got.Fail + c.Fail, Unknown: got.Unknown + c.Unknown}
			silent, devices = silent+g.Silent, devices+g.Devices
		}
		for i := range n {
			if seen[i] {
				want.Add(state[i], 1)
			}
		}
		if got != want || silent != n-len(seen) || devices != n {
			rt.Errorf("counted %+v and %d silent of %d; want %+v and %d", got, silent, devices, want, n-len(seen))
		}
		must(t, tn.KeepWeek(t.Context(), now))
		weeks, err := tn.Weeks(t.Context(), now)
		must(t, err)
		same(t, "week", groups, weeks[0].Groups)
	})
}
