package session

import (
	"time"

	"golang.org/x/sys/unix"
)

// Ages of a key when it is read, by the server's time.
const (
	// keyLate is from when on what a terminal shows now says little of what it
	// showed then: a person takes longer to type a password and Enter.
	keyLate = 250 * time.Millisecond
	// keyOldest is beyond what a machine can be behind: the server has another clock.
	keyOldest = 10 * time.Minute
)

// late reports whether a key is read long after the server stamped it: this
// process, or the machine, was held up. X servers of this machine take their
// milliseconds from the monotonic clock (GetTimeInMillis); of one that does not,
// nothing is known.
func late(stamp uint32) bool {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return false
	}
	age := time.Duration(int32(uint32(now.Nano()/1e6)-stamp)) * time.Millisecond // both wrap after 49 days
	return age > keyLate && age < keyOldest
}
