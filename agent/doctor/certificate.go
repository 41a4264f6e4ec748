package doctor

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// certificate: it is there and has not ended, by trusted time.
func certificate(_ context.Context, env Env) Result {
	if env.ID == nil {
		return enrolFirst(env)
	}
	ends := env.ID.Cert.NotAfter
	now, sure := trusted(env)
	left := ends.Sub(now)
	// A clock that is wrong by years is no reason to enrol anew.
	if !sure && left > 0 && env.Now.After(ends) {
		do := startService
		if env.Status.Running {
			do = "See the connection."
		}
		return cannotTell(do+" The service learns the time from the collector, and renews by itself.",
			"it ended on %s if this device's clock is right, and is good if it is not", ends.Format(time.DateOnly))
	}
	switch {
	case left < -180*24*time.Hour:
		return fail(enrolAgain, "ended on %s, more than 180 days ago", ends.Format(time.DateOnly))
	case left < 0:
		return coded(conditions.CertExpiring, "it ended on "+ends.Format(time.DateOnly)+"; it can still be renewed")
	case left < 5*24*time.Hour:
		return coded(conditions.CertExpiring, "it ends on "+ends.Format(time.DateOnly))
	}
	return pass("good until %s", ends.Format(time.DateOnly))
}

// reckoned is the time as the service reckons it (identity.Clock.Reckoned).
func reckoned(env Env) time.Time {
	now, sure := trusted(env)
	if !sure && env.Now.After(now) {
		return env.Now
	}
	return now
}

// trusted returns the time by which to judge: by the service's word, or else a
// floor that this device has kept, of which it is not sure.
func trusted(env Env) (now time.Time, sure bool) {
	if u := env.Status.Uplink; u != nil && u.SkewMillis != nil {
		return env.Now.Add(-time.Duration(*u.SkewMillis) * time.Millisecond), true
	}
	return env.Clock()
}
