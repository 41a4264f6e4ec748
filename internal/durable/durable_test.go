package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// holds checks the names in a folder: no temporary file stays behind.
func holds(t *testing.T, dir string, names ...string) {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range es {
		got = append(got, e.Name())
	}
	if len(got) != len(names) || len(got) == 1 && got[0] != names[0] {
		t.Errorf("the folder holds %v, want %v", got, names)
	}
}

func private(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 { // Windows has no such bits
		t.Errorf("mode %v, want 0600", mode)
	}
}

func TestWriteFileReplacesTheWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, want := range []string{"a long first content", "short", ""} {
		if err := WriteFile(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got := content(t, path); got != want {
			t.Errorf("holds %q, want %q", got, want)
		}
	}
	private(t, path)
	holds(t, filepath.Dir(path), "file")
}

func TestWriteFileThatFailsLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if WriteFile(path, []byte("x")) == nil {
		t.Error("a folder was replaced by a file")
	}
	holds(t, filepath.Dir(path), "file")
	if WriteFile(filepath.Join(path, "gone", "file"), nil) == nil {
		t.Error("written into a folder that is not there")
	}
}

func TestWriteNewReplacesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := WriteNew(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	private(t, path)
	if err := WriteNew(path, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	if got := content(t, path); got != "first" {
		t.Errorf("holds %q, want the first", got)
	}
}

func TestRemoveTempsRemovesTempsOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, name := range []string{"file", "file" + tempInfix + "1", "file" + tempInfix + "2"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	RemoveTemps(path)
	holds(t, dir, "file")
}

func TestSyncDirNeedsAFolder(t *testing.T) {
	if err := SyncDir(t.TempDir()); err != nil {
		t.Error(err)
	}
	if runtime.GOOS != "windows" && SyncDir(filepath.Join(t.TempDir(), "gone")) == nil {
		t.Error("synced a folder that is not there")
	}
}
