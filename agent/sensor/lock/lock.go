// Package lock knows whether the screen is locked. There is no one place that
// says so: desktops tell logind, screen savers tell the session bus, and simple
// lockers only cover the screen. Locked is what any of them says. It also counts
// for how long screens stand open with nobody there (Meter).
//
// It may import agent/sensor/x11, the D-Bus client and the messages.
package lock

import "time"

// State collects what the sources say. The zero value is unlocked. It is not
// safe for concurrent use.
type State struct{ locked map[string]bool }

// Set records what one source says, and reports whether Locked has changed.
func (s *State) Set(source string, locked bool) (changed bool) {
	before := s.Locked()
	if s.locked == nil {
		s.locked = map[string]bool{}
	}
	if locked {
		s.locked[source] = true
	} else {
		delete(s.locked, source)
	}
	return s.Locked() != before
}

// Locked reports whether any source says that the screen is locked.
func (s *State) Locked() bool { return len(s.locked) > 0 }

// Event is the word of one source: about the lock, or with Idle about whether
// somebody is there.
type Event struct {
	Source string
	Locked bool
	Idle   *Idle
}

// Idle is logind's hint, which most desktops set: somebody is there, or nobody
// since a time.
type Idle struct {
	Away  bool
	Since time.Time
}
