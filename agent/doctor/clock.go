package doctor

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// clockSlack is how wrong a clock may be without a word: events are corrected,
// but people read times on the device too.
const clockSlack = 2 * time.Minute

func clock(_ context.Context, env Env) Result {
	if env.Status.Uplink == nil || env.Status.Uplink.SkewMillis == nil {
		return cannotTell(startService+" The collector tells the time when it connects.", "the collector has not told the time yet")
	}
	skew := time.Duration(*env.Status.Uplink.SkewMillis) * time.Millisecond
	switch {
	case skew > clockSlack:
		return coded(conditions.ClockSkew, skew.Round(time.Second).String()+" ahead")
	case skew < -clockSlack:
		return coded(conditions.ClockSkew, (-skew).Round(time.Second).String()+" behind")
	}
	return pass("right within %s", clockSlack)
}
