package spool

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func reoffered(t *testing.T, s *Spool, since time.Time) []string {
	t.Helper()
	var out []string
	check(t, s.Reoffer(since, func(e Entry) error {
		out = append(out, fmt.Sprintf("%d %s", e.Seq, e.Payload))
		return nil
	}))
	return out
}

func TestAcknowledgedUrgentRecordsStayForADay(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	cfg := Config{Dir: dir, Now: func() time.Time { return now }}
	s := open(t, cfg)
	ackAll := func(l Lane) {
		es := drain(t, s, l)
		check(t, s.Ack(l, es[len(es)-1].Seq))
	}
	put(t, s, Urgent, "planted one")
	put(t, s, Urgent, "planted two")
	put(t, s, Routine, "routine")
	ackAll(Urgent)
	ackAll(Routine)
	begin := now
	now = now.Add(time.Hour)
	put(t, s, Urgent, "planted three")
	ackAll(Urgent)

	all := []string{"1 planted one", "2 planted two", "3 planted three"}
	if got := reoffered(t, s, begin); !slices.Equal(got, all) {
		t.Errorf("all: %q", got)
	}
	if got := reoffered(t, s, now); !slices.Equal(got, all[2:]) {
		t.Errorf("of the last hour: %q", got)
	}
	// They are kept under another key, and not in the clear.
	var keys [][]byte
	for _, name := range graceFiles(t, dir) {
		b, err := os.ReadFile(name)
		check(t, err)
		if bytes.Contains(b, []byte("planted")) {
			t.Errorf("%s holds the payload", name)
		}
		if strings.HasSuffix(name, graceKey) {
			keys = append(keys, b)
		}
	}
	if spoolKey, err := os.ReadFile(filepath.Join(dir, keyName)); err != nil || len(keys) != 1 || bytes.Equal(keys[0], spoolKey) {
		t.Errorf("%d keys of the grace log, %v", len(keys), err)
	}

	check(t, s.Close())
	now = begin.Add(24 * time.Hour)
	s = open(t, cfg)
	if got := reoffered(t, s, begin); !slices.Equal(got, all) {
		t.Errorf("after 24 hours and a restart: %q", got)
	}
	now = begin.Add(48 * time.Hour)
	s.Expire()
	if got := reoffered(t, s, begin); len(got) != 0 {
		t.Errorf("after 48 hours: %q", got)
	}
	if left := graceFiles(t, dir); len(left) != 0 {
		t.Errorf("after 48 hours these files are left: %q", left)
	}
}

func graceFiles(t *testing.T, dir string) []string {
	t.Helper()
	out, err := filepath.Glob(filepath.Join(dir, gracePrefix+"*"))
	check(t, err)
	return out
}

// A restart goes on with the day's log, so that many restarts push nothing out.
func TestGraceGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	cfg := Config{Dir: dir, Now: func() time.Time { return now }}
	var want []string
	for i := range 2 * graceLogs {
		s := open(t, cfg)
		seq := put(t, s, Urgent, "planted")
		want = append(want, fmt.Sprintf("%d planted", seq))
		drain(t, s, Urgent)
		check(t, s.Ack(Urgent, seq))
		check(t, s.Close())
		now = now.Add(time.Duration(i) * time.Minute)
	}
	s := open(t, cfg)
	if got := reoffered(t, s, time.Time{}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if files := graceFiles(t, dir); len(files) != 2 {
		t.Errorf("files %q, want one log and its key", files)
	}
}

// The grace log is bounded in size and number, whatever is acknowledged.
func TestGraceIsBounded(t *testing.T) {
	disk := newFaultFS()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	cfg := Config{Dir: "/spool", fs: disk, MinFree: -1, Now: func() time.Time { return now }}
	for range 8 { // restarts
		s := open(t, cfg)
		for range 40 {
			put(t, s, Urgent, strings.Repeat("x", MaxPayload))
			es := drain(t, s, Urgent)
			check(t, s.Ack(Urgent, es[len(es)-1].Seq))
		}
		check(t, s.Close())
		now = now.Add(time.Minute)
	}
	total, files := 0, 0
	for name, n := range disk.nodes {
		if strings.Contains(name, gracePrefix) {
			files++
			total += len(n.data)
		}
	}
	if files > 2*graceLogs || total > graceLogs*(graceBytes+2*MaxPayload) {
		t.Errorf("%d files, %d bytes", files, total)
	}
}

// A log that is damaged costs only what is in it, and stops nothing.
func TestDamagedGrace(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	put(t, s, Urgent, "one")
	put(t, s, Urgent, "two")
	drain(t, s, Urgent)
	check(t, s.Ack(Urgent, 2))
	check(t, s.Close())
	for _, name := range graceFiles(t, dir) {
		if strings.HasSuffix(name, graceLog) {
			b, err := os.ReadFile(name)
			check(t, err)
			b[30] ^= 1
			check(t, os.WriteFile(name, b, 0o600))
		}
	}
	s = open(t, Config{Dir: dir})
	if got := reoffered(t, s, time.Time{}); !slices.Equal(got, []string{"2 two"}) {
		t.Errorf("got %q", got)
	}
}
