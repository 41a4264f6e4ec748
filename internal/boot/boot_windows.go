package boot

import (
	"time"

	"golang.org/x/sys/windows"
)

// systemID: Windows has a boot counter, but no documented call for it.
func systemID() (id [16]byte, err error) { return id, nil }

func elapsed() time.Duration { return windows.DurationSinceBoot() }
