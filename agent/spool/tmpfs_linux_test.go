package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A real disk of one mebibyte that something else fills up. Mounting it needs
// root, which make test has in CI; the same is tested on a disk in memory by
// TestDiskFull for everybody.
func TestRealFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		cannot(t, "mounting a small disk needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		cannot(t, "this machine lets root mount nothing: %v", err)
	}
	t.Cleanup(func() { check(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	fillUp(t, dir)
}

// fillUp uses a spool on the disk at dir while something else fills it.
func fillUp(t *testing.T, dir string) {
	t.Helper()
	s := open(t, Config{Dir: filepath.Join(dir, "spool")})
	var stored []uint64
	append1 := func() (Receipt, error) {
		return s.Append(Event{Lane: Urgent, Payload: bytes.Repeat([]byte("u"), 2000), Category: "violence", Wall: time.Now()})
	}
	for range 50 {
		r, err := append1()
		check(t, err)
		stored = append(stored, r.Seq)
	}
	hog := filepath.Join(dir, "hog")
	fill(t, hog)
	merged := 0
	for range 1000 { // what was written ahead takes some more
		if merged == 25 {
			break
		}
		r, err := append1()
		check(t, err)
		if r.Merged {
			merged++
		} else {
			stored = append(stored, r.Seq)
		}
	}
	if merged == 0 {
		t.Fatal("the disk was not full")
	}
	if _, err := s.Append(Event{Lane: Routine, Payload: make([]byte, 2000)}); !errors.Is(err, ErrFull) {
		t.Errorf("routine: %v, want ErrFull", err)
	}
	// It also opens on a full disk.
	check(t, s.Close())
	s = open(t, Config{Dir: filepath.Join(dir, "spool")})
	check(t, os.Remove(hog))
	r, err := append1()
	check(t, err)
	stored = append(stored, r.Seq)

	digests := 0
	i := 0
	for _, e := range drain(t, s, Urgent) {
		if e.Digest != nil {
			digests += int(e.Digest.ByCategory["violence"])
			continue
		}
		if e.Seq != stored[i] {
			t.Fatalf("record %d came, want %d", e.Seq, stored[i])
		}
		i++
	}
	if i != len(stored) || digests != merged {
		t.Errorf("%d of %d records, digests count %d of %d", i, len(stored), digests, merged)
	}
}

// fill writes a file until the disk is full, to the last byte.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	check(t, err)
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			if !errors.Is(err, unix.ENOSPC) {
				t.Fatal(fmt.Errorf("fill the disk: %w", err))
			}
			size /= 2
		}
	}
}
