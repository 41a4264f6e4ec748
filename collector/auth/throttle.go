package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

// The throttle's numbers. An account allows five wrong tries, then one after
// 30 s, doubling to 15 min; a network address thirty, because a whole school
// stands behind one. An hour without a try forgets.
const (
	accountTries = 5
	addressTries = 30
	firstWait    = 30 * time.Second
	longestWait  = 15 * time.Minute
	forgetAfter  = time.Hour
	// maxTracked bounds the memory an attacker can make us use (about 1 MB).
	maxTracked = 8192
)

// throttle counts failed tries by account and by address, in memory: a
// restart forgives, and each collector counts for itself. Keys are hashed, so
// that names typed by mistake (often the passphrase) do not lie in memory.
type throttle struct {
	now   func() time.Time
	limit int // of tracked

	mu      sync.Mutex
	tracked map[[32]byte]*tries
}

type tries struct {
	failed int
	last   time.Time
	until  time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, limit: maxTracked, tracked: make(map[[32]byte]*tries)}
}

func trackKey(kind, value string) [32]byte { return sha256.Sum256([]byte(kind + "\x00" + value)) }

// try books a try as failed and returns 0, or returns how long to wait. It is
// booked beforehand so that parallel tries count too; succeeded takes it back.
func (t *throttle) try(account, address string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	a, b := t.get(trackKey("account", account), now), t.get(trackKey("address", address), now)
	if wait := max(a.until.Sub(now), b.until.Sub(now)); wait > 0 {
		return wait
	}
	a.fail(now, accountTries)
	b.fail(now, addressTries)
	return 0
}

// succeeded forgets the account's tries and takes back the one of the address;
// the others of the address stay, or one known account would unlock guessing.
func (t *throttle) succeeded(account, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tracked, trackKey("account", account))
	if b := t.tracked[trackKey("address", address)]; b != nil && b.failed > 0 {
		b.failed--
		b.until = time.Time{}
	}
}

func (t *throttle) get(key [32]byte, now time.Time) *tries {
	if e := t.tracked[key]; e != nil {
		if now.Sub(e.last) >= forgetAfter && !now.Before(e.until) {
			*e = tries{}
		}
		return e
	}
	if len(t.tracked) >= t.limit {
		t.evict(now)
	}
	e := &tries{last: now}
	t.tracked[key] = e
	return e
}

// evict drops what is forgotten anyway, and one entry at least: the oldest
// that bars nobody, or else the oldest.
func (t *throttle) evict(now time.Time) {
	var victim [32]byte
	var found, free bool
	var oldest time.Time
	for k, e := range t.tracked {
		bars := now.Before(e.until)
		if now.Sub(e.last) >= forgetAfter && !bars {
			delete(t.tracked, k)
			continue
		}
		if !found || (!bars && !free) || (bars == !free && e.last.Before(oldest)) {
			victim, oldest, found, free = k, e.last, true, !bars
		}
	}
	if found && len(t.tracked) >= t.limit {
		delete(t.tracked, victim)
	}
}

func (e *tries) fail(now time.Time, allowed int) {
	e.failed++
	e.last = now
	if over := e.failed - allowed; over >= 0 {
		wait := firstWait
		for range over {
			if wait *= 2; wait >= longestWait {
				wait = longestWait
				break
			}
		}
		e.until = now.Add(wait)
	}
}
