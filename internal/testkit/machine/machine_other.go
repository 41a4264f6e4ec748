//go:build !linux

package machine

import (
	"context"
	"errors"
	"fmt"
)

// Machine does not exist on this system.
type Machine struct{}

// Start returns an error that wraps errors.ErrUnsupported.
func Start(context.Context, Options) (*Machine, error) {
	return nil, fmt.Errorf("start machine: systemd-nspawn is a Linux program: %w", errors.ErrUnsupported)
}
