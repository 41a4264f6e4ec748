// Package health says what is wrong with the service itself: policy, queue,
// clock and certificate, by the codes of internal/conditions. A condition comes
// when its limit is passed and goes only when it is well clear of it, so that a
// value at the limit does not make a row that flickers.
//
// It is pure: values come with the question. It may import agent/sensor and
// internal/conditions.
package health

import (
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// Sensor is the row of the service on the coverage board.
const Sensor = "service"

// Limits: a condition comes at the first and goes at the second.
const (
	skewComes, skewGoes   = 5 * time.Minute, 2 * time.Minute
	certComes, certGoes   = 7 * 24 * time.Hour, 8 * 24 * time.Hour
	silentComes           = 7 * 24 * time.Hour
	spoolComes, spoolGoes = 0.90, 0.75
	// damageTold is how long a damaged queue is news. The count stays; a warning
	// that stayed too would, after three years, be on half of the devices and
	// be read on none.
	damageTold = 7 * 24 * time.Hour
	// certChance is how long a certificate that ends soon has to be renewed before
	// a word is said: a laptop that comes out of its cupboard renews within
	// seconds, and six hundred on the first day of term are no alarm.
	certChance = 90 * time.Second
)

// Facts are what is known of the service now.
type Facts struct {
	Policy        bool // one is in force
	PolicyRefused bool // the last that came was refused
	// Unheard is how long the collector has not been heard, so how old the
	// policy may be.
	Unheard    time.Duration
	SpoolFull  bool
	SpoolShare float64 // of its cap, 0 to 1
	// LastDamage is when something in it could not be read, by the same clock as
	// Now; zero: never.
	LastDamage, Now time.Time
	Skew            time.Duration
	CertLeft        time.Duration
	// Up is how long the service has run, asleep or not counted as one likes.
	Up time.Duration
}

// Watcher remembers which conditions hold. The zero value holds none.
type Watcher struct {
	skew, cert, spool bool

	certSince time.Duration // Facts.Up when cert came
}

// Look returns the service's row: the worst condition that holds.
func (w *Watcher) Look(f Facts) sensor.Status {
	w.skew = past(w.skew, f.Skew.Abs(), skewComes, skewGoes)
	ends := past(w.cert, -f.CertLeft, -certComes, -certGoes)
	if ends && !w.cert {
		w.certSince = f.Up
	}
	w.cert = ends
	w.spool = f.SpoolFull || past(w.spool, f.SpoolShare, spoolComes, spoolGoes)
	limited := func(code string) sensor.Status { return sensor.Status{State: sensor.Limited, Code: code} }
	switch {
	case !f.Policy && f.PolicyRefused: // it came, so nobody need look at the network
		return sensor.Status{State: sensor.Off, Code: conditions.PolicyRefused}
	case !f.Policy:
		return sensor.Status{State: sensor.Off, Code: conditions.PolicyMissing}
	case f.SpoolFull:
		return limited(conditions.SpoolFull)
	case w.spool:
		return limited(conditions.SpoolNearFull)
	case f.PolicyRefused:
		return limited(conditions.PolicyRefused)
	case f.Unheard > silentComes:
		return limited(conditions.PolicyOld)
	case w.cert && f.Up-w.certSince >= certChance:
		return limited(conditions.CertExpiring)
	case w.skew:
		return limited(conditions.ClockSkew)
	case DamageIsNews(f.LastDamage, f.Now):
		return limited(conditions.SpoolQuarantined)
	}
	return sensor.Status{State: sensor.OK}
}

// DamageIsNews reports whether damage to the queue is to be told. The clock may
// have been set since, either way.
func DamageIsNews(at, now time.Time) bool {
	return !at.IsZero() && now.Sub(at).Abs() < damageTold
}

// past is a limit with hysteresis.
func past[N time.Duration | float64](held bool, value, comes, goes N) bool {
	if held {
		return value > goes
	}
	return value > comes
}
