//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// idleFor is how long BenchmarkIdleFootprint watches the processes: a minute,
	// as the figures of others are given (docs/benchmarks.md).
	idleFor = time.Minute
	// startFor is how long both programs may take to start, unwatched: loading
	// rules is over, and what only that needed was given back (agent, settled).
	startFor = 30 * time.Second
	// restFor is how long the agent is left alone before it counts as idle: the
	// runtime has collected garbage, the checks of once a day were read, and the
	// session process dozes.
	restFor = 200 * time.Second
)

// BenchmarkIdleFootprint reports memory (PSS, so that pages shared by service
// and session count once) and processor time of the agent's two processes
// while nobody types.
func BenchmarkIdleFootprint(b *testing.B) {
	f := takeOff(b)
	pids := append([]int{f.AgentPID()}, children(b, f.AgentPID())...)
	if len(pids) != 2 {
		b.Fatalf("want service and one session process, got %v", pids)
	}
	peer := startPeer(b)
	time.Sleep(restFor)
	for b.Loop() {
		before := make([]time.Duration, len(pids))
		for i, pid := range pids {
			before[i] = cpu(b, pid)
		}
		begin, woken, peerCPU := time.Now(), wakeups(b, pids), cpu(b, peer.pid)
		for time.Since(begin) < idleFor {
			peer.scrape(b)
			time.Sleep(scrapeEvery)
		}
		b.ReportMetric(float64(wakeups(b, pids)-woken)/time.Since(begin).Seconds(), "wakeups/s")
		b.ReportMetric(pss(b, peer.pid), "node_exporter-pss-MB")
		b.ReportMetric(float64((cpu(b, peer.pid) - peerCPU).Milliseconds()), "node_exporter-cpu-ms/min")
		// A laptop's disk sleeps: in an idle minute nothing is written at all.
		if changed := changedSince(b, f.AgentDir(), begin); len(changed) > 0 {
			b.Errorf("written in an idle minute: %v", changed)
		}
		var total float64
		for i, name := range []string{"service", "session"} {
			m := pss(b, pids[i])
			total += m
			b.ReportMetric(m, name+"-pss-MB")
			b.ReportMetric(float64((cpu(b, pids[i]) - before[i]).Milliseconds()), name+"-cpu-ms/min")
		}
		b.ReportMetric(total, "pss-MB")
		b.ReportMetric(total/pss(b, peer.pid), "times-node_exporter")
	}
	for _, program := range []string{"lapwing-agent", "lapwing-collector"} {
		info, err := os.Stat(filepath.Join(bin, program))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/1e6, program+"-MB")
	}
}

// BenchmarkTyping reports what the session process costs while somebody types
// ten keys a second, faster than most people do for long.
func BenchmarkTyping(b *testing.B) {
	f := takeOff(b)
	session := children(b, f.AgentPID())
	if len(session) != 1 {
		b.Fatalf("want one session process, got %v", session)
	}
	keys := newKeyboard(b, f.desktop)
	f.focus(b, "mousepad")
	const sentence = "the causes of the first world war are still argued about by historians "
	time.Sleep(startFor)
	keys.press(b, sentence, 100*time.Millisecond) // what typing needs is in memory after it
	before, begin := cpu(b, session[0]), time.Now()
	for b.Loop() {
		keys.press(b, sentence, 100*time.Millisecond)
	}
	used := cpu(b, session[0]) - before
	b.ReportMetric(100*used.Seconds()/time.Since(begin).Seconds(), "%-of-a-core")
}

// children returns the direct children of a process.
func children(t testing.TB, pid int) []int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, task := range tasks {
		list, err := os.ReadFile(task)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range strings.Fields(string(list)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, child)
		}
	}
	return found
}

// pss is a process's proportional set size in megabytes (proc(5), smaps_rollup).
func pss(t testing.TB, pid int) float64 {
	t.Helper()
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var kb float64
		if _, err := fmt.Sscanf(lines.Text(), "Pss: %f kB", &kb); err == nil {
			return kb / 1000
		}
	}
	t.Fatalf("no Pss for process %d", pid)
	return 0
}

// cpu is the processor time a process has used (proc(5), stat), in ticks of 10 ms.
func cpu(t testing.TB, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	var ticks int
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
