package doctor

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/agent/status"
	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// clockSlack is how wrong a clock may be without a word: events are corrected,
// but people read times on the device too.
const clockSlack = 2 * time.Minute

func clock(_ context.Context, env Env) Result {
	if env.Status.Uplink == nil {
		return silent(env)
	}
	if env.Status.Uplink.SkewMillis == nil {
		return cannotTell("See the connection: the collector tells the time when it answers.", "the collector has not told the time yet")
	}
	skew := time.Duration(*env.Status.Uplink.SkewMillis) * time.Millisecond
	switch {
	case skew > clockSlack:
		return coded(conditions.ClockSkew, status.Long(skew)+" ahead")
	case skew < -clockSlack:
		return coded(conditions.ClockSkew, status.Long(-skew)+" behind")
	}
	return pass("right within %s", clockSlack)
}
