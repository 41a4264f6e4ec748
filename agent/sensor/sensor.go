// Package sensor owns what every sensor has in common: the interface, the
// typed answer of a platform that has none, and how a sensor says what it can
// and cannot see. The sensors themselves are the packages below it, one a
// thing seen; per-OS files hold what differs.
//
// It imports the standard library only. Sensors observe; they decide nothing:
// what they see goes to agent/capture (session process) or straight to the
// service (usb, posture).
package sensor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// ErrUnsupported says that this build has no such sensor. Coverage shows it as
// off with code "unsupported"; it is never taken for "nothing happened".
var ErrUnsupported = errors.New("sensor not supported on this system")

// Unsupported returns ErrUnsupported with the sensor and the system named.
func Unsupported(name string) error {
	return fmt.Errorf("%s on %s/%s: %w", name, runtime.GOOS, runtime.GOARCH, ErrUnsupported)
}

// Names of the sensors, as coverage and the console know them.
const (
	Text    = "text"
	Window  = "window"
	Lock    = "lock"
	USB     = "usb"
	Posture = "posture"
)

// State is what a sensor can see: never guessed, Unknown until it has looked.
type State uint8

// States of a sensor.
const (
	Unknown State = iota
	OK
	Limited
	Off
)

// Status is a sensor's own word about itself.
type Status struct {
	State State
	// Code is a reason code of internal/conditions; empty when OK.
	Code string
}

// Sensor watches one thing until its context ends.
type Sensor interface {
	// Name is one of the names above.
	Name() string
	// Run watches until ctx is done or the source is lost. It reports every
	// change of its status through report (safe for concurrent use) and
	// returns ErrUnsupported, wrapped, where the platform has no source.
	Run(ctx context.Context, report func(Status)) error
}
