package boot

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func systemID() (id [16]byte, err error) {
	s, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return id, err
	}
	n, err := hex.Decode(id[:], []byte(strings.ReplaceAll(s, "-", "")))
	if err != nil || n != len(id) {
		return id, fmt.Errorf("kern.bootsessionuuid is no UUID: %w", err)
	}
	return id, nil
}

// elapsed uses CLOCK_MONOTONIC, which on macOS counts suspended time.
func elapsed() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return time.Duration(ts.Nano())
}
