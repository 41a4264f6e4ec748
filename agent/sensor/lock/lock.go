// Package lock knows whether the screen is locked. There is no one place that
// says so: desktops tell logind, screen savers tell the session bus, and simple
// lockers only cover the screen. Locked is what any of them says.
//
// It may import agent/sensor/x11 and the D-Bus client.
package lock

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

// Event is the word of one source.
type Event struct {
	Source string
	Locked bool
}
