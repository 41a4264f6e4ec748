package status_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/agent/status"
	"github.com/lapwing-schools/lapwing/agent/uplink"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var moment = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// full is a report with every field set.
func full() status.Report {
	return status.Report{
		Running: true, Version: "0.1.0",
		Enrolled: &status.Enrolled{Device: "device-1", School: "hill-top", SchoolName: "Hill Top",
			Collector: "10.0.0.1:9443", CertificateUntil: moment.AddDate(0, 0, 20)},
		Uplink: status.FromUplink(uplink.Status{State: uplink.Waiting, Since: moment.Add(-time.Minute), Detail: "no answer",
			RetryAt: moment.Add(9 * time.Second), LastAck: moment.Add(-time.Hour), Skew: 90 * time.Second, SkewKnown: true}),
		Spool: status.FromSpool(spool.Stats{Urgent: spool.LaneStats{Records: 2}, Routine: spool.LaneStats{Records: 30},
			DroppedRoutine: 4, MergedUrgent: 5, DamagedSegments: 6, Full: true}),
		Policy: 7, Sessions: 1,
		Coverage: status.FromCoverage([]*lapwingv1.Coverage{
			{Sensor: "text", State: lapwingv1.CoverageState_COVERAGE_STATE_LIMITED, Code: "role_unavailable", SinceMs: moment.Add(-time.Hour).UnixMilli()},
			{Sensor: "window", State: lapwingv1.CoverageState_COVERAGE_STATE_OK, SinceMs: moment.Add(-time.Hour).UnixMilli()},
		}),
	}
}

func serve(t *testing.T, dir string, report func() status.Report) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- status.Serve(ctx, dir, report, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Serve: %v", err)
		}
	})
}

func TestRunningServiceAnswers(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, full)
	if diff := cmp.Diff(full(), status.Read(t.Context(), dir, "client")); diff != "" {
		t.Errorf("report changed on its way:\n%s", diff)
	}
	fi, err := os.Stat(filepath.Join(dir, "control.sock"))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("socket mode %v, %v", fi.Mode(), err)
	}
}

func TestSecondServiceIsRefused(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, full)
	err := status.Serve(t.Context(), dir, full, func() {})
	if !errors.Is(err, status.ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
}

// A service that was killed leaves its socket behind.
func TestStaleSocketIsReplaced(t *testing.T) {
	dir := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(dir, "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	if r := status.Read(t.Context(), dir, "x"); r.Running {
		t.Error("a dead service is said to run")
	}
	serve(t, dir, full)
	if r := status.Read(t.Context(), dir, "x"); !r.Running {
		t.Errorf("the service does not answer: %+v", r)
	}
}

// A client that never reads must not keep others from an answer.
func TestSilentReaderHoldsNobodyUp(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, full)
	conn, err := net.Dial("unix", filepath.Join(dir, "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if r := status.Read(t.Context(), dir, "x"); !r.Running {
		t.Errorf("no answer beside a silent reader: %+v", r)
	}
}

func TestStoppedServiceStillSaysWhoItIs(t *testing.T) {
	dir := t.TempDir()
	r := status.Read(t.Context(), dir, "0.1.0")
	if r.Running || r.Enrolled != nil || r.Problem != identity.ErrNotEnrolled.Error() {
		t.Errorf("never enrolled: %+v", r)
	}
	c := fakecollector.Collector{Address: "127.0.0.1:0"}
	c.Start(t)
	if _, err := identity.Enrol(t.Context(), dir, c.Enrolment(), identity.Facts{Hostname: "pc1", OS: "linux", Arch: "amd64"},
		identity.Options{Clock: tlsx.SystemClock}); err != nil {
		t.Fatal(err)
	}
	r = status.Read(t.Context(), dir, "0.1.0")
	if r.Running || r.Enrolled == nil || r.Enrolled.School != "hill-top" || r.Problem != status.ErrNotRunning.Error() {
		t.Errorf("enrolled and stopped: %+v", r)
	}
}

// A service that is stuck is not one that is stopped: who takes it for that
// gives the device another identity under its hands.
func TestServiceThatHangs(t *testing.T) {
	dir := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(dir, "control.sock")) // accepts nothing
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	r := status.Read(t.Context(), dir, "x")
	if r.Running || !r.Hangs {
		t.Errorf("%+v", r)
	}
	var out strings.Builder
	if err := status.Write(&out, r, time.Now()); err != nil || !strings.Contains(out.String(), "does not answer") {
		t.Errorf("%s %v", out.String(), err)
	}
}

func TestGarbageOnTheSocket(t *testing.T) {
	dir := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(dir, "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if conn, err := ln.Accept(); err == nil {
			conn.Write([]byte("not json"))
			conn.Close()
		}
	}()
	if r := status.Read(t.Context(), dir, "x"); r.Running || r.Problem == "" {
		t.Errorf("%+v", r)
	}
}

func TestJSONForm(t *testing.T) {
	b, err := json.MarshalIndent(full(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "status.json", append(b, '\n'))
}

func TestTextForm(t *testing.T) {
	var b bytes.Buffer
	if err := status.Write(&b, full(), moment); err != nil {
		t.Fatal(err)
	}
	b.WriteString("---\n")
	if err := status.Write(&b, status.Report{Problem: identity.ErrNotEnrolled.Error()}, moment); err != nil {
		t.Fatal(err)
	}
	golden(t, "status.txt", b.Bytes())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s (set UPDATE_GOLDEN=1 to accept):\n%s", name, diff)
	}
}
