package boot

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func systemID() (id [16]byte, err error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id, err
	}
	n, err := hex.Decode(id[:], []byte(strings.ReplaceAll(strings.TrimSpace(string(b)), "-", "")))
	if err != nil || n != len(id) {
		return id, fmt.Errorf("boot_id is no UUID: %w", err)
	}
	return id, nil
}

func elapsed() time.Duration {
	var ts unix.Timespec
	// It cannot fail for a clock that Linux has had since 2.6.39.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return time.Duration(ts.Nano())
}
