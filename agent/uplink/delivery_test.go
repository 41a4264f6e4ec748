package uplink_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/agent/uplink"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestEventsArriveAndLeaveTheSpool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		d.put(spool.Routine, 300)
		d.put(spool.Urgent, 70)
		d.start()
		d.arrived(370)
		d.emptied()
		begin := time.Now()
		d.put(spool.Urgent, 1)
		d.arrived(371)
		if waited := time.Since(begin); waited > 0 {
			t.Errorf("an urgent event waited %v", waited)
		}
		check(t, ignoreCancelled(d.stop()))
		if got := d.collector.Goodbyes(); !slices.Equal(got, []lapwingv1.Goodbye_Reason{lapwingv1.Goodbye_REASON_SHUTDOWN}) {
			t.Errorf("goodbyes %v", got)
		}
		if st := d.uplink.Status(); st.State != uplink.Stopped {
			t.Errorf("state %s after the end", st.State)
		}
	})
}

func ignoreCancelled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// The collector is away for an hour in the middle of a day's work.
func TestCollectorAwayForAnHour(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		d.start()
		d.put(spool.Urgent, 10)
		d.put(spool.Routine, 10)
		d.arrived(20)
		d.collector.SetDown(true)
		for range 60 {
			time.Sleep(time.Minute)
			d.put(spool.Urgent, 3)
			d.put(spool.Routine, 7)
		}
		if st := d.uplink.Status(); st.State != uplink.Waiting || st.Detail == "" || time.Until(st.RetryAt) > time.Minute {
			t.Errorf("status while away: %+v", st)
		}
		if n := len(d.collector.Events()); n != 20 {
			t.Errorf("%d events at a collector that is away", n)
		}
		d.collector.SetDown(false)
		back := time.Now()
		d.arrived(620)
		d.emptied()
		if took := time.Since(back); took > time.Minute {
			t.Errorf("it took %v to come back, want a minute at most", took)
		}
	})
}

// Whatever the stream does to acknowledgements, each event is kept once.
func TestLostAcknowledgement(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &fakecollector.Collector{}
		first := true
		c.OnBatch = func(b *lapwingv1.Batch) fakecollector.Answer {
			if first {
				first = false
				return fakecollector.Answer{SkipAck: true, Drop: status.Error(codes.Unavailable, "dropped")}
			}
			return fakecollector.Answer{}
		}
		d := newDevice(t, c)
		d.put(spool.Urgent, 5)
		d.start()
		d.arrived(5)
		check(t, c.Await(t.Context(), func() bool { return c.Received() == 10 }))
		d.arrived(5)
		d.emptied()
	})
}

// A batch that vanishes on a stream that stays open is sent again.
func TestUnansweredBatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &fakecollector.Collector{}
		lost := 0
		c.OnBatch = func(b *lapwingv1.Batch) fakecollector.Answer {
			lost++
			return fakecollector.Answer{Lose: lost == 1}
		}
		d := newDevice(t, c)
		d.put(spool.Urgent, 5)
		d.start()
		begin := time.Now()
		d.arrived(5)
		d.emptied()
		if took := time.Since(begin); took < 60*time.Second || took > 3*time.Minute {
			t.Errorf("sent again after %v, want soon after a minute", took)
		}
	})
}

// The collector puts a batch off: nothing is sent for as long as it says, and
// then everything in order, though more had been sent behind it.
func TestRetryAfter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &fakecollector.Collector{}
		var putOffAt, early time.Time
		off := 0
		c.OnBatch = func(b *lapwingv1.Batch) fakecollector.Answer {
			if off < 4 { // the whole window was on its way
				off++
				putOffAt = time.Now()
				return fakecollector.Answer{RetryAfter: 5 * time.Minute}
			}
			if time.Since(putOffAt) < 5*time.Minute {
				early = time.Now()
			}
			return fakecollector.Answer{}
		}
		d := newDevice(t, c)
		d.put(spool.Urgent, 4*64)
		d.start()
		synctest.Wait()
		if st := d.uplink.Status(); st.State != uplink.Waiting || time.Until(st.RetryAt) < 5*time.Minute {
			t.Errorf("status while put off: %+v", st)
		}
		d.put(spool.Routine, 20)
		d.arrived(4*64 + 20)
		d.emptied()
		if !early.IsZero() {
			t.Error("something was sent before the time was up")
		}
	})
}

// The pause outlasts the stream that it was asked on.
func TestRetryAfterSurvivesTheStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &fakecollector.Collector{}
		first := true
		c.OnBatch = func(*lapwingv1.Batch) fakecollector.Answer {
			if first {
				first = false
				return fakecollector.Answer{RetryAfter: 10 * time.Minute, Drop: status.Error(codes.Unavailable, "restarting")}
			}
			return fakecollector.Answer{}
		}
		d := newDevice(t, c)
		d.put(spool.Urgent, 1)
		d.start()
		begin := time.Now()
		d.arrived(1)
		if took := time.Since(begin); took < 10*time.Minute {
			t.Errorf("came back after %v, was told 10 minutes", took)
		}
	})
}
