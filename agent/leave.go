package main

import (
	"github.com/lapwing-schools/lapwing/agent/install"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// goodbye is why this service stops, as a command said before it stopped it.
func (s *service) goodbye() lapwingv1.Goodbye_Reason {
	switch install.Leaving(s.dir) {
	case install.ToUninstall:
		return lapwingv1.Goodbye_REASON_UNINSTALL
	case install.ToRestart:
		return lapwingv1.Goodbye_REASON_RESTART
	}
	// A service that is stopped on a machine that stays on leaves people
	// unwatched: nobody may take that for a machine that is off.
	if install.StaysOn() {
		return lapwingv1.Goodbye_REASON_RESTART
	}
	return lapwingv1.Goodbye_REASON_SHUTDOWN
}

// heard: the collector knows why. The command that asked sees it by the word
// being gone.
func (s *service) heard() {
	if err := install.Left(s.dir); err != nil {
		s.log.Error("goodbye not marked as heard", "error", err)
	}
}
