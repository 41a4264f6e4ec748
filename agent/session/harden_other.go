//go:build !linux

package session

import (
	"log/slog"

	"github.com/lapwing-schools/lapwing/agent/sensor"
)

// harden refuses: a session process that cannot be made safe does not run.
func harden(*slog.Logger) error { return sensor.Unsupported("session process") }
