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
	now, exact := env.Clock()
	if !exact && env.Now.After(now) {
		now = env.Now
	}
	ends := env.ID.Cert.NotAfter
	left := ends.Sub(now)
	switch {
	case left < -180*24*time.Hour:
		return fail("Enrol the device again: lapwing-agent enrol --force STRING.", "ended on %s, more than 180 days ago", ends.Format(time.DateOnly))
	case left < 0:
		return coded(conditions.CertExpiring, "it ended on "+ends.Format(time.DateOnly)+"; it can still be renewed")
	case left < 5*24*time.Hour:
		return coded(conditions.CertExpiring, "it ends on "+ends.Format(time.DateOnly))
	}
	return pass("good until %s", ends.Format(time.DateOnly))
}
