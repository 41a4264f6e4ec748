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

// segmentFiles returns the paths of all segments in dir.
func segmentFiles(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	names, err := os.ReadDir(dir)
	check(t, err)
	for _, n := range names {
		if strings.HasSuffix(n.Name(), segSuffix) {
			out = append(out, filepath.Join(dir, n.Name()))
		}
	}
	return out
}

// threeRecords makes a spool of one segment with records "1", "2", "3" and
// returns the segment's bytes and where each record ends.
func threeRecords(t *testing.T) (dir, seg string, content []byte, ends []int) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, Config{Dir: dir})
	for i := range 3 {
		put(t, s, Urgent, fmt.Sprint(i+1))
		b, err := os.ReadFile(segmentFiles(t, dir)[0])
		check(t, err)
		ends = append(ends, len(b))
	}
	check(t, s.Close())
	seg = segmentFiles(t, dir)[0]
	content, err := os.ReadFile(seg)
	check(t, err)
	return dir, seg, content, ends
}

// When damage was last found is known after a restart too, and does not move
// when a spool is opened again.
func TestLastDamage(t *testing.T) {
	dir, seg, content, ends := threeRecords(t)
	now := time.UnixMilli(1_795_000_000_000)
	cfg := Config{Dir: dir, Now: func() time.Time { return now }}
	s := open(t, cfg)
	if at := s.Stats().LastDamage; !at.IsZero() {
		t.Errorf("before any it was at %v", at)
	}
	check(t, s.Close())
	content[ends[0]+frameHeader+2] ^= 1
	check(t, os.WriteFile(seg, content, 0o600))
	for range 2 {
		s = open(t, cfg)
		if at := s.Stats().LastDamage; !at.Equal(time.UnixMilli(1_795_000_000_000)) {
			t.Errorf("it was at %v", at)
		}
		check(t, s.Close())
		now = now.Add(time.Hour)
	}
}

// Whichever byte is flipped, the records it is not in arrive, the damage is
// counted once, however often the spool is opened, and the spool goes on.
func TestFlippedByte(t *testing.T) {
	dir, seg, content, ends := threeRecords(t)
	for i := range content {
		reset(t, dir, seg, content)
		bad := bytes.Clone(content)
		bad[i] ^= 0x21
		check(t, os.WriteFile(seg, bad, 0o600))
		want := []string{"1", "2", "3"}
		if i >= segHeader {
			hit := slices.IndexFunc(ends, func(e int) bool { return i < e })
			want = slices.Delete(want, hit, hit+1)
		}
		for range 2 {
			s := open(t, Config{Dir: dir})
			if got := texts(drain(t, s, Urgent)); !slices.Equal(got, want) {
				t.Fatalf("byte %d flipped: %q, want %q", i, got, want)
			}
			if n := s.Stats().DamagedSegments; n != 1 {
				t.Fatalf("byte %d flipped: %d damaged segments, want 1", i, n)
			}
			if seq := put(t, s, Urgent, "next"); seq <= 2 {
				t.Fatalf("byte %d flipped: number %d given again", i, seq)
			}
			want = append(want, "next")
			check(t, s.Close())
		}
	}
}

// reset puts dir back to one segment with this content.
func reset(t *testing.T, dir, seg string, content []byte) {
	t.Helper()
	for _, name := range segmentFiles(t, dir) {
		check(t, os.Remove(name))
	}
	check(t, os.Remove(filepath.Join(dir, stateName)))
	check(t, os.WriteFile(seg, content, 0o600))
}

// Whatever became of the key or the state, the spool opens, says that something
// is lost, uses no number twice, and what is appended from then on arrives. The
// key is a secret again.
func TestKeyAndStateThatCannotBeRead(t *testing.T) {
	zeros := make([]byte, 32)
	for name, spoil := range map[string]func(t *testing.T, dir string) error{
		"key gone":      func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, keyName)) },
		"key cut short": func(_ *testing.T, dir string) error { return os.Truncate(filepath.Join(dir, keyName), 10) },
		"key empty":     func(_ *testing.T, dir string) error { return os.Truncate(filepath.Join(dir, keyName), 0) },
		"key of zeros": func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, keyName), zeros, 0o600)
		},
		"no key but a folder":   func(t *testing.T, dir string) error { return folderFor(t, filepath.Join(dir, keyName)) },
		"state cut short":       func(_ *testing.T, dir string) error { return os.Truncate(filepath.Join(dir, stateName), 100) },
		"no state but a folder": func(t *testing.T, dir string) error { return folderFor(t, filepath.Join(dir, stateName)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, Config{Dir: dir})
			last := put(t, s, Urgent, "old")
			put(t, s, Urgent, "older than the next")
			drain(t, s, Urgent)
			check(t, s.Ack(Urgent, last)) // there is a state to lose
			check(t, s.Close())
			check(t, spoil(t, dir))
			s = open(t, Config{Dir: dir})
			drain(t, s, Urgent)
			if s.Stats().DamagedSegments == 0 {
				t.Error("the loss was not counted")
			}
			if seq := put(t, s, Urgent, "new"); seq <= last+1 {
				t.Errorf("number %d after %d", seq, last+1)
			}
			if got := texts(drain(t, s, Urgent)); !slices.Contains(got, "new") {
				t.Errorf("%q arrived", got)
			}
			check(t, s.Close())
			info, err := os.Stat(filepath.Join(dir, keyName))
			check(t, err)
			key, err := os.ReadFile(filepath.Join(dir, keyName))
			check(t, err)
			if info.Mode().Perm() != 0o600 || len(key) != len(zeros) || bytes.Equal(key, zeros) {
				t.Errorf("the key is %d bytes, mode %v, zeros: %v", len(key), info.Mode(), bytes.Equal(key, zeros))
			}
			damaged := s.Stats().DamagedSegments
			if s = open(t, Config{Dir: dir}); s.Stats().DamagedSegments != damaged {
				t.Errorf("counted again at the next start: %d, then %d", damaged, s.Stats().DamagedSegments)
			}
		})
	}
}

// folderFor stands for a file that can be named and not read.
func folderFor(t *testing.T, name string) error {
	check(t, os.Remove(name))
	return os.Mkdir(name, 0o700)
}

// A tail that was never finished is no damage: nobody was promised it.
func TestTornTail(t *testing.T) {
	dir, seg, content, ends := threeRecords(t)
	for cut := 0; cut <= len(content); cut++ {
		for _, zeros := range []int{0, 100} {
			reset(t, dir, seg, append(bytes.Clone(content[:cut]), make([]byte, zeros)...))
			s := open(t, Config{Dir: dir})
			n := 0
			for n < 3 && ends[n] <= cut {
				n++
			}
			got := texts(drain(t, s, Urgent))
			if want := []string{"1", "2", "3"}[:n]; !slices.Equal(got, want) {
				t.Fatalf("cut at %d: %q, want %q", cut, got, want)
			}
			// Zeros after half a record are zeros written ahead, if they reach over
			// the record's tag: else it could be a whole record that was damaged.
			begin, clear := segHeader, zeros == 0
			if n > 0 {
				begin = ends[n-1]
			}
			if n < 3 && cut >= begin+frameHeader && cut <= ends[n]-16 {
				clear = true
			}
			if d := s.Stats().DamagedSegments; d != 0 && clear {
				t.Fatalf("cut at %d, %d zeros: %d damaged segments, want none", cut, zeros, d)
			}
			check(t, s.Close())
		}
	}
}

// Damage that appears while the spool is open, after its scan.
func TestFlippedByteUnderARunningSpool(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	for i := range 3 {
		put(t, s, Urgent, fmt.Sprint(i+1))
	}
	seg := segmentFiles(t, dir)[0]
	f, err := os.OpenFile(seg, os.O_RDWR, 0)
	check(t, err)
	_, err = f.WriteAt([]byte{0xff}, int64(segHeader)+frameSize(1)+20)
	check(t, err)
	check(t, f.Close())
	if got := texts(drain(t, s, Urgent)); !slices.Equal(got, []string{"1", "3"}) {
		t.Errorf("got %q, want the first and the third", got)
	}
	put(t, s, Urgent, "4")
	if got := texts(drain(t, s, Urgent)); !slices.Equal(got, []string{"4"}) {
		t.Errorf("after the damage: %q", got)
	}
	check(t, s.Ack(Urgent, 4))
	if st := s.Stats(); st.Urgent.Records != 0 || st.DamagedSegments != 1 {
		t.Errorf("at the end %+v", st)
	}
}

// A segment that vanishes, or cannot be read at all, costs only what is in it.
func TestVanishedSegment(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, SegmentBytes: 1})
	for i := range 3 {
		put(t, s, Urgent, fmt.Sprint(i+1))
	}
	check(t, os.Remove(segmentFiles(t, dir)[1]))
	if got := texts(drain(t, s, Urgent)); !slices.Equal(got, []string{"1", "3"}) {
		t.Errorf("got %q", got)
	}
	check(t, s.Ack(Urgent, 3))
	if st := s.Stats(); st.Urgent.Records != 0 || st.DamagedSegments != 1 {
		t.Errorf("at the end %+v", st)
	}
}

// Records of one spool or place are worth nothing in another.
func TestRecordsCannotBeMoved(t *testing.T) {
	dir, seg, content, _ := threeRecords(t)
	reset(t, dir, seg, nil)
	moved := filepath.Join(dir, "urgent-0000000000000007.seg")
	check(t, os.WriteFile(moved, content, 0o600))
	s := open(t, Config{Dir: dir})
	if got := drain(t, s, Urgent); len(got) != 0 {
		t.Errorf("%d records came from a moved segment", len(got))
	}
	check(t, s.Close())

	dir, _, _, _ = threeRecords(t)
	check(t, os.WriteFile(filepath.Join(dir, keyName), bytes.Repeat([]byte{7}, 32), 0o600))
	s = open(t, Config{Dir: dir})
	if got := drain(t, s, Urgent); len(got) != 0 {
		t.Errorf("%d records came under another key", len(got))
	}
	if put(t, s, Urgent, "x") == 0 {
		t.Error("the spool does not go on under a new key")
	}
}

// A long stretch of zeros before something else, as a power cut may leave it,
// is passed in one sweep and not in one for each byte.
func TestZerosAreCheapToPass(t *testing.T) {
	b := make([]byte, 4<<20)
	b[len(b)-1] = 1
	if _, next, skipped, v := nextFrame(b, 0); next != len(b) || !skipped || v != damaged {
		t.Errorf("%d, %v, %v", next, skipped, v)
	}
}

func FuzzNextFrame(f *testing.F) {
	seal, err := newSealer(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	frame1, err := seal.appendFrame(nil, "urgent-0000000000000001", 1, kindPayload, []byte("one"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frame1)
	f.Add(append(append([]byte("junk"), frame1...), frame1...))
	f.Add(frame1[:20])
	f.Add(make([]byte, 200))
	f.Fuzz(func(t *testing.T, b []byte) {
		for off := 0; off < len(b); {
			fr, next, _, v := nextFrame(b, off)
			if next <= off || next > len(b) {
				t.Fatalf("from %d to %d of %d", off, next, len(b))
			}
			if v == whole {
				if len(fr.sealed) < minBody-9 || fr.size() > uint64(next-off) {
					t.Fatalf("a frame of %d bytes between %d and %d", fr.size(), off, next)
				}
			} else if next != len(b) {
				t.Fatalf("no frame, and yet not at the end")
			}
			off = next
		}
	})
}

// FuzzOpen puts anything where a segment should be.
func FuzzOpen(f *testing.F) {
	disk := newFaultFS()
	s, err := Open(Config{Dir: "/spool", fs: disk, MinFree: -1})
	if err != nil {
		f.Fatal(err)
	}
	for range 2 {
		if _, err := s.Append(Event{Lane: Urgent, Payload: []byte("payload")}); err != nil {
			f.Fatal(err)
		}
	}
	seg := "/spool/urgent-0000000000000001.seg"
	good, state := disk.nodes[seg].data, disk.nodes["/spool/state"].data
	f.Add(good, state)
	f.Add(good[:40], state[:100])
	f.Fuzz(func(t *testing.T, seg1, state1 []byte) {
		d := disk.kill()
		d.nodes[seg].data, d.nodes["/spool/state"].data = seg1, state1
		s, err := Open(Config{Dir: "/spool", fs: d, MinFree: -1})
		if err != nil {
			t.Fatalf("damage stops the spool: %v", err)
		}
		defer s.Close()
		for {
			es, err := s.Lease(Urgent, 10, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(es) == 0 {
				break
			}
		}
		if _, err := s.Append(Event{Lane: Urgent, Payload: []byte("next")}); err != nil {
			t.Fatal(err)
		}
		if es, err := s.Lease(Urgent, 10, 1000); err != nil || len(es) != 1 || string(es[0].Payload) != "next" {
			t.Fatalf("the next event does not come: %v, %v", es, err)
		}
	})
}
