package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

// The throttle's numbers. Who tries an account from one address has five wrong
// tries, then one after 30 s, doubling to 15 min; an hour without a try
// forgets. From all addresses together an account has 50, and one more each
// minute; an address, behind which a whole school may stand, has 200, and one
// more every ten seconds. These two refill steadily, so that whoever keeps
// trying delays others but does not shut them out; and a browser that signed
// in to the account before (known.go) answers for its own tries only, or one
// pupil could keep the safeguarding lead out of the queue.
const (
	pairTries    = 5
	firstWait    = 30 * time.Second
	longestWait  = 15 * time.Minute
	accountTries = 50
	accountEvery = time.Minute
	addressTries = 200
	addressEvery = 10 * time.Second
	// forgetAfter is also longer than either of the two takes to refill.
	forgetAfter = time.Hour
	// maxTracked bounds the memory an attacker can make us use (about 1 MB).
	maxTracked = 8192
)

// attempt is who tries to sign in.
type attempt struct {
	account string // the user, or what was typed when there is none
	address string
	known   string // the browser, when it signed in to this account before; else empty
}

// throttle counts failed tries, in memory: a restart forgives, and each
// collector counts for itself. Keys are hashed, so that names typed by mistake
// (often the passphrase) do not lie in memory.
type throttle struct {
	now   func() time.Time
	limit int // of tracked

	mu      sync.Mutex // guards tracked
	tracked map[[32]byte]*tries
}

// tries is what one key has behind it.
type tries struct {
	failed int       // of keys whose wait doubles
	filled time.Time // of keys that refill: when they are as good as new
	last   time.Time
	until  time.Time // barred before
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, limit: maxTracked, tracked: make(map[[32]byte]*tries)}
}

func trackKey(kind, value string) [32]byte { return sha256.Sum256([]byte(kind + "\x00" + value)) }

// own is the key that only this browser, or this address on this account, counts for.
func (a attempt) own() [32]byte {
	if a.known != "" {
		return trackKey("known", a.account+"\x00"+a.known)
	}
	return trackKey("pair", a.account+"\x00"+a.address)
}

// try books a try as failed and returns 0, or returns how long to wait. It is
// booked beforehand so that parallel tries count too; succeeded takes it back.
func (t *throttle) try(a attempt) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	own := t.get(a.own(), now)
	if a.known != "" {
		if wait := own.until.Sub(now); wait > 0 {
			return wait
		}
		own.double(now)
		return 0
	}
	account, address := t.get(trackKey("account", a.account), now), t.get(trackKey("address", a.address), now)
	if wait := max(own.until.Sub(now), account.until.Sub(now), address.until.Sub(now)); wait > 0 {
		return wait
	}
	own.double(now)
	account.pour(now, accountTries, accountEvery)
	address.pour(now, addressTries, addressEvery)
	return 0
}

// succeeded forgets the tries of the browser or address on the account, and
// takes this one back from the account's and the address's; others' stay
// counted, or one known account would unlock guessing.
func (t *throttle) succeeded(a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tracked, a.own())
	if a.known != "" {
		return
	}
	if e := t.tracked[trackKey("account", a.account)]; e != nil {
		e.takeBack(accountEvery)
	}
	if e := t.tracked[trackKey("address", a.address)]; e != nil {
		e.takeBack(addressEvery)
	}
}

func (t *throttle) get(key [32]byte, now time.Time) *tries {
	if e := t.tracked[key]; e != nil {
		if e.forgotten(now) {
			*e = tries{last: now}
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
		if e.forgotten(now) {
			delete(t.tracked, k)
			continue
		}
		bars := now.Before(e.until)
		if !found || (!bars && !free) || (bars == !free && e.last.Before(oldest)) {
			victim, oldest, found, free = k, e.last, true, !bars
		}
	}
	if found && len(t.tracked) >= t.limit {
		delete(t.tracked, victim)
	}
}

func (e *tries) forgotten(now time.Time) bool {
	return now.Sub(e.last) >= forgetAfter && !now.Before(e.until)
}

// double bars longer with each try over pairTries.
func (e *tries) double(now time.Time) {
	e.failed++
	e.last = now
	if over := e.failed - pairTries; over >= 0 {
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

// pour takes one of burst tries, of which one comes back every so often.
func (e *tries) pour(now time.Time, burst int, every time.Duration) {
	if e.filled.Before(now) {
		e.filled = now
	}
	e.filled = e.filled.Add(every)
	e.last, e.until = now, e.filled.Add(-time.Duration(burst-1)*every)
}

func (e *tries) takeBack(every time.Duration) {
	e.filled, e.until = e.filled.Add(-every), e.until.Add(-every)
}
