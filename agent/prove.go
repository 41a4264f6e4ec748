package main

import (
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/session/supervise"
	"github.com/lapwing-schools/lapwing/agent/status"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// canaries pass requests for a canary on to the desktops, and keep the last
// result for the status. It is safe for concurrent use.
type canaries struct {
	group *supervise.Group

	mu   sync.Mutex // guards last
	last *status.Canary
}

// asked takes a request of the collector. Where nobody is logged on there is
// nobody to monitor either, and that is the answer.
func (s *service) asked(m *lapwingv1.CollectorMessage) {
	r := m.GetCanary()
	if r == nil {
		return
	}
	if s.canaries.group.Prove(r) == 0 {
		s.proved(&lapwingv1.CanarySeen{Nonce: r.Nonce, Result: lapwingv1.CanarySeen_RESULT_NO_SESSION, Code: conditions.NoSession})
	}
}

// proved keeps what became of a canary, for the collector and for the status.
func (s *service) proved(c *lapwingv1.CanarySeen) {
	s.canaries.mu.Lock()
	s.canaries.last = &status.Canary{Result: resultWord(c.Result), At: time.Now().UTC().Truncate(time.Second), Code: c.Code}
	s.canaries.mu.Unlock()
	if err := s.stamps.Canary(c); err != nil {
		s.log.Error("canary not recorded", "error", err)
	}
}

// lastCanary is the last result since this service started; nil without one.
func (s *service) lastCanary() *status.Canary {
	s.canaries.mu.Lock()
	defer s.canaries.mu.Unlock()
	return s.canaries.last
}

func resultWord(r lapwingv1.CanarySeen_Result) string {
	switch r {
	case lapwingv1.CanarySeen_RESULT_FULL:
		return status.CanaryProved
	case lapwingv1.CanarySeen_RESULT_PARTIAL:
		return status.CanaryPartial
	case lapwingv1.CanarySeen_RESULT_FAILED:
		return status.CanaryFailed
	case lapwingv1.CanarySeen_RESULT_LOCKED:
		return status.CanaryLocked
	case lapwingv1.CanarySeen_RESULT_NO_SESSION:
		return status.CanaryNobody
	}
	return status.CanaryAborted
}
