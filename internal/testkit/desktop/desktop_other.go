//go:build !linux

package desktop

import (
	"context"
	"errors"
	"fmt"
)

// Desktop does not exist on this system.
type Desktop struct{}

// Start returns an error that wraps errors.ErrUnsupported.
func Start(context.Context, Options) (*Desktop, error) {
	return nil, fmt.Errorf("start desktop: Xvfb is a Linux program: %w", errors.ErrUnsupported)
}
