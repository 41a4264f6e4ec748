package spool

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// goldenDir is a spool as format 1 wrote it, with two urgent records, the
// first acknowledged, one routine record and a digest of two events.
const goldenDir = "testdata/format1"

// A spool of an older agent must stay readable. LAPWING_WRITE_GOLDEN=1 makes
// the directory, once for each format.
func TestFormat1StaysReadable(t *testing.T) {
	if os.Getenv("LAPWING_WRITE_GOLDEN") != "" {
		writeGolden(t)
	}
	dir := t.TempDir()
	check(t, os.CopyFS(dir, os.DirFS(goldenDir)))
	s := open(t, Config{Dir: dir})
	if got := texts(drain(t, s, Routine)); !slices.Equal(got, []string{"routine one"}) {
		t.Errorf("routine: %q", got)
	}
	if got := texts(drain(t, s, Urgent)); !slices.Equal(got, []string{"urgent two"}) {
		t.Errorf("urgent: %q", got)
	}
	if seq := put(t, s, Urgent, "urgent three"); seq != 4 {
		t.Errorf("the next number is %d, want 4: the digest comes first", seq)
	}
	es := drain(t, s, Urgent)
	if len(es) != 2 || es[0].Digest == nil || es[0].Digest.ByCategory["drugs"] != 2 {
		t.Errorf("after an append: %+v, want the digest first", es)
	}
	if st := s.Stats(); st.DamagedSegments != 0 || st.MergedUrgent != 2 {
		t.Errorf("%+v", st)
	}
}

func writeGolden(t *testing.T) {
	t.Helper()
	check(t, os.RemoveAll(goldenDir))
	check(t, os.MkdirAll(goldenDir, 0o755))
	s := open(t, Config{Dir: goldenDir})
	put(t, s, Urgent, "urgent one")
	put(t, s, Urgent, "urgent two")
	put(t, s, Routine, "routine one")
	_, err := s.Lease(Urgent, 1, 1)
	check(t, err)
	check(t, s.Ack(Urgent, 1))
	s.commit.Lock()
	check(t, s.merge([]*item{{event: Event{Category: "drugs", Wall: time.UnixMilli(1)}}, {event: Event{Category: "drugs", Wall: time.UnixMilli(2)}}}))
	s.commit.Unlock()
	check(t, s.Close())
	grace, err := filepath.Glob(goldenDir + "/grace-*")
	check(t, err)
	for _, name := range append(grace, filepath.Join(goldenDir, lockName)) {
		check(t, os.Remove(name))
	}
}
