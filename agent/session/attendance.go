package session

import (
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor/lock"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// attendance keeps the meter of this session's screen: what the desktop sees
// goes in, whole minutes and breaches go to the service. It is safe for
// concurrent use.
type attendance struct {
	start   time.Time
	tell    func(*lapwingv1.LockReport)
	changed chan struct{} // holds a value when the policy has changed

	mu    sync.Mutex // guards what follows
	meter lock.Meter
}

func newAttendance(now time.Time, tell func(*lapwingv1.LockReport)) *attendance {
	return &attendance{start: now, tell: tell, changed: make(chan struct{}, 1)}
}

// presence is what a desktop sees: locked or not, and the last key or move of
// the mouse, if it can tell.
type presence struct {
	locked bool
	known  bool
	idle   time.Duration
	heard  bool // the desktop tells of somebody's return
}

// see takes what is so now. It returns when to look again, and whether
// somebody's return is waited for.
func (a *attendance) see(now time.Time, p presence) (next time.Time, over bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := a.moment(now)
	a.send(a.meter.Step(lock.Observation{At: at, Locked: p.locked, Known: p.known, Input: at.Mono - p.idle, Heard: p.heard}))
	return a.start.Add(a.meter.Next()), a.meter.Over()
}

// setPolicy has the desktop look again at once.
func (a *attendance) setPolicy(now time.Time, p *lapwingv1.LockPolicy) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.send(a.meter.Until(a.moment(now)))
	a.send(a.meter.SetPolicy(p))
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// close tells what is left.
func (a *attendance) close(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.send(a.meter.Until(a.moment(now)))
	a.send(a.meter.Close())
}

// moment is now, by the monotonic clock too, which stands still in sleep.
func (a *attendance) moment(now time.Time) lock.Moment {
	return lock.Moment{Mono: now.Sub(a.start), Wall: now}
}

func (a *attendance) send(reports []*lapwingv1.LockReport) {
	for _, r := range reports {
		a.tell(r)
	}
}
