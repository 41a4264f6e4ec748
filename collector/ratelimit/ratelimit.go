// Package ratelimit holds token buckets by key, with bounded memory: what the
// collector's doors allow one address or one device. It imports the standard
// library only.
package ratelimit

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Buckets is a set of token buckets. A bucket begins full. It is safe for
// concurrent use.
type Buckets struct {
	perSecond float64
	burst     float64
	limit     int
	now       func() time.Time

	mu   sync.Mutex // guards all
	all  map[string]*bucket
	rest bucket // shared by the keys that found no room
}

type bucket struct {
	tokens float64
	at     time.Time
}

// New returns buckets that hold burst tokens and gain perSecond tokens a
// second, for at most keys keys at a time; further keys share one bucket, so
// that inventing keys gains nobody anything.
func New(perSecond float64, burst, keys int, now func() time.Time) *Buckets {
	return &Buckets{
		perSecond: perSecond, burst: float64(burst), limit: keys, now: now,
		all:  make(map[string]*bucket),
		rest: bucket{tokens: float64(burst), at: now()},
	}
}

// Take takes n tokens and reports true, or takes none and reports how long it
// would take until n are there.
func (b *Buckets) Take(key string, n int) (ok bool, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.find(key)
	need := min(float64(n), b.burst) // or a large n could never pass
	if k.tokens >= need {
		k.tokens -= need
		return true, 0
	}
	return false, b.refill(need - k.tokens)
}

// Empty reports whether less than one token is left, without taking any, and
// how long it would take until one is there.
func (b *Buckets) Empty(key string) (bool, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.find(key)
	if k.tokens >= 1 {
		return false, 0
	}
	return true, b.refill(1 - k.tokens)
}

func (b *Buckets) refill(tokens float64) time.Duration {
	return time.Duration(tokens / b.perSecond * float64(time.Second))
}

// find returns the key's bucket, filled up to now.
func (b *Buckets) find(key string) *bucket {
	now := b.now()
	k := b.all[key]
	if k == nil {
		if len(b.all) >= b.limit {
			b.sweep(now)
		}
		if len(b.all) >= b.limit {
			k = &b.rest
		} else {
			k = &bucket{tokens: b.burst, at: now}
			b.all[key] = k
		}
	}
	b.fill(k, now)
	return k
}

func (b *Buckets) fill(k *bucket, now time.Time) {
	if gone := now.Sub(k.at); gone > 0 {
		k.tokens = min(b.burst, k.tokens+gone.Seconds()*b.perSecond)
	}
	k.at = now
}

// sweep forgets full buckets: a new one would be the same.
func (b *Buckets) sweep(now time.Time) {
	for key, k := range b.all {
		if b.fill(k, now); k.tokens >= b.burst {
			delete(b.all, key)
		}
	}
}

// AddressKey is the key of a remote address: the IPv4 address, or the /64 that
// one IPv6 subscriber usually has to himself.
func AddressKey(a net.Addr) string {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return a.String()
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is6() {
		p, err := ip.Prefix(64)
		if err == nil {
			return p.String()
		}
	}
	return ip.String()
}
