// Package beat times what an idle agent does again and again: looking at its
// health, its clocks, what is plugged in.
//
// A laptop's processor sleeps until something wakes it. Tickers of the standard
// library each fire at a moment of their own, and for each the Go runtime's
// watcher (sysmon) looks every 20 µs from that moment until the timer has run,
// which an epoll that counts in milliseconds delays: some sixty wake-ups for one.
// So on Linux tickers of one period fire together, at the multiples of their
// period since the machine started, and the kernel keeps their time.
//
// It imports the standard library and x/sys.
package beat

import "time"

// Ticker is a time.Ticker whose first period may be shorter. C holds one value:
// a beat that nobody took is lost.
type Ticker struct {
	C    <-chan time.Time
	stop func()
}

// Every returns a Ticker of a period, which must be positive.
func Every(period time.Duration) *Ticker {
	if t, err := kernel(period); err == nil {
		return t
	}
	// No descriptor is left, or this system has none such.
	t := time.NewTicker(period)
	return &Ticker{t.C, t.Stop}
}

// Stop ends the beats. It does not close C.
func (t *Ticker) Stop() { t.stop() }
