package main

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/agent/beat"
	"github.com/lapwing-schools/lapwing/agent/health"
	"github.com/lapwing-schools/lapwing/internal/trim"
)

// healthEvery is how often the service looks at itself.
const healthEvery = time.Minute

// spoolCap is the spool's default cap, which nothing changes.
const spoolCap = 64 << 20

// watchHealth keeps the service's own row on the coverage board.
func (s *service) watchHealth(ctx context.Context) error {
	var w health.Watcher
	every := beat.Every(healthEvery)
	defer every.Stop()
	started := time.Now()
	var doze trim.Doze
	doze.Happened(started)
	defer func() { doze.Happened(time.Now()) }()
	policies, stop := s.policy.Subscribe()
	defer stop()
	for {
		s.view.own.Report(health.Sensor, w.Look(s.facts(started)))
		select {
		case <-policies: // one has come: not missing any more
			doze.Happened(time.Now())
		case <-every.C:
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
		SpoolFull: queue.Full, SpoolShare: float64(queue.DiskBytes) / spoolCap, Quarantined: queue.DamagedSegments > 0,
		Skew: s.skew(), CertLeft: s.link.Left(),
	}
}
