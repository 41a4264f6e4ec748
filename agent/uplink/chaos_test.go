package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// moody answers batches in any way that a collector or a network may.
func moody(r *rand.Rand) func(*lapwingv1.Batch) fakecollector.Answer {
	return func(b *lapwingv1.Batch) fakecollector.Answer {
		a := fakecollector.Answer{}
		switch r.IntN(8) {
		case 0:
			a.SkipAck = true
		case 1:
			a.Lose = true
		case 2:
			a.RetryAfter = time.Duration(1+r.IntN(30_000)) * time.Millisecond
		case 3:
			a.Keep = 1 + r.IntN(len(b.GetEvents()))
		}
		if r.IntN(6) == 0 {
			a.Delay = time.Duration(r.IntN(20_000)) * time.Millisecond
		}
		// An acknowledgement covers all before it: after anything that was not
		// kept, a collector that goes on must not answer the next batch.
		if a.SkipAck || a.Lose || a.RetryAfter > 0 || a.Keep > 0 || r.IntN(6) == 0 {
			a.Drop = status.Error(codes.Unavailable, "moody")
		}
		return a
	}
}

// An hour and more with a bad network and a moody collector: every event arrives in
// the end, and none before an older one of its lane.
func TestABadAfternoon(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 1))
				c := &fakecollector.Collector{OnBatch: moody(rand.New(rand.NewPCG(seed, 2)))}
				d := newDevice(t, c)
				d.start()
				total := 0
				for range 40 {
					time.Sleep(time.Duration(r.IntN(240)) * time.Second)
					n := r.IntN(12)
					d.put(spool.Lanes()[r.IntN(2)], n)
					total += n
					c.SetDown(r.IntN(4) == 0)
				}
				c.SetDown(false)
				c.Do(func(c *fakecollector.Collector) { c.OnBatch = nil })
				d.arrived(total)
				time.Sleep(10 * time.Minute)
				d.emptied()
				if got := len(slices.Compact(d.collector.Events())); got != total {
					t.Errorf("%d events, want %d", got, total)
				}
			})
		})
	}
}
