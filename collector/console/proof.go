package console

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
)

// Proof is what is known of whether anything would reach the queue: when a
// test phrase last did, and how many devices are proved monitored.
type Proof struct {
	At      time.Time     // the last test phrase arrived; zero: none ever did
	Took    time.Duration // from the sensor to the queue
	Devices int
	Proved  int
}

// provedFor is how long a test phrase proves an empty queue: since yesterday's
// school day.
const provedFor = 26 * time.Hour

// proof is Proof in words.
type proof struct {
	Proved  bool
	Last    string // when the last test phrase arrived, or ""
	Took    string
	Devices string
	Wrong   string // address of what is wrong, for those who may open it
}

func (c *Console) proofOf(ctx context.Context, id auth.Identity, now time.Time) (proof, error) {
	var p Proof
	if c.proof != nil {
		var err error
		if p, err = c.proof(ctx, id.Tenant); err != nil {
			return proof{}, err
		}
	}
	out := proof{Proved: !p.At.IsZero() && now.Sub(p.At) < provedFor}
	if !p.At.IsZero() {
		out.Last = moment(p.At.In(c.zone), now)
		out.Took = p.Took.Round(100 * time.Millisecond).String()
	}
	if p.Devices > 0 {
		out.Devices = thousands(p.Proved) + " of " + plural(p.Devices, "device is", "devices are") + " proved monitored."
	}
	if fleetKeeper(id.Actor) {
		out.Wrong = "/devices"
	}
	return out, nil
}
