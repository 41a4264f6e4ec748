//go:build !linux

package install

import (
	"errors"
	"fmt"

	"github.com/kardianos/service"
)

func managed(string) error { return nil }

// State asks the service manager.
func (s *Service) State() (State, error) {
	status, err := s.svc.Status()
	switch {
	case errors.Is(err, service.ErrNotInstalled):
		return NotInstalled, nil
	case status == service.StatusRunning:
		return Running, nil
	case status == service.StatusStopped:
		return Stopped, nil
	}
	return "", fmt.Errorf("ask for the service's state: %w", err)
}
