package uplink_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/agent/uplink"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestRevoked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		var log bytes.Buffer
		d.log = slog.New(slog.NewTextHandler(&log, nil))
		d.start()
		d.put(spool.Urgent, 1)
		d.arrived(1)
		d.collector.Do(func(c *fakecollector.Collector) { c.Revoked = "laptop was stolen" })
		d.collector.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Revoked{
			Revoked: &lapwingv1.Revoked{Reason: "laptop was stolen"}}})
		synctest.Wait()
		st := d.uplink.Status()
		if st.State != uplink.Revoked || st.Detail != "this device has been revoked: laptop was stolen" {
			t.Errorf("status %+v", st)
		}
		// A person wrote why: it is shown, and not kept in a file.
		if text := log.String(); !strings.Contains(text, "device_revoked") || strings.Contains(text, "stolen") {
			t.Errorf("the log says:\n%s", text)
		}
		hellos := len(d.collector.Hellos())
		d.put(spool.Urgent, 5)
		time.Sleep(25 * time.Minute)
		if n := len(d.collector.Hellos()); n != hellos {
			t.Errorf("%d more streams within 25 minutes of being revoked", n-hellos)
		}
		// A technician changes his mind: nothing was lost meanwhile.
		d.collector.Do(func(c *fakecollector.Collector) { c.Revoked = "" })
		d.arrived(6)
	})
}

func TestUnknownDeviceIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{Refuse: status.Error(codes.PermissionDenied, "not known")})
		d.start()
		synctest.Wait()
		if st := d.uplink.Status(); st.State != uplink.Refused {
			t.Errorf("status %+v", st)
		}
	})
}

// Nor does a certificate that cannot be stored keep a device away.
func TestExpiredOnAFullDisk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		check(t, os.Rename(d.dir+"/identity", d.dir+"/away")) // as good as full
		time.Sleep(40 * 24 * time.Hour)
		d.start()
		synctest.Wait()
		if st := d.uplink.Status(); st.State != uplink.Connected || d.collector.Renewed() != 1 {
			t.Errorf("status %+v after %d renewals", st, d.collector.Renewed())
		}
		// Two thirds on, over the open connection.
		time.Sleep(21 * 24 * time.Hour)
		if n := d.collector.Renewed(); n != 2 {
			t.Errorf("renewed %d times, want 2", n)
		}
	})
}

// A device that was away for too long is told to enrol again, and does not ask
// every minute meanwhile.
func TestTooLongAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var asked atomic.Int32
		d := newDevice(t, &fakecollector.Collector{NoRenewal: status.Error(codes.FailedPrecondition, "Enrol the device again.")})
		d.through(func(ctx context.Context, address string) (net.Conn, error) {
			asked.Add(1)
			return d.collector.Dial(ctx, address)
		})
		time.Sleep(300 * 24 * time.Hour)
		d.start()
		time.Sleep(25 * time.Minute)
		st := d.uplink.Status()
		if st.State != uplink.Refused || !strings.Contains(st.Detail, "Enrol the device again.") {
			t.Errorf("status %+v", st)
		}
		if n := asked.Load(); n != 2 { // the agent door, then the other
			t.Errorf("%d connections in 25 minutes, want 2", n)
		}
	})
}

// Two machines with one identity push each other out; both say so.
func TestAnotherMachineWithThisIdentity(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{Refuse: status.Error(codes.Aborted, "A newer connection of this device took over.")})
		d.start()
		synctest.Wait()
		if st := d.uplink.Status(); st.Code != conditions.IdentityShared || strings.Contains(st.Detail, "rpc error") {
			t.Errorf("status %+v", st)
		}
	})
}

// A collector that ends every stream at once must not be stormed.
func TestStreamsThatEndAtOnceAreBackedOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{Refuse: status.Error(codes.Unavailable, "starting")})
		d.start()
		time.Sleep(10 * time.Minute)
		if n := len(d.collector.Hellos()); n < 5 || n > 30 {
			t.Errorf("%d streams in 10 minutes", n)
		}
	})
}

func TestHeartbeats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		d.start()
		synctest.Wait()
		if n := len(d.collector.Heartbeats()); n != 1 {
			t.Fatalf("%d heartbeats at the start, want 1", n)
		}
		time.Sleep(10*time.Minute + time.Second)
		if n := len(d.collector.Heartbeats()); n != 11 {
			t.Errorf("%d heartbeats after 10 minutes, want 11", n)
		}
		d.coverage <- struct{}{}
		time.Sleep(3 * time.Second)
		hs := d.collector.Heartbeats()
		if len(hs) != 12 {
			t.Errorf("%d heartbeats after a change of coverage, want 12", len(hs))
		}
		if h := hs[0]; len(h.GetCoverage()) != 1 || h.GetSessions() != 1 {
			t.Errorf("heartbeat %v", h)
		}
	})
}

func TestPolicyIsAppliedAndReported(t *testing.T) {
	bubble(t, func(t *testing.T) {
		good := &lapwingv1.SignedPolicy{Document: []byte("good"), Signature: make([]byte, 64)}
		d := newDevice(t, &fakecollector.Collector{Policy: good})
		d.start()
		time.Sleep(5 * time.Second)
		hs := d.collector.Heartbeats()
		if d.policies.Version() != 1 || hs[len(hs)-1].GetPolicyVersion() != 1 {
			t.Errorf("version %d in force, heartbeat says %d", d.policies.Version(), hs[len(hs)-1].GetPolicyVersion())
		}
		d.collector.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Policy{
			Policy: &lapwingv1.SignedPolicy{Document: []byte("bad"), Signature: make([]byte, 64)}}})
		synctest.Wait()
		if st := d.uplink.Status(); st.PolicyError == "" || st.State != uplink.Connected {
			t.Errorf("after a bad policy: %+v", st)
		}
	})
}

// The certificate is renewed at two thirds, and a device that slept through
// that comes back through the other door.
func TestRenewal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		d.start()
		d.put(spool.Urgent, 1)
		d.arrived(1)
		check(t, ignoreCancelled(d.stop()))
		time.Sleep(20*24*time.Hour - 2*time.Hour)
		d.start()
		time.Sleep(time.Minute)
		if n := d.collector.Renewed(); n != 0 {
			t.Errorf("renewed before two thirds of its life")
		}
		time.Sleep(3 * time.Hour)
		if n := d.collector.Renewed(); n != 1 {
			t.Errorf("renewed %d times after 20 days, want 1", n)
		}
		check(t, ignoreCancelled(d.stop()))
		time.Sleep(60 * 24 * time.Hour)
		d.start()
		d.put(spool.Urgent, 1)
		d.arrived(2)
		if n := d.collector.Renewed(); n != 2 {
			t.Errorf("renewed %d times after the holidays, want 2", n)
		}
		id, err := identity.Load(d.dir)
		check(t, err)
		if id.Cert.NotAfter.Before(time.Now()) {
			t.Error("the renewed certificate was not stored")
		}
	})
}

// The agent is stopped in the middle and started again: what was not
// acknowledged goes out again, in order.
func TestRestartInTheMiddle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &fakecollector.Collector{}
		c.OnBatch = func(b *lapwingv1.Batch) fakecollector.Answer {
			return fakecollector.Answer{SkipAck: b.GetEvents()[0].GetSeq() > 64}
		}
		d := newDevice(t, c)
		d.put(spool.Urgent, 200)
		d.start()
		synctest.Wait()
		check(t, ignoreCancelled(d.stop()))
		check(t, d.spool.Close())
		c.Do(func(c *fakecollector.Collector) { c.OnBatch = nil })
		d.openSpool()
		d.start()
		d.arrived(200)
		d.emptied()
	})
}

// The collector was restored from a backup and asks for the last hour again.
func TestReoffer(t *testing.T) {
	for name, wrong := range map[string]time.Duration{"right": 0, "1970": -50 * year, "2056": 30 * year} {
		t.Run(name, func(t *testing.T) { bubble(t, func(t *testing.T) { reoffer(t, wrong) }) })
	}
}

const year = 365 * 24 * time.Hour

func reoffer(t *testing.T, wrong time.Duration) {
	d := newDevice(t, &fakecollector.Collector{})
	d.spool.Close()
	d.clock = identity.NewClock("", time.Now().Add(-90*24*time.Hour), func() time.Time { return time.Now().Add(wrong) }, d.elapsed)
	d.openSpool()
	d.through(d.collector.Dial)
	d.start()
	d.put(spool.Urgent, 100)
	d.put(spool.Routine, 5)
	d.arrived(105)
	d.emptied()
	d.collector.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Reoffer{
		Reoffer: &lapwingv1.ReofferRequest{SinceMs: time.Now().Add(-time.Hour).UnixMilli()}}})
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	check(t, d.collector.Await(soon, func() bool { return d.collector.Received() == 205 }))
	d.put(spool.Urgent, 1)
	d.arrived(106)
	d.emptied()
	if n := len(d.collector.Hellos()); n != 1 {
		t.Errorf("%d streams, want 1", n)
	}
}

// The collector may tell the time without answering a batch.
func TestTimeOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		d.start()
		synctest.Wait()
		d.collector.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Ack{
			Ack: &lapwingv1.Ack{Lane: lapwingv1.Lane_LANE_URGENT, ServerTimeMs: time.Now().Add(-time.Minute).UnixMilli()}}})
		synctest.Wait()
		if st := d.uplink.Status(); !st.SkewKnown || st.Skew != time.Minute {
			t.Errorf("skew %v, %v, want 1m", st.Skew, st.SkewKnown)
		}
		d.put(spool.Urgent, 3)
		d.arrived(3)
		d.emptied()
	})
}

// What of a batch was not committed is sent again.
func TestPartialAcknowledgement(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &fakecollector.Collector{}
		c.OnBatch = func(*lapwingv1.Batch) fakecollector.Answer { return fakecollector.Answer{Keep: 3} }
		d := newDevice(t, c)
		d.put(spool.Urgent, 10)
		d.start()
		begin := time.Now()
		d.arrived(10)
		d.emptied()
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// Urgent batches go first, no more than a window of them before an answer, and
// nothing routine before the last of them: after a week offline a megabyte of
// titles would lie before the second half of the alerts.
func TestUrgentFirstAndWindowed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &fakecollector.Collector{}
		var lanes []lapwingv1.Lane
		answer := fakecollector.Answer{Lose: true}
		c.OnBatch = func(b *lapwingv1.Batch) fakecollector.Answer {
			lanes = append(lanes, b.GetLane())
			return answer
		}
		d := newDevice(t, c)
		d.put(spool.Routine, 2000)
		d.put(spool.Urgent, 500)
		d.start()
		synctest.Wait()
		u, r := lapwingv1.Lane_LANE_URGENT, lapwingv1.Lane_LANE_ROUTINE
		c.Do(func(*fakecollector.Collector) {
			if want := []lapwingv1.Lane{u, u, u, u}; !slices.Equal(lanes, want) {
				t.Errorf("without answers these batches were sent: %v, want %v", lanes, want)
			}
			lanes, answer = nil, fakecollector.Answer{}
		})
		c.SetDown(true)
		c.SetDown(false)
		d.arrived(2500)
		d.emptied()
		c.Do(func(*fakecollector.Collector) {
			if n := slices.Index(lanes, r); n != 8 || slices.Contains(lanes[n:], u) {
				t.Errorf("the batches came in this order: %v, want 8 urgent ones first", lanes)
			}
		})
	})
}

// A certificate that ended while the device slept is renewed before anything
// else is tried, and only then.
func TestExpiredCertificateIsRenewedFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		// The device's clock is exact and knows that the certificate has ended.
		d.clock.Observe(time.Now())
		time.Sleep(31 * 24 * time.Hour)
		d.start()
		synctest.Wait()
		if n := d.collector.Renewed(); n != 1 {
			t.Errorf("renewed %d times, want 1", n)
		}
		if st := d.uplink.Status(); st.State != uplink.Connected {
			t.Errorf("status %+v: it was refused once before", st)
		}
	})
}

// A collector whose clock stands in the year 2099 for a day must not be
// refused by its devices when it is right again.
func TestCollectorWithAWrongClock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		d.start()
		synctest.Wait()
		for _, wrong := range []time.Duration{80 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour} {
			d.collector.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Ack{
				Ack: &lapwingv1.Ack{Lane: lapwingv1.Lane_LANE_URGENT, ServerTimeMs: time.Now().Add(wrong).UnixMilli()}}})
			synctest.Wait()
			if now, exact := d.clock.Now(); exact {
				t.Errorf("believed that it is %v", now)
			}
			if st := d.uplink.Status(); !st.SkewKnown || st.Skew.Round(time.Second) != -wrong {
				t.Errorf("skew %v, want %v", st.Skew, -wrong)
			}
		}
		d.collector.SetDown(true)
		synctest.Wait()
		d.collector.SetDown(false)
		d.put(spool.Urgent, 1)
		d.arrived(1)
	})
}
