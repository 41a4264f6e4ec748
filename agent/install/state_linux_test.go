package install

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestMachineWithoutSystemd(t *testing.T) {
	root := t.TempDir()
	if err := managed(root); !errors.Is(err, ErrNoSystemd) {
		t.Errorf("got %v, want ErrNoSystemd", err)
	}
	if err := os.MkdirAll(filepath.Join(root, "run/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := managed(root); err != nil {
		t.Error(err)
	}
}

// What systemctl show prints, as seen on Debian 12.
func TestStateOf(t *testing.T) {
	for text, want := range map[string]State{
		"LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=0\n":          Running,
		"NRestarts=3\nLoadState=loaded\nActiveState=active\nSubState=running\n":          Running,
		"LoadState=loaded\nActiveState=activating\nSubState=start\nNRestarts=0\n":        Starting,
		"LoadState=loaded\nActiveState=activating\nSubState=start\nNRestarts=12\n":       Failing,
		"LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nNRestarts=0\n": Failing,
		"LoadState=loaded\nActiveState=failed\nSubState=failed\nNRestarts=0\n":           Failing,
		"LoadState=loaded\nActiveState=deactivating\nSubState=stop-sigterm\n":            Stopping,
		"LoadState=loaded\nActiveState=inactive\nSubState=dead\n":                        Stopped,
		"LoadState=masked\nActiveState=inactive\nSubState=dead\n":                        Masked,
		"LoadState=not-found\nActiveState=inactive\nSubState=dead\n":                     NotInstalled,
		"": "",
	} {
		if got := stateOf(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
