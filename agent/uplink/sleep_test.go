package uplink_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/agent/uplink"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// said is what the collector was told, goodbyes in order.
func (d *device) said(want ...lapwingv1.Goodbye_Reason) {
	d.t.Helper()
	if got := d.collector.Goodbyes(); !slices.Equal(got, want) {
		d.t.Errorf("goodbyes %v, want %v", got, want)
	}
}

// A lid that closes is told before the machine sleeps, and nothing is sent
// until it is awake.
func TestSleepIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		d.start()
		d.put(spool.Urgent, 1)
		d.arrived(1)
		d.uplink.Sleep(t.Context())
		d.said(lapwingv1.Goodbye_REASON_SLEEP)
		d.uplink.Sleep(t.Context()) // said twice, told once
		d.put(spool.Urgent, 1)      // on its way into sleep
		synctest.Wait()
		if st := d.uplink.Status(); st.State != uplink.Waiting || len(d.collector.Hellos()) != 1 {
			t.Errorf("while asleep: %v, %d connections", st.State, len(d.collector.Hellos()))
		}
		d.sleep(9 * time.Hour)
		begin := time.Now()
		d.uplink.Wake()
		d.arrived(2)
		if waited := time.Since(begin); waited > 5*time.Second {
			t.Errorf("the machine woke %v before the event went out", waited)
		}
		check(t, ignoreCancelled(d.stop()))
		d.said(lapwingv1.Goodbye_REASON_SLEEP, lapwingv1.Goodbye_REASON_SHUTDOWN)
	})
}

// Without a word of waking, the clocks tell; and a sleep that was called off
// ends by itself.
func TestSleepWithoutWake(t *testing.T) {
	for name, hours := range map[string]time.Duration{"slept": 8, "called off": 0} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := newDevice(t, &fakecollector.Collector{})
				d.start()
				d.put(spool.Urgent, 1)
				d.arrived(1)
				d.uplink.Sleep(t.Context())
				d.sleep(hours * time.Hour)
				begin := time.Now()
				d.put(spool.Urgent, 1)
				d.arrived(2)
				if waited := time.Since(begin); waited > 2*time.Minute {
					t.Errorf("away for %v", waited)
				}
			})
		})
	}
}

// A machine sleeps when it likes: with a collector that is away, or that does
// not answer, Sleep comes back; Wake shortens the wait for the next attempt.
func TestSleepWithoutCollector(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		d.start()
		d.put(spool.Urgent, 1)
		d.arrived(1)
		d.collector.SetDown(true)
		time.Sleep(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		d.uplink.Sleep(ctx)
		if waited := time.Since(begin); waited > 3*time.Second {
			t.Errorf("the machine was kept awake for %v", waited)
		}
		d.said()
		d.sleep(time.Hour)
		d.collector.SetDown(false)
		begin = time.Now()
		d.uplink.Wake()
		d.put(spool.Urgent, 1)
		d.arrived(2)
		if waited := time.Since(begin); waited > 5*time.Second {
			t.Errorf("the machine woke %v before the event went out", waited)
		}
	})
}
