package ingest

import (
	"context"
	"time"
)

// FlushReports stores what devices have reported, now.
func (s *Server) FlushReports(ctx context.Context) { s.reports.flush(ctx) }

// SetLife makes streams live exactly d.
func (s *Server) SetLife(d time.Duration) { s.life = func() time.Duration { return d } }

// The rules of canaries.
var (
	NextCanary = nextCanary
	CanaryOf   = canaryOf
)
