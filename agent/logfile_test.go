package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
// for nobody else to read; the newest lines are there, in order. The clock says
// what it likes, and restarts change nothing.
func TestLogRotates(t *testing.T) {
	dir := t.TempDir()
	// As the version before named them, on a device whose clock was in 2056.
	early := filepath.Join(dir, "log", "agent-2056-01-01T00-00-00.000.log")
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "log"), 0o700), os.WriteFile(early, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	const lines = 20 << 10
	file := openLog(dir)
	log := logging.New(file, logging.Options{})
	for i := range lines {
		log.Info("uplink_waiting", "n", i, "reason", strings.Repeat("x", 950))
		if i%1000 == 0 {
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			file = openLog(dir)
			log = logging.New(file, logging.Options{})
		}
	}
	if err := errors.Join(file.Err(), file.Close()); err != nil {
		t.Fatal(err)
	}
	for _, e := range logs(t, dir) {
		info, err := e.Info()
		if err != nil || info.Size() > logBytes || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %d bytes, %v", e.Name(), err, info.Size(), info.Mode())
		}
	}
	next := lines - 1
	for _, name := range []string{"agent.log", "agent.1.log", "agent.2.log", "agent.3.log"} {
		b, err := os.ReadFile(filepath.Join(dir, "log", name))
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		for i := len(all) - 1; i >= 0; i-- {
			if !strings.Contains(all[i], fmt.Sprintf(" n=%d ", next)) {
				t.Fatalf("%s, line %d: %.60q is not number %d", name, i, all[i], next)
			}
			next--
		}
	}
	if n := len(logs(t, dir)); n != 4 {
		t.Errorf("%d files are left, want 4", n)
	}
}

// A technician who clears the folder away finds in it what comes next.
func TestLogFolderRemoved(t *testing.T) {
	dir := t.TempDir()
	file := openLog(dir)
	defer file.Close()
	log := logging.New(file, logging.Options{})
	log.Info("before")
	if err := os.RemoveAll(filepath.Join(dir, "log")); err != nil {
		t.Skip("an open file cannot be removed here:", err)
	}
	log.Info("after")
	b, err := os.ReadFile(filepath.Join(dir, "log", "agent.log"))
	if err != nil || file.Err() != nil || !bytes.Contains(b, []byte("after")) || bytes.Contains(b, []byte("before")) {
		t.Errorf("it holds %q, %v, %v", b, err, file.Err())
	}
}

// Where nothing can be renamed, the cap holds all the same, and lines go on.
func TestLogThatCannotRotate(t *testing.T) {
	dir := t.TempDir()
	file := openLog(dir)
	defer file.Close()
	for _, name := range []string{"agent.2.log", "agent.3.log"} { // a folder with something in it is not replaced
		if err := os.MkdirAll(filepath.Join(dir, "log", name, "stuck"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	log := logging.New(file, logging.Options{})
	for range 6 << 10 {
		log.Info("uplink_waiting", "reason", strings.Repeat("x", 950))
	}
	log.Info("the_last")
	b, err := os.ReadFile(filepath.Join(dir, "log", "agent.log"))
	if err != nil || len(b) > logBytes || !bytes.Contains(b, []byte("the_last")) {
		t.Errorf("%d bytes, %v", len(b), err)
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
