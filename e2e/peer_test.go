//go:build linux

package e2e

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// scrapeEvery is how often Prometheus asks by default in schools' set-ups.
const scrapeEvery = 15 * time.Second

// peer is Debian's prometheus-node-exporter, measured in the same minute:
// something that technicians run on every machine without a thought.
type peer struct {
	pid int
	url string
}

// startPeer starts it from where tools/bench.sh unpacked it, or from the path.
func startPeer(b *testing.B) peer {
	b.Helper()
	program := os.Getenv("LAPWING_NODE_EXPORTER")
	if program == "" {
		program = "prometheus-node-exporter"
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	cmd := exec.Command(program, "--web.listen-address="+address)
	if err := cmd.Start(); err != nil {
		b.Fatalf("the peer: %v; make bench unpacks it", err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p := peer{cmd.Process.Pid, "http://" + address + "/metrics"}
	await(b, "node_exporter", func() error { return p.get(b.Context()) })
	return p
}

func (p peer) get(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func (p peer) scrape(b *testing.B) {
	b.Helper()
	if err := p.get(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// wakeups sums how often the threads of processes went to sleep by themselves
// (proc(5), status): each time they had been woken.
func wakeups(b *testing.B, pids []int) (sum int) {
	b.Helper()
	for _, pid := range pids {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				continue // a thread that ended
			}
			sum += field(string(text), "voluntary_ctxt_switches:")
		}
	}
	return sum
}

// changedSince lists the files of dir written after begin.
func changedSince(b *testing.B, dir string, begin time.Time) (changed []string) {
	b.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.ModTime().After(begin) {
			changed = append(changed, path)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return changed
}

// field is the number after a label at the beginning of a line.
func field(text, label string) int {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, label); ok {
			n, err := strconv.Atoi(strings.TrimSpace(rest))
			if err == nil {
				return n
			}
		}
	}
	return 0
}
