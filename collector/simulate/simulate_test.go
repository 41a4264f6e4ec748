package simulate_test

import (
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/simulate"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	"github.com/lapwing-schools/lapwing/collector/store/storetest"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

// TestASchoolHasSomethingOfEverything: each state that the pages show is there,
// nothing is missing and nothing is overwhelming; and a second run adds nothing.
func TestASchoolHasSomethingOfEverything(t *testing.T) {
	s, err := badgerstore.Open(t.TempDir(), badgerstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	tn := storetest.NewSchool(t, s)
	now := storetest.Start.Add(time.Hour)
	o := simulate.Options{Devices: 300, Now: now, Seed: 1, Weeks: 5, Details: true}
	if err := simulate.Fill(t.Context(), tn, o); err != nil {
		t.Fatal(err)
	}
	look := func(now time.Time) (proof store.StateCount, media store.MediaCount, asked, record int) {
		t.Helper()
		groups, err := tn.Rollup(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			proof = store.StateCount{Pass: proof.Pass + g.Proof.Pass, Fail: proof.Fail + g.Proof.Fail, Unknown: proof.Unknown + g.Proof.Unknown}
		}
		weeks, err := tn.Weeks(t.Context(), store.CountedFrom(now))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range weeks {
			media.Add(w.Media)
		}
		page, err := tn.FindDevices(t.Context(), store.DeviceQuery{Now: now, Limit: store.MaxFind})
		if err != nil {
			t.Fatal(err)
		}
		results := map[triage.CanaryResult]int{}
		for _, d := range page.Rows {
			all, err := tn.Canaries(t.Context(), d.Device.ID, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range all {
				asked++
				results[k.Result]++
			}
		}
		for _, r := range []triage.CanaryResult{0, triage.CanaryFull, triage.CanaryPartial, triage.CanaryFailed, triage.CanaryNoSession, triage.CanaryAborted, triage.CanaryLocked} {
			if results[r] == 0 {
				t.Errorf("no test phrase came to %d: %v", r, results)
			}
		}
		checks, err := tn.MonitoringChecks(t.Context(), now.AddDate(-1, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		return proof, media, asked, len(checks)
	}
	proof, media, asked, record := look(now)
	if proof.Pass < 200 || proof.Fail == 0 || proof.Fail > 20 || proof.Unknown == 0 {
		t.Errorf("proofs %+v", proof)
	}
	if media.Permitted <= media.NotPermitted || media.NotPermitted == 0 || media.Clean == 0 || media.Infected == 0 || media.Infected > 15 || media.NotScanned == 0 ||
		media.Unattended == 0 || media.OpenMinutes == 0 || media.OpenMinutes > media.UseMinutes/10 {
		t.Errorf("media and screens %+v", media)
	}
	if asked < 300 || record < 10 {
		t.Errorf("%d test phrases, %d checks in the record", asked, record)
	}
	o.Now = now.Add(time.Hour)
	if err := simulate.Fill(t.Context(), tn, o); err != nil {
		t.Fatal(err)
	}
	if p, m, a, r := look(o.Now); p != proof || m != media || a != asked || r != record {
		t.Errorf("run again: %+v, %+v, %d, %d; before %+v, %+v, %d, %d", p, m, a, r, proof, media, asked, record)
	}
}
