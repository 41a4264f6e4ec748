//go:build !linux

package logind

import (
	"context"
	"errors"
)

// ErrAbsent says that this machine has no logind.
var ErrAbsent = errors.New("no logind on this system")

// Config of a Watch.
type Config struct {
	SystemBus, Proc string
	Own             uint32
	OnChange        func(Desktops, error)
	OnSleep         func(context.Context)
	OnWake          func()
}

// Watch says that there is no logind, and waits.
func Watch(ctx context.Context, cfg Config) error {
	cfg.OnChange(Desktops{}, ErrAbsent)
	<-ctx.Done()
	return ctx.Err()
}
