package spool

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

func fileSize(t *testing.T, name string) int64 {
	t.Helper()
	fi, err := os.Stat(name)
	check(t, err)
	return fi.Size()
}

// A rush of records gets zeros ahead, a single one does not; the end of the
// process gives them back, and its death leaves them to be passed over.
func TestZerosAhead(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	put(t, s, Routine, "one")
	seg := segmentFiles(t, dir)[0]
	if n, want := fileSize(t, seg), int64(segHeader)+frameSize(3); n != want {
		t.Errorf("one record: %d bytes, want %d", n, want)
	}
	want := []string{"one"}
	for i := range 100 {
		want = append(want, fmt.Sprintf("%0300d", i))
		put(t, s, Routine, want[i+1])
	}
	used := s.lane(Routine).segs[0].size
	if n := fileSize(t, seg); n < used+used/4 || n > 8*used {
		t.Errorf("%d bytes of records in a file of %d", used, n)
	}
	if n := s.Stats().DiskBytes; n != uint64(fileSize(t, seg)) {
		t.Errorf("the spool says %d bytes, the file has %d", n, fileSize(t, seg))
	}
	dead := t.TempDir()
	check(t, os.CopyFS(dead, os.DirFS(dir)))
	check(t, s.Close())
	if n := fileSize(t, seg); n != used {
		t.Errorf("after Close %d bytes, want %d", n, used)
	}
	for _, d := range []string{dir, dead} {
		s := open(t, Config{Dir: d})
		if got := texts(drain(t, s, Routine)); !slices.Equal(got, want) {
			t.Errorf("%d records, want %d", len(got), len(want))
		}
		if st := s.Stats(); st.DamagedSegments != 0 || st.Routine.Records != uint64(len(want)) {
			t.Errorf("%+v", st)
		}
		check(t, s.Close())
	}
}

// Zeros do not take room that records may need: none where the cap is near.
func TestNoZerosWhereRoomIsShort(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, MaxBytes: 40 << 10})
	for i := range 80 {
		put(t, s, Routine, fmt.Sprintf("%0300d", i))
	}
	if st := s.Stats(); st.DiskBytes > 40<<10 || st.DroppedRoutine != 0 {
		t.Errorf("%+v", st)
	}
}

// However large the records and however few are asked for, a window over a
// long segment hands out each once.
func TestLeaseThroughAWindow(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprintf("%0*d", 1+i*1600, i))
		put(t, s, Urgent, want[i])
	}
	for _, n := range []int{1, 3, 1000} {
		var got []string
		for {
			es, err := s.Lease(Urgent, n, 8<<20)
			check(t, err)
			if len(es) == 0 {
				break
			}
			got = append(got, texts(es)...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d at a time: %d records, want %d", n, len(got), len(want))
		}
		s.Rollback(Urgent)
	}
}

// One bad byte in a long segment costs the record that it is in, wherever the
// windows begin.
func TestFlippedByteBetweenWindows(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, MinFree: -1})
	var want []string
	for i := range 12 {
		want = append(want, fmt.Sprintf("%0*d", 60_000, i))
		put(t, s, Urgent, want[i])
	}
	check(t, s.Close())
	seg := segmentFiles(t, dir)[0]
	content, err := os.ReadFile(seg)
	check(t, err)
	for i := range want {
		reset(t, dir, seg, content)
		bad := slices.Clone(content)
		bad[int64(segHeader)+int64(i)*frameSize(60_000)+int64(i*5000)] ^= 0x10
		check(t, os.WriteFile(seg, bad, 0o600))
		s := open(t, Config{Dir: dir, MinFree: -1})
		var got []string
		for {
			es, err := s.Lease(Urgent, 2, 1<<20)
			check(t, err)
			if len(es) == 0 {
				break
			}
			got = append(got, texts(es)...)
		}
		if !slices.Equal(got, slices.Delete(slices.Clone(want), i, i+1)) || s.Stats().DamagedSegments != 1 {
			t.Errorf("record %d spoiled: %d of 12 came, %+v", i, len(got), s.Stats())
		}
		check(t, s.Close())
	}
}
