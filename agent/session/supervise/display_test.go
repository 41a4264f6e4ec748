//go:build unix

package supervise

import (
	"errors"
	"os"
	"slices"
	"testing"
)

func TestDisplayTarget(t *testing.T) {
	if _, err := DisplayTarget([]string{"HOME=/home/p"}); !errors.Is(err, ErrNoDisplay) {
		t.Errorf("error %v", err)
	}
	cookie := t.TempDir() + "/cookie"
	if err := os.WriteFile(cookie, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	target, err := DisplayTarget([]string{"DISPLAY=:1", "DISPLAY=:7", "XAUTHORITY=" + cookie, "SECRET_TOKEN=x", "XDG_RUNTIME_DIR="})
	if err != nil {
		t.Fatal(err)
	}
	if target.ID != "display:7" || target.Account == "" || target.UID != uint32(os.Geteuid()) {
		t.Errorf("target %+v", target)
	}
	if want := []string{"DISPLAY=:7", "XAUTHORITY=" + cookie}; !slices.Equal(target.Env, want) {
		t.Errorf("environment %q, want %q", target.Env, want)
	}
}
