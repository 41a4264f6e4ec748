package badgerstore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/storetest"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

// Crash tests play out in a child: this test binary, told by childEnv what to
// do in the directory it is given. It prints what it was answered for.
const childEnv = "BADGERSTORE_CHILD"

var children = map[string]func(dir string){
	"stream": childStream,
	"answer": childDiesBeforeAnswer,
	"full":   childFillsDisk,
}

func child(t *testing.T, play, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.Command(exe, dir)
	cmd.Env = append(os.Environ(), childEnv+"="+play)
	return cmd
}

func fatal(err error) {
	if err != nil {
		fmt.Println("child:", err)
		os.Exit(3)
	}
}

// childSchool opens the store and adds a school, or finds it.
func childSchool(dir string, o Options) (*Store, store.Tenant) {
	s, err := Open(dir, o)
	fatal(err)
	all, err := s.Schools(context.Background())
	fatal(err)
	if len(all) == 0 {
		info, err := s.AddSchool(context.Background(), "s", "S", storetest.Start)
		fatal(err)
		all = append(all, info)
	}
	tn, err := s.School(context.Background(), all[0].ID)
	fatal(err)
	return s, tn
}

// childStream ingests on several streams for ever, and prints each event that
// was acknowledged.
func childStream(dir string) {
	_, tn := childSchool(dir, Options{Ballast: -1})
	var out sync.Mutex
	var wg sync.WaitGroup
	for stream := range 6 {
		wg.Go(func() {
			for n := stream; ; n += 6 {
				_, err := tn.Ingest(context.Background(), []triage.Arrival{storetest.Arrive(n, n%7, 0)})
				fatal(err)
				out.Lock()
				fmt.Println(n)
				out.Unlock()
			}
		})
	}
	wg.Wait()
}

// childDiesBeforeAnswer is killed once a commit is on disk and nobody has been
// told of it.
func childDiesBeforeAnswer(dir string) {
	s, tn := childSchool(dir, Options{Ballast: -1})
	for n := range 5 {
		_, err := tn.Ingest(context.Background(), []triage.Arrival{storetest.Arrive(n, n, 0)})
		fatal(err)
		fmt.Println(n)
	}
	fatal(s.do(context.Background(), func(x *tx) error {
		x.s.commitTxn = func(txn *badger.Txn) error {
			return errors.Join(txn.Commit(), syscall.Kill(os.Getpid(), syscall.SIGKILL))
		}
		return nil // nothing written, so not yet
	}))
	_, err := tn.Ingest(context.Background(), []triage.Arrival{storetest.Arrive(5, 5, 0)})
	fatal(errors.Join(errors.New("survived"), err))
}

// reopened opens what a child left and finds its school.
func reopened(t *testing.T, dir string) store.Tenant {
	t.Helper()
	s := openIn(t, dir)
	closeAtEnd(t, s)
	tn, err := s.School(t.Context(), 1)
	must(t, err)
	return tn
}

// resend sends events again and says which were kept before.
func resend(t *testing.T, tn store.Tenant, events []int) (kept map[int]bool) {
	t.Helper()
	kept = map[int]bool{}
	for _, n := range events {
		r, err := tn.Ingest(t.Context(), []triage.Arrival{storetest.Arrive(n, n%7, 0)})
		must(t, err)
		kept[n] = r[0].Duplicate
		if r[0].Case == "" {
			t.Errorf("event %d is in no case", n)
		}
	}
	return kept
}

// counted is how many captures stand in cases: each event once, however often
// it was sent.
func counted(t *testing.T, tn store.Tenant) (n int) {
	t.Helper()
	page, err := tn.Queue(t.Context(), caseflow.Actor{System: true}, store.QueueQuery{Limit: store.MaxQueue})
	must(t, err)
	for _, r := range page.Rows {
		n += r.Case.Count
	}
	return n
}

func TestKilledWhileIngestingLosesNothingAcknowledged(t *testing.T) {
	for round := range 3 {
		dir := t.TempDir()
		cmd := child(t, "stream", dir)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		var acked []int
		for lines := bufio.NewScanner(out); lines.Scan(); {
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				continue // the line that the kill cut short
			}
			if acked = append(acked, n); len(acked) == 100+150*round {
				must(t, cmd.Process.Kill())
			}
		}
		if err := cmd.Wait(); cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the child was not killed: %v, after %d", err, len(acked))
		}
		tn := reopened(t, dir)
		storetest.Ledger(t, tn)
		before := counted(t, tn)
		if before < len(acked) {
			t.Errorf("%d captures stand, %d were acknowledged", before, len(acked))
		}
		for n, kept := range resend(t, tn, acked) {
			if !kept {
				t.Errorf("event %d was acknowledged and is lost", n)
			}
		}
		if after := counted(t, tn); after != before {
			t.Errorf("%d captures after all were sent again, before %d", after, before)
		}
	}
}

func TestKilledBetweenCommitAndAnswer(t *testing.T) {
	dir := t.TempDir()
	cmd := child(t, "answer", dir)
	out, _ := cmd.Output()
	if cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child was not killed: %s", out)
	}
	if got := strings.Fields(string(out)); len(got) != 5 {
		t.Fatalf("answered %v, want 5 of 6", got)
	}
	tn := reopened(t, dir)
	entries := len(storetest.Ledger(t, tn))
	for n, kept := range resend(t, tn, []int{0, 1, 2, 3, 4, 5}) {
		if !kept {
			t.Errorf("event %d was committed and is lost", n)
		}
	}
	if got := len(storetest.Ledger(t, tn)); got != entries || counted(t, tn) != 6 {
		t.Errorf("%d ledger entries, before %d; %d captures", got, entries, counted(t, tn))
	}
}

// A torn or flipped tail of the log costs the writes in it, no more, and they
// can be sent again.
func TestTornTail(t *testing.T) {
	for name, tear := range map[string]func(log []byte, used int) []byte{
		"cut":     func(log []byte, used int) []byte { return log[:used-30] },
		"flipped": func(log []byte, used int) []byte { log[used-30] ^= 0x10; return log },
		"zeroed":  func(log []byte, used int) []byte { clear(log[used-30:]); return log },
		"garbage after it": func(log []byte, used int) []byte {
			copy(log[used:], bytes.Repeat([]byte{0x5a, 0xc3, 0x01}, 300))
			return log
		},
	} {
		t.Run(name, func(t *testing.T) {
			live := t.TempDir()
			s := openIn(t, live)
			tn := storetest.NewSchool(t, s)
			events := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
			resend(t, tn, events)
			crashed := t.TempDir() // as a power cut would leave it
			must(t, os.CopyFS(crashed, os.DirFS(live)))
			must(t, s.Close())

			logs, err := filepath.Glob(filepath.Join(crashed, "*.mem"))
			if err != nil || len(logs) != 1 {
				t.Fatalf("logs %v, %v", logs, err)
			}
			log, err := os.ReadFile(logs[0])
			must(t, err)
			used := len(bytes.TrimRight(log, "\x00"))
			must(t, os.WriteFile(logs[0], tear(log, used), 0o600))

			tn = reopened(t, crashed)
			storetest.Ledger(t, tn)
			lost := 0
			for n, kept := range resend(t, tn, events) {
				if !kept {
					if lost++; n != 9 {
						t.Errorf("event %d, long since on disk, is lost", n)
					}
				}
			}
			if want := map[bool]int{true: 0, false: 1}[name == "garbage after it"]; lost != want {
				t.Errorf("%d events lost, want %d", lost, want)
			}
			if n := counted(t, tn); n != len(events) {
				t.Errorf("%d captures, want %d", n, len(events))
			}
			storetest.Ledger(t, tn)
		})
	}
}

// childFillsDisk runs in a mount namespace of its own, on a small tmpfs.
func childFillsDisk(dir string) {
	ctx := context.Background()
	fatal(syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"))
	data, other := filepath.Join(dir, "data"), filepath.Join(dir, "somebody else's")
	o := Options{MemTable: 1 << 20, Reserve: 16 << 20, Ballast: 6 << 20}
	s, tn := childSchool(data, o)
	var acked []triage.Arrival
	n := 0
	fill := func() (err error) {
		for err == nil {
			var batch []triage.Arrival
			for range 20 {
				a := storetest.Arrive(n, n%7, 0)
				a.Capture.Content = make([]byte, 4000) // sealed content does not compress
				_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(a.Capture.Content)
				batch = append(batch, a)
				n++
			}
			if _, err = tn.Ingest(ctx, batch); err == nil {
				acked = append(acked, batch...)
			}
		}
		return err
	}
	expect := func(what string, err, want error) {
		if !errors.Is(err, want) {
			fatal(fmt.Errorf("%s: got %w, want %v", what, err, want))
		}
	}
	lost := func(when string) {
		for _, a := range acked {
			if r, err := tn.Ingest(ctx, []triage.Arrival{a}); err != nil || !r[0].Duplicate {
				fatal(fmt.Errorf("%s: an acknowledged event: %+v, %w", when, r, err))
			}
		}
	}
	expect("our own filling", fill(), store.ErrFull)
	expect("health", s.Health(ctx), store.ErrFull)

	// Now somebody else takes the rest, to the last byte.
	f, err := os.Create(other)
	fatal(err)
	hog := func() {
		// Not while Badger rewrites its tables: a disk that others fill within
		// that moment kills the process (doc.go), and what this plays is the rest.
		fatal(s.db.Flatten(1))
		for err := error(nil); err == nil; {
			_, err = f.Write(make([]byte, 4096))
		}
	}
	hog()
	expect("on a full disk", fill(), store.ErrFull)
	_, err = tn.Queue(ctx, caseflow.Actor{System: true}, store.QueueQuery{})
	fatal(err)
	fatal(s.Close())

	s, tn = childSchool(data, o) // still nearly full: opens for reading
	lost("reopened")
	expect("reopened, still full", fill(), store.ErrFull)
	hog()
	expect("close with nothing left", s.Close(), store.ErrFull)
	fmt.Println("acked", len(acked))
}

func TestFullDisk(t *testing.T) {
	cmd := child(t, "full", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	// What the mount namespace shares back must not reach the host.
	cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "acked") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
