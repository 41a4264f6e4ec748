package doctor

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/agent/health"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// spool: what waits is kept safely, and nothing was lost.
func spool(_ context.Context, env Env) Result {
	s := env.Status.Spool
	if s == nil {
		return silent(env)
	}
	switch {
	case s.Full:
		r := coded(conditions.SpoolFull, "")
		r.Detail = conditions.SpoolFull + ": no room for more"
		return r
	case s.LastDamage != nil && health.DamageIsNews(*s.LastDamage, reckoned(env)):
		c, _ := conditions.Lookup(conditions.SpoolQuarantined)
		return Result{State: Unknown, Code: c.Code, Detail: c.Title, Do: c.Action}
	case s.DroppedRoutine+s.MergedUrgent > 0:
		return cannotTell("Nothing to do if the device reaches its collector again: it happened when the queue was full.",
			"%d routine events were dropped and %d urgent ones merged since the device was enrolled", s.DroppedRoutine, s.MergedUrgent)
	}
	if s.DamagedSegments > 0 && s.LastDamage != nil {
		return pass("%d urgent and %d routine wait; the last damage to the queue was on %s", s.Urgent, s.Routine, s.LastDamage.Format(time.DateOnly))
	}
	return pass("%d urgent and %d routine wait", s.Urgent, s.Routine)
}
