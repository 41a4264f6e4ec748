package uplink

import (
	"errors"
	"time"
)

// Timers stand still while the machine sleeps, and a connection that slept for
// minutes is dead at the other end. Where nothing tells the service (see Sleep
// and Wake), of its two clocks one goes on. They are compared twice a minute:
// each look wakes the processor.
const (
	lookEvery = 30 * time.Second
	// napped is from when on it was a sleep: less is a busy machine.
	napped = 5 * time.Second
	// wakeSpread is how much devices that wake together are spread over.
	wakeSpread = 3 * time.Second
)

var errSlept = errors.New("the machine slept; connecting anew")

// sleepWatch tells that the machine slept since it was last asked.
type sleepWatch struct {
	elapsed func() time.Duration // counts while asleep; nil: never slept
	began   time.Time            // its monotonic part does not
	at      time.Duration
}

func (u *Uplink) newSleepWatch() *sleepWatch {
	w := &sleepWatch{elapsed: u.cfg.Elapsed}
	w.reset()
	return w
}

func (w *sleepWatch) reset() {
	if w.elapsed != nil {
		w.began, w.at = time.Now(), w.elapsed()
	}
}

func (w *sleepWatch) slept() bool {
	if w.elapsed == nil {
		return false
	}
	gone := (w.elapsed() - w.at) - time.Since(w.began)
	w.reset()
	return gone >= napped
}
