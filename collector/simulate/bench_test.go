package simulate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/simulate"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	"github.com/lapwing-schools/lapwing/collector/store/storetest"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

// benchFleet is a trust of n devices, each with a report and all checks.
func benchFleet(b *testing.B, n int) (store.Tenant, time.Time) {
	b.Helper()
	s, err := badgerstore.Open(b.TempDir(), badgerstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	tn := storetest.NewSchool(b, s)
	now := storetest.Start.Add(time.Hour)
	if err := simulate.Fill(b.Context(), tn, simulate.Options{Devices: n, Groups: 200, Now: now, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	return tn, now
}

// BenchmarkTrust answers what the pages ask, of 100,000 devices.
func BenchmarkTrust(b *testing.B) {
	const n = 100_000
	tn, now := benchFleet(b, n)
	b.Run("Rollup", func(b *testing.B) {
		for b.Loop() {
			groups, err := tn.Rollup(b.Context(), now)
			if err != nil || len(groups) != 200 {
				b.Fatal(len(groups), err)
			}
		}
	})
	for name, q := range map[string]store.DeviceQuery{
		"All": {}, "Troubled": {Troubled: true}, "Failing": {Failing: checks.DiskEncryption}, "Search": {Search: "lt-0471"},
	} {
		b.Run("Find"+name, func(b *testing.B) {
			q.Now = now
			for b.Loop() {
				if p, err := tn.FindDevices(b.Context(), q); err != nil || p.Counts.All == 0 && q.Search == "" {
					b.Fatal(p.Counts, err)
				}
			}
		})
	}
	b.Run("Device", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := tn.Device(b.Context(), caseflow.DeviceID(fmt.Sprintf("sim-%06d", i%n))); err != nil {
				b.Fatal(err)
			}
		}
	})
}
