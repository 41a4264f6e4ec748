package install

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// askPatience bounds the question; a goodbye has 2 s.
const askPatience = 500 * time.Millisecond

// StaysOn reports whether the service manager says that the machine is not being
// shut down. Without systemd, or without its answer, it does not.
func StaysOn() bool {
	ctx, cancel := context.WithTimeout(context.Background(), askPatience)
	defer cancel()
	// The exit code is that of a test for "running"; the word is what counts.
	out, _ := exec.CommandContext(ctx, "systemctl", "is-system-running").Output()
	return staysOn(strings.TrimSpace(string(out)))
}

// staysOn reads the state of the system (systemctl(1), is-system-running).
func staysOn(state string) bool {
	switch state {
	case "initializing", "starting", "running", "degraded", "maintenance":
		return true
	}
	return false // stopping, offline, unknown
}
