package ingest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/collectortest"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// childDir names the data directory for the test binary that is to be a
// collector and nothing else.
const childDir = "LAPWING_INGEST_CHILD"

// child serves the data directory until its standard input closes, and prints
// its address. It kills itself, as kill -9 does, after its first commit.
func child(m *testing.M, dir string) int {
	os.Args = []string{os.Args[0], "-test.run=^TestChild$", "-test.v=false"}
	return m.Run()
}

// TestChild is the child's body; in the parent it has nothing to do.
func TestChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		return
	}
	sp := &spy{ingest: func(ctx context.Context, next store.Tenant, all []triage.Arrival) ([]store.Receipt, error) {
		if _, err := next.Ingest(ctx, all); err != nil {
			return nil, err
		}
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return nil, err
		}
		if err := self.Kill(); err != nil {
			return nil, err
		}
		select {} // the signal is on its way
	}}
	c := collectortest.Restart(t, dir, sp.open)
	fmt.Printf("address %s\n", c.Addr)
	io.Copy(io.Discard, os.Stdin)
}

// The collector dies after the commit and before the acknowledgement. The
// device sends the batch again, and nothing is kept twice.
func TestKilledBetweenCommitAndAck(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	collectortest.Init(t, dir, openBadger)
	c := collectortest.Restart(t, dir, openBadger)
	d := c.Enrol(t)
	c.Drain()
	if err := c.Store.Close(); err != nil {
		t.Fatal(err)
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	c.Addr = ""
	for c.Addr == "" && lines.Scan() {
		fmt.Sscanf(lines.Text(), "address %s", &c.Addr)
	}
	if c.Addr == "" {
		t.Fatalf("the child gave no address: %v", lines.Err())
	}
	s := greet(t, c, d)
	sendBatch(t, s, batch(1, 2, 3))
	if m, err := s.Recv(); err == nil {
		t.Fatalf("got %v from a collector that was killed before its answer", m)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Success() {
		t.Fatalf("the child ended by itself: %v", err)
	}

	kept := 0
	sp := &spy{}
	sp.ingest = func(ctx context.Context, next store.Tenant, all []triage.Arrival) ([]store.Receipt, error) {
		receipts, err := next.Ingest(ctx, all)
		for _, r := range receipts {
			if !r.Duplicate {
				kept++
			}
		}
		return receipts, err
	}
	after := collectortest.Restart(t, dir, sp.open)
	s = greet(t, after, d)
	sendBatch(t, s, batch(1, 2, 3))
	if a := recvAck(t, s); a.Upto != 3 {
		t.Errorf("ack %v, want upto 3", a)
	}
	if kept != 0 {
		t.Errorf("%d events were kept twice, or had not been committed", kept)
	}
	if n := queue(t, after); n != 1 {
		t.Errorf("%d cases, want 1", n)
	}
	if _, err := after.Control.VerifyAudit(t.Context(), &lapwingv1.VerifyAuditRequest{}); err != nil {
		t.Errorf("ledger after the crash: %v", err)
	}
}
