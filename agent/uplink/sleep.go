package uplink

import (
	"context"
	"errors"
	"time"
)

// A machine that sleeps is silent for hours, and a school must be able to tell
// that from a device that was cut off. Who knows of it beforehand (on Linux
// logind) says so here; the collector is told that the silence is meant.

// stayAway is how long a device that was to sleep stays away if neither sleep
// nor waking follows: the sleep was called off.
const stayAway = time.Minute

// errAsleep ends a stream because the machine goes to sleep.
var errAsleep = errors.New("the machine goes to sleep")

// nap is one announced sleep.
type nap struct {
	told  chan struct{} // closed when the collector knows, or cannot be told
	awake chan struct{} // closed by Wake
}

// Sleep says goodbye because the machine is about to sleep. It returns when the
// collector has taken it, when there is no connection, or when ctx is done. The
// device then stays away until Wake, or for a minute if no sleep follows. It is
// safe for concurrent use; a second call before Wake waits for the first.
func (u *Uplink) Sleep(ctx context.Context) {
	u.mu.Lock()
	n := u.nap
	if n == nil && u.hangUp != nil {
		n = &nap{make(chan struct{}), make(chan struct{})}
		u.nap = n
		u.hangUp(errAsleep)
	}
	u.mu.Unlock()
	if n == nil {
		return // not connected, nor about to be
	}
	select {
	case <-n.told:
	case <-ctx.Done():
	}
}

// Wake says that the machine is awake again: what waits to connect does so
// within seconds. It is safe for concurrent use, also without a Sleep before.
func (u *Uplink) Wake() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.nap != nil {
		close(u.nap.awake)
		u.nap = nil
		return
	}
	select {
	case u.woke <- struct{}{}:
	default:
	}
}

// connect is once under a context that Sleep may end; slept is the sleep that
// did.
func (u *Uplink) connect(ctx context.Context) (slept *nap, err error) {
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	u.mu.Lock()
	u.hangUp = hangUp
	u.mu.Unlock()
	err = u.once(ctx)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.hangUp = nil
	if errors.Is(context.Cause(ctx), errAsleep) {
		slept = u.nap
	}
	return slept, err
}

// sleepThrough waits until the machine is awake again.
func (u *Uplink) sleepThrough(ctx context.Context, n *nap) {
	u.update(func(s *Status) { s.State, s.RetryAt, s.Detail, s.Code = Waiting, time.Time{}, errAsleep.Error(), "" })
	u.cfg.Log.InfoContext(ctx, "uplink_sleeps")
	close(n.told)
	called, watch := time.NewTimer(stayAway), u.newSleepWatch()
	look, stop := u.cfg.Every(lookEvery)
	defer called.Stop()
	defer stop()
	for asleep := true; asleep; {
		select {
		case <-n.awake:
			asleep = false
		case <-look:
			asleep = !watch.slept()
		case <-called.C:
			asleep = false
		case <-ctx.Done():
			asleep = false
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.nap == n {
		u.nap = nil
	}
}
