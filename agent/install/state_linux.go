package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrNoSystemd is returned on a machine that systemd does not run.
var ErrNoSystemd = errors.New("systemd does not run this machine, and the service is one of systemd's. " +
	"Have the agent started by other means (lapwing-agent run); lapwing-agent status tells how it is. " +
	"In an image that is being built, have the first boot run lapwing-agent service install")

// managed refuses a machine without a running systemd (sd_booted(3)):
// kardianos/service would fall back to scripts in /etc/init.d, which have no
// watchdog and none of the unit's limits.
func managed(root string) error {
	if info, err := os.Stat(filepath.Join(root, "run/systemd/system")); err != nil || !info.IsDir() {
		return ErrNoSystemd
	}
	return nil
}

// statePatience bounds the question.
const statePatience = 10 * time.Second

// State asks systemd. kardianos/service calls a service that ends at once and
// is started again every second a running one.
func (s *Service) State() (State, error) {
	ctx, cancel := context.WithTimeout(context.Background(), statePatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "systemctl", "show", "--property=LoadState,ActiveState,SubState,NRestarts", Name+".service").Output()
	if err != nil {
		return "", fmt.Errorf("ask systemd for the service's state: %w", err)
	}
	state := stateOf(string(out))
	if state == "" {
		return "", fmt.Errorf("ask systemd for the service's state: it answered %q", strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", " "))
	}
	return state, nil
}

// stateOf reads what systemctl show printed; empty if it is nothing known.
func stateOf(text string) State {
	p := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		p[name] = value
	}
	switch p["ActiveState"] {
	case "active", "reloading", "refreshing":
		return Running
	case "activating":
		// Between two attempts it waits; in one it looks as at the first.
		if p["SubState"] == "auto-restart" || p["SubState"] == "auto-restart-queued" || p["NRestarts"] != "0" {
			return Failing
		}
		return Starting
	case "failed":
		return Failing
	case "deactivating":
		return Stopping
	case "inactive":
		switch p["LoadState"] {
		case "masked":
			return Masked
		case "not-found":
			return NotInstalled
		}
		return Stopped
	}
	return ""
}
