package ingest

import "time"

// SetLife makes streams live exactly d.
func (s *Server) SetLife(d time.Duration) { s.life = func() time.Duration { return d } }
