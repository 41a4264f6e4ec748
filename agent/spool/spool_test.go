package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// powerEnv makes the test binary a process that works until the power goes.
const powerEnv = "LAPWING_SPOOL_POWER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		appendForEver(dir)
	}
	if dir := os.Getenv(powerEnv); dir != "" {
		workForEver(dir)
	}
	if engine := os.Getenv(loadEnv); engine != "" {
		loadWith(engine)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, cfg Config) *Spool {
	t.Helper()
	if cfg.MinFree == 0 {
		cfg.MinFree = -1
	}
	s, err := Open(cfg)
	check(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t testing.TB, s *Spool, l Lane, payload string) uint64 {
	t.Helper()
	r, err := s.Append(Event{Lane: l, Payload: []byte(payload), Category: "bullying", Wall: time.Now()})
	check(t, err)
	return r.Seq
}

func drain(t testing.TB, s *Spool, l Lane) []Entry {
	t.Helper()
	var out []Entry
	for {
		es, err := s.Lease(l, 7, 1<<20)
		check(t, err)
		if len(es) == 0 {
			return out
		}
		out = append(out, es...)
	}
}

func texts(es []Entry) []string {
	var out []string
	for _, e := range es {
		out = append(out, string(e.Payload))
	}
	return out
}

func TestOrderIsKeptByLane(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), SegmentBytes: 300})
	var want [2][]string
	for i := range 40 {
		l := Lanes()[i%2]
		p := fmt.Sprintf("%s %d", l, i)
		if seq := put(t, s, l, p); seq != uint64(i/2+1) {
			t.Fatalf("append %d got number %d", i, seq)
		}
		want[l-1] = append(want[l-1], p)
	}
	for _, l := range Lanes() {
		if got := texts(drain(t, s, l)); !slices.Equal(got, want[l-1]) {
			t.Errorf("%s: got %q, want %q", l, got, want[l-1])
		}
	}
}

func TestLeaseLimits(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	for range 10 {
		put(t, s, Urgent, strings.Repeat("x", 1000))
	}
	es, err := s.Lease(Urgent, 3, 1<<20)
	if check(t, err); len(es) != 3 {
		t.Errorf("leased %d records, want 3", len(es))
	}
	es, err = s.Lease(Urgent, 100, 2500)
	if check(t, err); len(es) != 3 {
		t.Errorf("leased %d records with 2500 bytes, want 3", len(es))
	}
	es, err = s.Lease(Urgent, 100, 1)
	if check(t, err); len(es) != 1 {
		t.Errorf("leased %d records with 1 byte, want the one that comes next", len(es))
	}
}

func TestAckRollbackRestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	for i := range 10 {
		put(t, s, Urgent, fmt.Sprint(i+1))
	}
	if err := s.Ack(Urgent, 3); !errors.Is(err, ErrNotLeased) {
		t.Errorf("Ack before Lease: %v, want ErrNotLeased", err)
	}
	drain(t, s, Urgent)
	check(t, s.Ack(Urgent, 4))
	check(t, s.Ack(Urgent, 4))
	if err := s.Ack(Urgent, 11); !errors.Is(err, ErrNotLeased) {
		t.Errorf("Ack beyond what was leased: %v, want ErrNotLeased", err)
	}
	want := []string{"5", "6", "7", "8", "9", "10"}
	s.Rollback(Urgent)
	if got := texts(drain(t, s, Urgent)); !slices.Equal(got, want) {
		t.Errorf("after Rollback: %q, want %q", got, want)
	}
	check(t, s.Close())
	s = open(t, Config{Dir: dir})
	if got := s.Stats().Urgent.Records; got != 6 {
		t.Errorf("after restart %d records, want 6", got)
	}
	if got := texts(drain(t, s, Urgent)); !slices.Equal(got, want) {
		t.Errorf("after restart: %q, want %q", got, want)
	}
}

// Numbers must not come back, whether the files that held them are gone or not.
func TestNumbersAreNeverUsedTwice(t *testing.T) {
	dir := t.TempDir()
	var last uint64
	for range 5 {
		s := open(t, Config{Dir: dir, SegmentBytes: 1})
		for range 2 {
			seq := put(t, s, Routine, "x")
			if seq <= last {
				t.Fatalf("number %d after %d", seq, last)
			}
			last = seq
		}
		drain(t, s, Routine)
		check(t, s.Ack(Routine, last))
		check(t, s.Close())
	}
	s := open(t, Config{Dir: dir})
	if n := s.Stats().DiskBytes; n != 0 {
		t.Errorf("%d bytes of segments left after everything was acknowledged", n)
	}
}

// Also when the state is unreadable and no segment is left to tell.
func TestNumbersSurviveALostState(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, SegmentBytes: 1})
	seq := put(t, s, Urgent, "x")
	drain(t, s, Urgent)
	check(t, s.Ack(Urgent, seq))
	check(t, s.Close())
	check(t, os.WriteFile(filepath.Join(dir, stateName), []byte(strings.Repeat("junk", 2048)), 0o600))
	s = open(t, Config{Dir: dir})
	if again := put(t, s, Urgent, "y"); again <= seq {
		t.Errorf("number %d after %d", again, seq)
	}
	if s.Stats().DamagedSegments == 0 {
		t.Error("the lost state was not counted")
	}
}

func TestAppendRefuses(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	for _, p := range [][]byte{nil, make([]byte, MaxPayload+1)} {
		if _, err := s.Append(Event{Lane: Urgent, Payload: p}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes: %v, want ErrTooLarge", len(p), err)
		}
	}
	if _, err := s.Append(Event{Lane: 3, Payload: []byte("x")}); err == nil {
		t.Error("lane 3 was accepted")
	}
	put(t, s, Urgent, strings.Repeat("x", MaxPayload))
	if es := drain(t, s, Urgent); len(es) != 1 || len(es[0].Payload) != MaxPayload {
		t.Error("the longest payload did not come back")
	}
	check(t, s.Close())
	if _, err := s.Append(Event{Lane: Urgent, Payload: []byte("x")}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
	if _, err := s.Lease(Urgent, 1, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Lease after Close: %v, want ErrClosed", err)
	}
	if err := s.Ack(Urgent, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Ack after Close: %v, want ErrClosed", err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	open(t, Config{Dir: dir})
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrLocked) {
		t.Errorf("second Open: %v, want ErrLocked", err)
	}
}

// Nothing of a payload may be readable in any file, nor may others open them.
func TestFilesAreSealedAndPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, Config{Dir: dir})
	put(t, s, Urgent, "planted sentence")
	put(t, s, Routine, "planted sentence")
	check(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		check(t, err)
		fi, err := d.Info()
		check(t, err)
		if fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, fi.Mode())
		}
		if d.IsDir() {
			return nil
		}
		b, err := os.ReadFile(path)
		check(t, err)
		if strings.Contains(string(b), "planted") {
			t.Errorf("%s holds the payload", path)
		}
		return nil
	}))
}

func TestConcurrentAppendsShareOneSync(t *testing.T) {
	disk := newFaultFS()
	s := open(t, Config{Dir: "/spool", fs: disk})
	put(t, s, Urgent, "first") // makes the segment
	disk.block()               // holds the next fsync
	var wg sync.WaitGroup
	const n = 50
	var seqs sync.Map
	for i := range n {
		wg.Go(func() {
			r, err := s.Append(Event{Lane: Urgent, Payload: []byte(fmt.Sprint(i))})
			if err != nil {
				t.Error(err)
			}
			if _, twice := seqs.LoadOrStore(r.Seq, true); twice {
				t.Errorf("number %d was given twice", r.Seq)
			}
		})
	}
	// One append is held in its fsync; the rest join the next batch.
	disk.awaitBlocked()
	for joined := 0; joined < n-1; {
		s.mu.Lock()
		if s.pending != nil {
			joined = len(s.pending.items[0])
		}
		s.mu.Unlock()
	}
	before := disk.syncs()
	disk.unblock()
	wg.Wait()
	if got := disk.syncs() - before; got > 2 {
		t.Errorf("%d appends took %d fsyncs, want 2", n, got)
	}
	if got := len(drain(t, s, Urgent)); got != n+1 {
		t.Errorf("%d records, want %d", got, n+1)
	}
}

// An idle spool does nothing at all.
func TestNothingIsWrittenWhileNothingHappens(t *testing.T) {
	disk := newFaultFS()
	s := open(t, Config{Dir: "/spool", fs: disk})
	put(t, s, Urgent, "x")
	drain(t, s, Urgent)
	check(t, s.Ack(Urgent, 1))
	before := disk.writes()
	for range 10 {
		drain(t, s, Urgent)
		drain(t, s, Routine)
		s.Stats()
		check(t, s.Ack(Urgent, 1))
	}
	if got := disk.writes(); got != before {
		t.Errorf("%d writes while nothing happened", got-before)
	}
}

func TestReadyIsSignalled(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	select {
	case <-s.Ready():
		t.Error("an empty spool is ready")
	default:
	}
	put(t, s, Routine, "x")
	<-s.Ready()
	check(t, s.Close())
	<-open(t, Config{Dir: dir}).Ready()
}

func BenchmarkAppend(b *testing.B) {
	s := open(b, Config{Dir: b.TempDir(), MaxBytes: 1 << 40})
	p := make([]byte, 300)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Append(Event{Lane: Routine, Payload: p}); err != nil {
				b.Error(err)
			}
		}
	})
}
