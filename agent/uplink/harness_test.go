package uplink_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

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
	log       *slog.Logger // nil: none, unless the test is verbose
	stop      func() error
	asleep    atomic.Int64 // nanoseconds that the machine has slept
	n         uint64
	booted    time.Time
}

// elapsed goes on while the machine sleeps; the bubble's timers do not.
func (d *device) elapsed() time.Duration {
	return time.Since(d.booted) + time.Duration(d.asleep.Load())
}

// wall is the machine's clock, which is right after a sleep too.
func (d *device) wall() time.Time { return time.Now().Add(time.Duration(d.asleep.Load())) }

// sleep closes the lid.
func (d *device) sleep(long time.Duration) { d.asleep.Add(int64(long)) }

func newDevice(t *testing.T, c *fakecollector.Collector) *device {
	t.Helper()
	c.Start(t)
	d := &device{t: t, collector: c, dir: t.TempDir(), coverage: make(chan struct{}, 1)}
	d.booted = time.Now()
	d.clock = identity.NewClock("", time.Now().Add(-time.Hour), d.wall, d.elapsed)
	id, err := identity.Enrol(t.Context(), d.dir, c.Enrolment(), identity.Facts{Hostname: "pc1", OS: "linux", Arch: "amd64"},
		identity.Options{Clock: d.clock.Now, Dial: c.Dial})
	check(t, err)
	d.link = identity.NewLink(id, d.clock, 0.5, c.Dial, options)
	d.openSpool()
	return d
}

func (d *device) openSpool() {
	d.t.Helper()
	sp, err := spool.Open(spool.Config{Dir: d.dir + "/spool", MinFree: -1, SegmentBytes: 4 << 10,
		Now: func() time.Time { return d.clock.Reckoned() }}) // as the service has it
	check(d.t, err)
	d.spool = sp
	d.t.Cleanup(func() { sp.Close() })
}

// start runs the uplink; it is stopped at the end of the test at the latest.
func (d *device) start() {
	d.t.Helper()
	begin := time.Now()
	log := d.log
	if log == nil && testing.Verbose() {
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
		Elapsed:         d.elapsed, Code: identity.Code,
		HeartbeatEvery: func() time.Duration { return time.Minute },
		Jitter:         func() float64 { return 0.5 },
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

func options(string) []grpc.DialOption { return uplink.DialOptions(time.Minute) }
