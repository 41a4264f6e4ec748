//go:build !linux

package beat

import (
	"errors"
	"time"
)

func kernel(time.Duration) (*Ticker, error) { return nil, errors.ErrUnsupported }
