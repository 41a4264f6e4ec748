package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLauncher: the entry is valid, everybody may read it, it starts the page,
// and uninstalling leaves nothing, but for others' entries.
func TestLauncher(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, launcherPath)
	const program, dir = "/opt/la p/agent$x", "/var/lib/50%"
	for range 2 { // again, as after an update
		if err := addLauncher(root, program, dir); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "desktop-file-validate", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), `Exec="/opt/la p/agent\\$x" notice --dir "/var/lib/50%%"`+"\n") {
		t.Errorf("%v\n%s", err, text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", err, info.Mode())
	}
	for range 2 {
		if err := removeLauncher(root); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Errorf("a folder is left: %v", err)
	}
}
