package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/lapwing-schools/lapwing/agent/dial"
	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/policy"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// dozes notes what the service says to its trim.Doze.
type dozes struct{ said chan string }

func (d dozes) Happened(time.Time) { d.said <- "happened" }
func (d dozes) Look(time.Time)     { d.said <- "look" }

// The service dozes by the beat at which it looks at itself, and not just when
// a policy has come.
func TestWhenTheServiceDozes(t *testing.T) {
	said := make(chan string, 8)
	beats, policies := make(chan time.Time), make(chan *policy.InForce)
	ctx, cancel := context.WithCancel(context.Background())
	looks := 0
	var running sync.WaitGroup
	running.Go(func() {
		if err := keepHealth(ctx, beats, policies, dozes{said}, func() { looks++ }); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	expect := func(what, want string) {
		t.Helper()
		select {
		case got := <-said:
			if got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		case <-time.After(15 * time.Second):
			t.Fatalf("%s: nothing was said, want %s", what, want)
		}
	}
	expect("the start", "happened")
	beats <- time.Now()
	expect("a beat", "look")
	policies <- nil
	expect("a policy", "happened")
	beats <- time.Now()
	expect("another beat", "look")
	cancel()
	expect("the end", "happened")
	running.Wait()
	if want := 4; looks != want { // at the start, and after each of the three
		t.Errorf("it looked at itself %d times, want %d", looks, want)
	}
}

// TestHowOftenAConnectionIsProbed: where the kernel ends a dead connection with
// the collector, gRPC may ask five times more seldom. A proxy would answer for
// itself, so through one it may not.
func TestHowOftenAConnectionIsProbed(t *testing.T) {
	s, _ := enrolled(t)
	probed := func() (probe time.Duration) {
		t.Helper()
		usual := s.options
		defer func() { s.options = usual }()
		s.options = func(p time.Duration) []grpc.DialOption { probe = p; return usual(p) }
		cc, err := s.link.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := cc.Close(); err != nil {
			t.Error(err)
		}
		return probe
	}
	want := dial.QuickProbe
	if runtime.GOOS == "linux" {
		want = dial.SlowProbe
	}
	if got := probed(); got != want {
		t.Errorf("directly: every %v, want %v", got, want)
	}
	if err := os.WriteFile(filepath.Join(s.dir, dial.FileName), []byte(connectProxy(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := probed(); got != dial.QuickProbe {
		t.Errorf("through a proxy: every %v, want %v", got, dial.QuickProbe)
	}
}

// enrolled is a service of a device that is enrolled with a collector; nothing of
// it runs.
func enrolled(t *testing.T) (*service, *fakecollector.Collector) {
	t.Helper()
	collector := &fakecollector.Collector{Address: "127.0.0.1:0"}
	collector.Start(t)
	dir := t.TempDir()
	if _, err := identity.Enrol(t.Context(), dir, collector.Enrolment(), identity.Facts{Hostname: "pc1", OS: "linux", Arch: "amd64"},
		identity.Options{Clock: tlsx.SystemClock}); err != nil {
		t.Fatal(err)
	}
	s, err := newService(dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.spool.Close() })
	return s, collector
}

// connectProxy lets everybody through.
func connectProxy(t *testing.T) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up, err := net.Dial("tcp", r.Host)
		if err != nil || r.Method != http.MethodConnect {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		defer up.Close()
		down, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer down.Close()
		_, _ = io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(up, down); up.Close() }()
		_, _ = io.Copy(down, up)
	})}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	return ln.Addr().String()
}
