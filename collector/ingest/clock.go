package ingest

import (
	"bytes"
	"math"
	"time"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

const (
	// maxAge is the age from which a time is absurd: longer than a device is
	// put away over the summer, and over a year with it.
	maxAge = 400 * 24 * time.Hour
	// slack is how far in the future a time may seem to be: wall clocks step
	// while an event waits in the spool.
	slack = 2 * time.Minute
)

// correct returns when an event happened by the collector's clock. Within one
// boot of the machine the monotonic clock tells its age, whatever happened to
// the wall clock; across boots the wall clock does, whose error at sending is
// assumed to be its error then. A time in the future or absurdly long ago is
// replaced by the time of receipt and marked suspect; the event is kept.
func correct(e *lapwingv1.Event, now *lapwingv1.DeviceTime, received time.Time) (at time.Time, suspect bool) {
	age, ok := minus(now.WallMs, e.WallMs)
	if bytes.Equal(e.Boot, now.Boot) {
		age, ok = minus(now.MonoMs, e.MonoMs)
	}
	if !ok || age < -slack.Milliseconds() || age > maxAge.Milliseconds() {
		return received, true
	}
	return received.Add(-time.Duration(max(age, 0)) * time.Millisecond), false
}

// minus returns a - b and false when that overflows.
func minus(a, b int64) (int64, bool) {
	d := a - b
	return d, (d < a) == (b > 0)
}

// ago returns how long before the device's now a moment of its wall clock
// was, within 0 and maxAge.
func ago(now *lapwingv1.DeviceTime, wallMs int64) time.Duration {
	age, ok := minus(now.WallMs, wallMs)
	if !ok {
		return 0
	}
	return time.Duration(min(max(age, 0), maxAge.Milliseconds())) * time.Millisecond
}

// skewMillis is how far the device's wall clock is ahead of ours.
func skewMillis(now *lapwingv1.DeviceTime, received time.Time) int64 {
	if d, ok := minus(now.WallMs, received.UnixMilli()); ok {
		return d
	}
	if now.WallMs < 0 {
		return math.MinInt64
	}
	return math.MaxInt64
}
