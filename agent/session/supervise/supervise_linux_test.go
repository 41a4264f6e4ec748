package supervise_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/agent/canary"
	"github.com/lapwing-schools/lapwing/agent/ipc"
	"github.com/lapwing-schools/lapwing/agent/session"
	"github.com/lapwing-schools/lapwing/agent/session/supervise"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// childMode is the variable that makes this test binary a session process.
const childMode = "LAPWING_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		os.Exit(child(mode))
	}
	goleak.VerifyTestMain(m)
}

// child is a session process: the real one, or one that misbehaves.
func child(mode string) int {
	// A test with C in it gives up new privileges on the thread that asks, and no other.
	runtime.LockOSThread()
	conn, err := ipc.Inherited()
	if err != nil {
		return 3
	}
	if mode == "real" || mode == "hasty" {
		cfg := session.Config{
			Conn: conn, Desktop: session.DesktopOf(os.Getenv), Now: time.Now,
			Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		}
		if mode == "hasty" {
			cfg.Canary = canary.Times{Quiet: 500 * time.Millisecond, Patience: 6 * time.Second, Retry: time.Second, Hear: 2 * time.Second}
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // as main does
		defer stop()
		err := session.Run(ctx, cfg)
		if err != nil {
			return 1
		}
		return 0
	}
	return misbehave(mode, conn)
}

func misbehave(mode string, conn *ipc.SessionConn) int {
	send := func(m *lapwingv1.SessionMessage) { _ = conn.Send(m) }
	hit := func(seq uint64) {
		send(&lapwingv1.SessionMessage{Kind: &lapwingv1.SessionMessage_Hit{Hit: &lapwingv1.Hit{
			Seq: seq, CaptureId: 1, Capture: goodCapture(),
		}}})
	}
	if mode != "mute" {
		send(&lapwingv1.SessionMessage{Kind: &lapwingv1.SessionMessage_Hello{Hello: &lapwingv1.SessionHello{Protocol: ipc.Protocol, Pid: uint32(os.Getpid())}}})
	}
	switch mode {
	case "obedient":
		send(&lapwingv1.SessionMessage{Kind: &lapwingv1.SessionMessage_Status{Status: &lapwingv1.SessionStatus{}}})
		for {
			if m, err := conn.Receive(); err != nil || m.GetStop() != nil {
				return 0
			}
		}
	case "killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "last words":
		hit(1)
		return 0
	case "gap":
		hit(2)
	case "invalid":
		send(&lapwingv1.SessionMessage{Kind: &lapwingv1.SessionMessage_Hit{Hit: &lapwingv1.Hit{Seq: 1}}})
	case "lock":
		send(&lapwingv1.SessionMessage{Kind: &lapwingv1.SessionMessage_Lock{Lock: &lapwingv1.LockReport{Minutes: &lapwingv1.LockMinutes{Day: 20261123, InUse: 7}}}})
	case "hits":
		for seq := range uint64(3) {
			hit(seq + 1)
		}
	}
	// Neither reads nor ends: only a kill helps.
	time.Sleep(time.Hour)
	return 0
}

func goodCapture() *lapwingv1.Capture {
	return &lapwingv1.Capture{
		Categories: []string{"violence"}, Severity: lapwingv1.Severity_SEVERITY_HIGH, Level: lapwingv1.Level_LEVEL_ALERT,
		Source: lapwingv1.Source_SOURCE_TYPED_TEXT, Excerpt: "an excerpt", App: "editor", Count: 1,
		Rules: []*lapwingv1.RuleHit{{
			Rule: "violence.example", Version: 1, Pack: "core", Reading: "plain",
			Severity: lapwingv1.Severity_SEVERITY_HIGH, Level: lapwingv1.Level_LEVEL_ALERT, Title: "Example",
		}},
	}
}

// service records what a supervisor tells it.
type service struct {
	t *testing.T

	mu       sync.Mutex
	cond     *sync.Cond
	hits     []*lapwingv1.Hit
	locks    []*lapwingv1.LockReport
	statuses []*lapwingv1.SessionStatus
	canaries []*lapwingv1.CanarySeen
	tampered uint32
	ends     int
	failures int // how often OnHit fails before it works
	look     time.Duration
}

func newService(t *testing.T) *service {
	s := &service{t: t}
	s.cond = sync.NewCond(&s.mu)
	return s
}

func (s *service) run(env []string, mode string) (sup *supervise.Supervisor, stop func()) {
	s.t.Helper()
	cfg := supervise.Config{
		Command: []string{os.Args[0]},
		Target:  supervise.Target{ID: "test", UID: uint32(os.Geteuid()), Env: append(env, childMode+"="+mode)},
		OnHit:   s.hit, OnLock: s.lock, OnStatus: s.status, OnCanary: s.canary, OnTamper: s.tamper,
		Stderr: os.Stderr, Log: slog.New(slog.DiscardHandler), Now: time.Now, LookEvery: s.look,
	}
	sup, err := supervise.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := sup.Run(ctx); err != nil {
			s.t.Errorf("supervisor: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	s.t.Cleanup(stop)
	return sup, stop
}

func (s *service) hit(_ context.Context, h *lapwingv1.Hit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures > 0 {
		s.failures--
		s.cond.Broadcast()
		return errors.New("disk full")
	}
	s.hits = append(s.hits, h)
	s.cond.Broadcast()
	return nil
}

func (s *service) lock(_ context.Context, r *lapwingv1.LockReport) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures > 0 {
		s.failures--
		s.cond.Broadcast()
		return errors.New("disk full")
	}
	s.locks = append(s.locks, r)
	s.cond.Broadcast()
	return nil
}

func (s *service) status(st *lapwingv1.SessionStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st == nil {
		s.ends++
	}
	s.statuses = append(s.statuses, st)
	s.cond.Broadcast()
}

func (s *service) canary(c *lapwingv1.CanarySeen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.canaries = append(s.canaries, c)
	s.cond.Broadcast()
}

func (s *service) tamper(count uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tampered += count
	s.cond.Broadcast()
}

func (s *service) await(what string, ok func() bool) {
	s.t.Helper()
	const bound = 20 * time.Second
	late := time.AfterFunc(bound, s.cond.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(bound)
	s.mu.Lock()
	defer s.mu.Unlock()
	for !ok() {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %s: %d hits, %d statuses, %d ends", what, len(s.hits), len(s.statuses), s.ends)
		}
		s.cond.Wait()
	}
}

func TestLockReportsAreTriedAgain(t *testing.T) {
	s := newService(t)
	s.failures = 1
	s.run(os.Environ(), "lock")
	s.await("the report", func() bool { return len(s.locks) == 1 })
	if m := s.locks[0].GetMinutes(); m.GetInUse() != 7 {
		t.Errorf("got %v", m)
	}
}

func TestHitsArriveInOrderAndAreTriedAgain(t *testing.T) {
	s := newService(t)
	s.failures = 1
	_, stop := s.run(os.Environ(), "hits")
	s.await("three hits", func() bool { return len(s.hits) == 3 })
	for i, h := range s.hits {
		if h.Seq != uint64(i)+1 {
			t.Errorf("hit %d has sequence number %d", i, h.Seq)
		}
	}
	// The child ignores the stop; it must be killed, within the bound.
	start := time.Now()
	stop()
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("stop took %v", took)
	}
}

func TestBadSessionsAreEnded(t *testing.T) {
	for _, mode := range []string{"gap", "invalid"} {
		t.Run(mode, func(t *testing.T) {
			s := newService(t)
			s.run(os.Environ(), mode)
			s.await("the end of a bad session", func() bool { return s.ends > 0 })
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.hits) != 0 {
				t.Errorf("%d bad hits were kept", len(s.hits))
			}
			if s.tampered != 0 {
				t.Error("our own kill was taken for tampering")
			}
		})
	}
}

func TestRepeatedKillsAreTampering(t *testing.T) {
	s := newService(t)
	s.run(os.Environ(), "killed")
	s.await("tampering", func() bool { return s.tampered > 0 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tampered != supervise.TamperKills || s.ends < supervise.TamperKills {
		t.Errorf("tampering told with %d kills after %d ends", s.tampered, s.ends)
	}
}

// testPack has one rule, so that this test does not depend on the words of the
// packs that schools get.
const testPack = `
pack: test
version: 1
title: Test
language: en-GB
review: reviewed
sources: [own work]
rules:
  - id: test-intent
    version: 1
    title: Says they want to kill themselves
    category: suicide
    four_c: conduct
    severity: critical
    level: alert
    phrases: ["want to kill myself"]
`

func policy(t *testing.T, version uint64, places ...*lapwingv1.Place) *inForce {
	t.Helper()
	pack, problems := rulepack.Parse("test.yaml", []byte(testPack))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	rules, err := rulepack.Compile([]rulepack.Pack{pack})
	if err != nil {
		t.Fatal(err)
	}
	document, err := proto.Marshal(&lapwingv1.Policy{Version: version, School: "test", IssuedMs: 1, Rules: rules, Group: "test", Places: places})
	if err != nil {
		t.Fatal(err)
	}
	return &inForce{whole: &lapwingv1.SignedPolicy{Document: document, Signature: make([]byte, 64)}}
}

// inForce is a policy that cannot be read the first times.
type inForce struct {
	whole    *lapwingv1.SignedPolicy
	failures atomic.Int32
}

func (p *inForce) Signed() (*lapwingv1.SignedPolicy, error) {
	if p.failures.Add(-1) >= 0 {
		return nil, errors.New("the disk does not answer")
	}
	return p.whole, nil
}

// TestPhraseOnARealDesktop runs the real session process: a phrase of the rule
// packs comes out as a hit, a sentence that matches nothing does not, and the
// process is started again after kill -9.
func TestPhraseOnARealDesktop(t *testing.T) {
	ctx := t.Context()
	d, err := desktop.Start(ctx, desktop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop()
	s := newService(t)
	sup, stop := s.run(d.Env(), "real")
	p := policy(t, 1)
	p.failures.Store(1) // it is asked again
	sup.SetPolicy(p)
	s.await("a status with all sensors", func() bool { return s.settled() })
	s.open(d, "mousepad")
	s.typeUntilHit(d, "i want to kill myself")
	hits, ends, before := s.sofar()
	for _, h := range hits {
		if h.Capture.App != "mousepad" || !slices.Contains(h.Capture.Categories, "suicide") || strings.Contains(h.Capture.Excerpt, "kingfisher") {
			t.Errorf("hit %v", h)
		}
	}

	pid := s.childPID("real")
	s.checkHardened(pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.await("the end of the killed process", func() bool { return s.ends > ends })
	s.await("a status of the next process", func() bool { return len(s.statuses) > before+1 && s.settled() })
	stop()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", pid, err)
	}
}

func (s *service) sofar() (hits []*lapwingv1.Hit, ends, statuses int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hits), s.ends, len(s.statuses)
}

// settled reports whether the last status knows all its sensors.
func (s *service) settled() bool {
	if len(s.statuses) == 0 || s.statuses[len(s.statuses)-1] == nil {
		return false
	}
	rows := s.statuses[len(s.statuses)-1].Coverage
	return len(rows) == 3 && !slices.ContainsFunc(rows, func(c *lapwingv1.Coverage) bool {
		return c.State == lapwingv1.CoverageState_COVERAGE_STATE_UNKNOWN
	})
}

// typeUntilHit types an unmatched sentence and then the phrase. The editor may
// not have the focus inside its window yet, so the phrase is typed again.
func (s *service) typeUntilHit(d *desktop.Desktop, phrase string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		for _, text := range []string{"the kingfisher sat on the branch.\n", phrase + "\n"} {
			if err := d.Type(ctx, text); err != nil {
				s.t.Fatal(err)
			}
		}
		s.mu.Lock()
		n := len(s.hits)
		s.mu.Unlock()
		if n > 0 {
			return
		}
	}
	s.t.Fatal("the phrase made no hit")
}

// open starts a program and gives its window the focus.
func (s *service) open(d *desktop.Desktop, program string, args ...string) {
	s.t.Helper()
	if _, err := d.Start(program, args...); err != nil {
		s.t.Fatal(err)
	}
	w, err := d.Window(s.t.Context(), program)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := d.Activate(s.t.Context(), w); err != nil {
		s.t.Fatal(err)
	}
}

// childPID finds the one child of this process that is a session.
func (s *service) childPID(mode string) int {
	s.t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		env, _ := os.ReadFile("/proc/" + e.Name() + "/environ")
		status, _ := os.ReadFile("/proc/" + e.Name() + "/status")
		if strings.Contains(string(env), childMode+"="+mode) && strings.Contains(string(status), "PPid:\t"+strconv.Itoa(os.Getpid())+"\n") {
			return pid
		}
	}
	s.t.Fatal("no session process found")
	return 0
}

func (s *service) checkHardened(pid int) {
	s.t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		s.t.Fatal(err)
	}
	limits, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/limits")
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.Contains(string(status), "NoNewPrivs:\t1\n") {
		s.t.Error("the process may gain privileges")
	}
	for line := range strings.Lines(string(limits)) {
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok && strings.Fields(rest)[1] != "0" {
			s.t.Errorf("core files: %s", rest)
		}
	}
}
