package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/logging"
)

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// Lines reach the file when nobody reads standard error any more, and standard
// error when there is no file.
func TestLogReachesWhatIsLeft(t *testing.T) {
	dir := t.TempDir()
	file := openLog(dir)
	logging.New(logTo{broken{}, file}, logging.Options{}).Info("service_starting")
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "log", "agent.log")); err != nil || !bytes.Contains(b, []byte("service_starting")) {
		t.Errorf("the file holds %q, %v", b, err)
	}

	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "log"), nil, 0o600); err != nil { // in the folder's place
		t.Fatal(err)
	}
	var out bytes.Buffer
	file = openLog(dir)
	logging.New(logTo{&out, file}, logging.Options{}).Info("service_starting")
	if !strings.Contains(out.String(), "service_starting") || file.Err() == nil {
		t.Errorf("wrote %q, and the file's error is %v", out.String(), file.Err())
	}
}

// Twenty megabytes of trouble leave four files, of no more than 4 MB each, and
// for nobody else to read; the newest lines are there.
func TestLogRotates(t *testing.T) {
	dir := t.TempDir()
	file := openLog(dir)
	log := logging.New(file, logging.Options{})
	for i := range 20 << 10 {
		log.Info("uplink_waiting", "n", i, "reason", strings.Repeat("x", 950))
	}
	log.Info("the_last")
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	// Old files are removed beside the writing, which nothing tells of.
	for tries := 0; len(logs(t, dir)) > 4; tries++ {
		if tries == 3000 {
			t.Fatalf("%d files are left", len(logs(t, dir)))
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, e := range logs(t, dir) {
		info, err := e.Info()
		if err != nil || info.Size() > logMegabytes<<20 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %d bytes, %v", e.Name(), err, info.Size(), info.Mode())
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "log", "agent.log")); err != nil || !bytes.Contains(b, []byte("the_last")) {
		t.Errorf("the last line is missing: %v", err)
	}
}

func logs(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return entries
}
