package spool

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// loadEnv makes the test binary a process that spools 100,000 events of 300
// bytes, an fsync for each 100, with the engine that it names, and prints how
// long that took and the most memory it ever had.
const loadEnv = "LAPWING_SPOOL_LOAD"

const (
	loadEvents = 100_000
	loadGroup  = 100
	loadSize   = 300
)

func loadWith(engine string) {
	dir, err := os.MkdirTemp(os.Getenv("LAPWING_SPOOL_LOAD_DIR"), "load-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	begin := time.Now()
	switch engine {
	case "spool":
		loadSpool(dir)
	case "bbolt":
		loadBolt(dir)
	}
	took := time.Since(begin)
	fmt.Println(took.Seconds(), highWater())
}

func loadSpool(dir string) {
	s, err := Open(Config{Dir: dir, MaxBytes: 1 << 30, MinFree: -1})
	if err != nil {
		panic(err)
	}
	event := Event{Lane: Routine, Payload: make([]byte, loadSize)}
	for range loadEvents / loadGroup {
		// As appends do that come while another one waits for its fsync.
		for range loadGroup - 1 {
			if _, err := s.join(&item{event: event}); err != nil {
				panic(err)
			}
		}
		if _, err := s.Append(event); err != nil {
			panic(err)
		}
	}
	if n := s.Stats().Routine.Records; n != loadEvents {
		panic(fmt.Sprint(n, " records"))
	}
	if err := s.Close(); err != nil {
		panic(err)
	}
}

func loadBolt(dir string) {
	db, err := bbolt.Open(filepath.Join(dir, "db"), 0o600, nil)
	if err != nil {
		panic(err)
	}
	payload, n := make([]byte, loadSize), uint64(0)
	for range loadEvents / loadGroup {
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("events"))
			if err != nil {
				return err
			}
			for range loadGroup {
				n++
				if err := b.Put(binary.BigEndian.AppendUint64(nil, n), payload); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			panic(err)
		}
	}
	if err := db.Close(); err != nil {
		panic(err)
	}
}

// highWater is VmHWM of this process in megabytes (proc(5)).
func highWater() float64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		var kb float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kb); err == nil {
			return kb / 1000
		}
	}
	return 0
}

// BenchmarkLoad reports the spool beside bbolt: rounds in turn, each in a
// process of its own, the medians, and their ratio (aim: 2 and more, with at
// most 25 MB). It also keeps that limit: peak memory does not depend on what
// else the machine does.
func BenchmarkLoad(b *testing.B) {
	const rounds = 5
	took, peak := map[string][]float64{}, map[string][]float64{}
	for b.Loop() {
		for range rounds {
			for _, engine := range []string{"spool", "bbolt"} {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), loadEnv+"="+engine, "LAPWING_SPOOL_LOAD_DIR="+b.TempDir())
				out, err := cmd.Output()
				if err != nil {
					b.Fatalf("%s: %v", engine, err)
				}
				var s, mb float64
				if _, err := fmt.Sscan(string(out), &s, &mb); err != nil {
					b.Fatalf("%s said %q", engine, out)
				}
				took[engine], peak[engine] = append(took[engine], s), append(peak[engine], mb)
			}
		}
	}
	median := func(all []float64) float64 { slices.Sort(all); return all[len(all)/2] }
	ours, theirs := median(took["spool"]), median(took["bbolt"])
	b.ReportMetric(ours, "spool-s")
	b.ReportMetric(theirs, "bbolt-s")
	b.ReportMetric(theirs/ours, "times-bbolt")
	b.ReportMetric(slices.Max(peak["spool"]), "spool-peak-MB")
	b.ReportMetric(slices.Max(peak["bbolt"]), "bbolt-peak-MB")
	if mb := slices.Max(peak["spool"]); mb > 25 {
		b.Errorf("the spool's process had %.1f MB, at most 25", mb)
	}
}
