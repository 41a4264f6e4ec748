package main

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/agent/beat"
	"github.com/lapwing-schools/lapwing/agent/health"
	"github.com/lapwing-schools/lapwing/agent/policy"
	"github.com/lapwing-schools/lapwing/internal/trim"
)

// healthEvery is how often the service looks at itself.
const healthEvery = time.Minute

// spoolCap is the spool's default cap, which nothing changes.
const spoolCap = 64 << 20

// dozer is trim.Doze.
type dozer interface {
	Happened(now time.Time)
	Look(now time.Time)
}

// watchHealth keeps the service's own row on the coverage board.
func (s *service) watchHealth(ctx context.Context) error {
	every := beat.Every(healthEvery)
	defer every.Stop()
	policies, stop := s.policy.Subscribe()
	defer stop()
	var w health.Watcher
	started := time.Now()
	return keepHealth(ctx, every.C, policies, &trim.Doze{}, func() {
		s.view.own.Report(health.Sensor, w.Look(s.facts(started)))
	})
}

// keepHealth looks at the start, at each beat, and when a policy has come: it is
// not missing any more. Nothing else is taken for news in the service's dozing:
// events leave garbage, which wakes it when there is much.
func keepHealth(ctx context.Context, beats <-chan time.Time, policies <-chan *policy.InForce, doze dozer, look func()) error {
	doze.Happened(time.Now())
	defer func() { doze.Happened(time.Now()) }()
	for {
		look()
		select {
		case <-policies:
			doze.Happened(time.Now())
		case <-beats:
			doze.Look(time.Now())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *service) facts(started time.Time) health.Facts {
	up, queue := s.uplink.Status(), s.spool.Stats()
	heard := started // what was before this start is not known
	if up.LastAck.After(heard) {
		heard = up.LastAck
	}
	return health.Facts{
		Policy: s.policy.Version() > 0, PolicyRefused: up.PolicyError != "", Unheard: time.Since(heard),
		SpoolFull: queue.Full, SpoolShare: float64(queue.DiskBytes) / spoolCap, LastDamage: queue.LastDamage, Now: s.clock.Reckoned(),
		Skew: s.skew(), CertLeft: s.link.Left(), Up: time.Since(started),
	}
}
