package trim_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lapwing-schools/lapwing/internal/trim"
)

// statusKB is a size of this process (proc(5), status).
func statusKB(t *testing.T, name string) (kb int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if _, err := fmt.Sscanf(line, name+": %d kB", &kb); err == nil {
			return kb
		}
	}
	t.Fatal("no ", name)
	return 0
}

// The program goes on, in every thread, with fewer pages of its file.
func TestSelf(t *testing.T) {
	before := statusKB(t, "RssFile")
	var wg sync.WaitGroup
	sums := make([]int, 8)
	for i := range sums {
		wg.Go(func() {
			for n := range 200_000 {
				sums[i] += len(fmt.Sprint(n))
			}
		})
	}
	for range 20 {
		trim.Self()
	}
	after := statusKB(t, "RssFile")
	wg.Wait()
	for _, s := range sums {
		if s != sums[0] || s == 0 {
			t.Errorf("threads counted %v", sums)
		}
	}
	if after >= before {
		t.Errorf("file pages: %d kB before, %d kB after", before, after)
	}
}

// A session process locks its memory, so that nothing typed reaches a disk.
// Its program's pages hold nothing typed: they are given back all the same.
func TestSelfLocked(t *testing.T) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		var begin, end uintptr
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &begin, &end, &mode); err != nil {
			t.Fatal(err)
		}
		if mode == "r-xp" { // the program's code is the first
			if _, _, errno := unix.Syscall(unix.SYS_MLOCK2, begin, end-begin, unix.MLOCK_ONFAULT); errno != 0 {
				t.Fatal(errno)
			}
			break
		}
	}
	before, locked := statusKB(t, "RssFile"), statusKB(t, "VmLck")
	trim.Self()
	after, left := statusKB(t, "RssFile"), statusKB(t, "VmLck")
	if after >= before || locked == 0 || left != 0 {
		t.Errorf("file pages: %d kB before, %d kB after; locked %d and %d kB", before, after, locked, left)
	}
}
