// Package boot knows since when the machine is up: the clock of an agent's
// events that nobody can set, and the id that says which boot it counts from.
// It imports the standard library and x/sys.
package boot

import (
	"crypto/rand"
	"fmt"
	"time"
)

// Boot is one boot of the machine.
type Boot struct {
	// ID is random to each boot. Where the system has none (Windows) it is
	// random to each call of Current, so call that once in a process.
	ID [16]byte
}

// Current returns the boot that the machine is in.
func Current() (Boot, error) {
	id, err := systemID()
	if err != nil {
		return Boot{}, fmt.Errorf("read boot id: %w", err)
	}
	if id == [16]byte{} {
		if _, err := rand.Read(id[:]); err != nil {
			return Boot{}, fmt.Errorf("make boot id: %w", err)
		}
	}
	return Boot{id}, nil
}

// Elapsed returns the time since boot, suspended time included. It never goes
// back.
func Elapsed() time.Duration { return elapsed() }
