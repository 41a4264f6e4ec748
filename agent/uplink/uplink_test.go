package uplink_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/agent/uplink"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// policies takes any policy but those without a document.
type policies struct {
	mu      sync.Mutex
	applied []*lapwingv1.SignedPolicy
}

func (p *policies) Version() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return uint64(len(p.applied))
}

func (p *policies) Apply(s *lapwingv1.SignedPolicy) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if string(s.GetDocument()) == "bad" {
		return errors.New("bad signature")
	}
	p.applied = append(p.applied, s)
	return nil
}

// device is an agent's uplink with a real spool and a real identity, enrolled
// at a fake collector that is reached in memory. It lives in a synctest bubble.
type device struct {
	t         *testing.T
	collector *fakecollector.Collector
	dir       string
	spool     *spool.Spool
	clock     *identity.Clock
	link      *identity.Link
	uplink    *uplink.Uplink
	policies  policies
	coverage  chan struct{}
	stop      func() error
	n         uint64
}

func newDevice(t *testing.T, c *fakecollector.Collector) *device {
	t.Helper()
	c.Start(t)
	d := &device{t: t, collector: c, dir: t.TempDir(), coverage: make(chan struct{}, 1)}
	elapsed := func(since time.Time) func() time.Duration { return func() time.Duration { return time.Since(since) } }
	d.clock = identity.NewClock("", time.Now().Add(-time.Hour), time.Now, elapsed(time.Now()))
	id, err := identity.Enrol(t.Context(), d.dir, c.Enrolment(), identity.Facts{Hostname: "pc1", OS: "linux", Arch: "amd64"},
		identity.Options{Clock: d.clock.Now, Dial: c.Dial})
	check(t, err)
	d.link = identity.NewLink(id, d.clock, 0.5, c.Dial, uplink.DialOptions()...)
	d.openSpool()
	return d
}

func (d *device) openSpool() {
	d.t.Helper()
	sp, err := spool.Open(spool.Config{Dir: d.dir + "/spool", MinFree: -1, SegmentBytes: 4 << 10})
	check(d.t, err)
	d.spool = sp
	d.t.Cleanup(func() { sp.Close() })
}

// start runs the uplink; it is stopped at the end of the test at the latest.
func (d *device) start() {
	d.t.Helper()
	begin := time.Now()
	var log *slog.Logger
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	d.uplink = uplink.New(uplink.Config{
		Spool: d.spool, Link: d.link, Clock: d.clock, Policy: &d.policies, Log: log,
		Hello: &lapwingv1.Hello{AgentVersion: "test", Os: "linux", Arch: "amd64", Hostname: "pc1", Boot: make([]byte, 16)},
		Now: func() *lapwingv1.DeviceTime {
			return &lapwingv1.DeviceTime{WallMs: time.Now().UnixMilli(), MonoMs: time.Since(begin).Milliseconds(), Boot: make([]byte, 16)}
		},
		Coverage: func() []*lapwingv1.Coverage {
			return []*lapwingv1.Coverage{{Sensor: "text", State: lapwingv1.CoverageState_COVERAGE_STATE_OK, SinceMs: 1}}
		},
		CoverageChanged: d.coverage,
		Sessions:        func() int { return 1 },
		HeartbeatEvery:  func() time.Duration { return time.Minute },
		Jitter:          func() float64 { return 0.5 },
	})
	ctx, cancel := context.WithCancel(d.t.Context())
	done := make(chan error, 1)
	go func() { done <- d.uplink.Run(ctx) }()
	d.stop = sync.OnceValue(func() error { cancel(); return <-done })
	d.t.Cleanup(func() { _ = d.stop() })
}

// put appends n events to a lane, all at once, so that they share fsyncs.
func (d *device) put(l spool.Lane, n int) {
	d.t.Helper()
	var wg sync.WaitGroup
	for range n {
		d.n++
		id := sha256.Sum256(binary.BigEndian.AppendUint64(nil, d.n))
		e, err := uplink.Record(&lapwingv1.Event{
			Id: id[:16], Lane: lapwingv1.Lane(l), Boot: make([]byte, 16), WallMs: time.Now().UnixMilli(),
			Body: &lapwingv1.Event_Tamper{Tamper: &lapwingv1.Tamper{Code: fmt.Sprintf("n%d", d.n), Count: 1}},
		})
		check(d.t, err)
		wg.Go(func() {
			if _, err := d.spool.Append(e); err != nil {
				d.t.Error(err)
			}
		})
	}
	wg.Wait()
}

// arrived waits for n different events and checks the order in each lane.
func (d *device) arrived(n int) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 12*time.Hour)
	defer cancel()
	check(d.t, d.collector.Await(ctx, func() bool { return len(d.collector.Events()) >= n }))
	synctest.Wait()
	events := d.collector.Events()
	if len(events) != n {
		d.t.Errorf("%d events arrived, want %d", len(events), n)
	}
	for _, l := range spool.Lanes() {
		var seqs []uint64
		for _, e := range events {
			if e.GetLane() == lapwingv1.Lane(l) {
				seqs = append(seqs, e.GetSeq())
			}
		}
		for i, s := range seqs {
			if s != uint64(i+1) {
				d.t.Fatalf("%s lane arrived as %v", l, seqs)
			}
		}
	}
}

// emptied waits until the spool holds nothing any more.
func (d *device) emptied() {
	d.t.Helper()
	synctest.Wait()
	if st := d.spool.Stats(); st.Urgent.Records+st.Routine.Records != 0 {
		d.t.Errorf("the spool still holds %+v", st)
	}
}

func bubble(t *testing.T, run func(t *testing.T)) { t.Helper(); synctest.Test(t, run) }

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

func TestRevoked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
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
	bubble(t, func(t *testing.T) {
		d := newDevice(t, &fakecollector.Collector{})
		d.start()
		d.put(spool.Urgent, 100)
		d.put(spool.Routine, 5)
		d.arrived(105)
		d.emptied()
		d.collector.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Reoffer{
			Reoffer: &lapwingv1.ReofferRequest{SinceMs: time.Now().Add(-time.Hour).UnixMilli()}}})
		check(t, d.collector.Await(t.Context(), func() bool { return d.collector.Received() == 205 }))
		d.put(spool.Urgent, 1)
		d.arrived(106)
		d.emptied()
		if n := len(d.collector.Hellos()); n != 1 {
			t.Errorf("%d streams, want 1", n)
		}
	})
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

// Urgent batches go first, and no more than a window of them before an answer.
func TestUrgentFirstAndWindowed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &fakecollector.Collector{}
		var lanes []lapwingv1.Lane
		c.OnBatch = func(b *lapwingv1.Batch) fakecollector.Answer {
			lanes = append(lanes, b.GetLane())
			return fakecollector.Answer{Lose: true}
		}
		d := newDevice(t, c)
		d.put(spool.Routine, 2000)
		d.put(spool.Urgent, 500)
		d.start()
		synctest.Wait()
		u, r := lapwingv1.Lane_LANE_URGENT, lapwingv1.Lane_LANE_ROUTINE
		c.Do(func(*fakecollector.Collector) {
			if want := []lapwingv1.Lane{u, u, u, u, r, r, r, r}; !slices.Equal(lanes, want) {
				t.Errorf("without answers these batches were sent: %v, want %v", lanes, want)
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
