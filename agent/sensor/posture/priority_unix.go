//go:build !windows

package posture

import "golang.org/x/sys/unix"

// lowerPriority lets everything else go first.
func lowerPriority(pid int) { _ = unix.Setpriority(unix.PRIO_PROCESS, pid, 19) }
