package trim_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/trim"
)

// fileKB is RssFile of this process (proc(5), status).
func fileKB(t *testing.T) (kb int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if _, err := fmt.Sscanf(line, "RssFile: %d kB", &kb); err == nil {
			return kb
		}
	}
	t.Fatal("no RssFile")
	return 0
}

// The program goes on, in every thread, with fewer pages of its file.
func TestSelf(t *testing.T) {
	before := fileKB(t)
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
	after := fileKB(t)
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
