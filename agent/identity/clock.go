package identity

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// keepEvery is how often at most the trusted time is written down. An hour woke
// the disk of an idle laptop all night, for a floor that is as old as the laptop
// was off anyway.
const keepEvery = 24 * time.Hour

// Clock tells trusted time (contract "Time"): the last time that the collector
// told plus what has passed since by a clock that nobody can set. Before the
// collector has told any, it is a floor only: the time written down before the
// last restart, or the build time. It is safe for concurrent use.
type Clock struct {
	wall    func() time.Time
	elapsed func() time.Duration
	path    string // where the time is written down; "" for nowhere

	mu    sync.Mutex // guards all below
	floor time.Time
	told  time.Time     // collector's time when it last told
	at    time.Duration // elapsed then
	exact bool          // it has told
	kept  time.Duration // elapsed when it was last written down

	skew      time.Duration // device minus collector when it last told
	skewKnown bool

	// The life of the certificate that the collector showed last; zero: none yet.
	notBefore, notAfter time.Time
}

// NewClock returns a clock for the identity in DIR ("" to write nothing down).
// built is the build's time; wall is the machine's clock, elapsed the time
// since boot with suspended time included (boot.Elapsed).
func NewClock(dir string, built time.Time, wall func() time.Time, elapsed func() time.Duration) *Clock {
	c := &Clock{wall: wall, elapsed: elapsed, floor: built}
	if dir == "" {
		return c
	}
	c.path = filepath.Join(dir, dirName, timeFile)
	// A file that cannot be read, or is nonsense, leaves the build time.
	if b, err := os.ReadFile(c.path); err == nil {
		if ms, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil {
			if t := time.UnixMilli(ms); t.After(c.floor) {
				c.floor = t
			}
		}
	}
	return c
}

// Now implements tlsx.Clock.
func (c *Clock) Now() (now time.Time, exact bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.exact {
		return c.floor, false
	}
	return c.told.Add(c.elapsed() - c.at), true
}

// Reckoned returns the time as well as this device can tell it: the collector's,
// and before it has told any the later of the machine's clock and the floor. It
// is for what is kept for so many hours, not for certificates.
func (c *Clock) Reckoned() time.Time {
	now, exact := c.Now()
	if wall := c.wall(); !exact && wall.After(now) {
		return wall
	}
	return now
}

// Skew returns how far the machine's clock is ahead of the collector's, by the
// last time it told; known is false before the first.
func (c *Clock) Skew() (skew time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.skew, c.skewKnown
}

// Corrected returns the collector's time for t of the machine's clock, or t
// while the skew is unknown.
func (c *Clock) Corrected(t time.Time) time.Time {
	skew, _ := c.Skew()
	return t.Add(-skew)
}

// shown takes the life of the collector's certificate at each connection.
func (c *Clock) shown(notBefore, notAfter time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notBefore, c.notAfter = notBefore, notAfter
}

// Observe takes the collector's time, as an authenticated collector told it
// just now. It is written down at most once a day. A time at which its own
// certificate would not be valid gives the skew, and is otherwise not believed:
// a collector whose clock stood in the year 2099 for a day would else make its
// devices refuse it for ever after.
func (c *Clock) Observe(server time.Time) {
	c.mu.Lock()
	if !c.notAfter.IsZero() && (server.Before(c.notBefore) || server.After(c.notAfter)) {
		c.skew, c.skewKnown = c.wall().Sub(server), true
		c.mu.Unlock()
		return
	}
	at := c.elapsed()
	first := !c.exact
	c.told, c.at, c.exact = server, at, true
	c.skew, c.skewKnown = c.wall().Sub(server), true
	keep := c.path != "" && (first || at-c.kept >= keepEvery)
	if keep {
		c.kept = at
	}
	c.mu.Unlock()
	if keep {
		// Losing it costs nothing but an older floor after a restart.
		_ = os.WriteFile(c.path, strconv.AppendInt(nil, server.UnixMilli(), 10), 0o600)
	}
}
