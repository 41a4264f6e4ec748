package ingest

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// heldWait is how long a device that waits for its release is put off at a
// time; its events stay in its own spool, which was made for that (ADR 0023).
const heldWait = time.Minute

// Released lets devices that are connected send from now on. The store must
// know already.
func (s *Server) Released(school store.SchoolID, ids []caseflow.DeviceID) {
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	for _, id := range ids {
		if st := s.live.streams[deviceKey{school, id}]; st != nil {
			st.held.Store(false)
		}
	}
}

// AskedAgain asks the devices that are connected for what they sent since a
// time. The store must know already, for those that come later.
func (s *Server) AskedAgain(school store.SchoolID, since time.Time) {
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	for k, st := range s.live.streams {
		if k.school != school {
			continue
		}
		select {
		case st.asks <- since:
		default: // it is being asked
		}
	}
}

// askAgain asks a device that connects, while a request is open. Each stream
// of that day asks once: a device that broke off in the middle is asked again,
// and what it sends twice is kept once.
func (st *stream) askAgain(ctx context.Context) error {
	r, err := st.tenant.Asked(ctx)
	if err != nil {
		return st.server.unavailable(ctx, "read what devices are asked", err)
	}
	if !r.Open(st.server.cfg.Now()) {
		return nil
	}
	return st.ask(r.Since)
}

func (st *stream) ask(since time.Time) error {
	st.server.metrics.asked.Inc()
	req := &lapwingv1.ReofferRequest{SinceMs: since.UnixMilli()}
	return st.wire.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Reoffer{Reoffer: req}})
}
