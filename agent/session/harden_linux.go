package session

import (
	"fmt"
	"log/slog"
	"math"
	"syscall"

	"golang.org/x/sys/unix"
)

// harden keeps what this process holds in it: no other program of the same
// user may attach to it or read its memory (PR_SET_DUMPABLE, ptrace(2) and
// proc(5)), and a crash writes no core.
//
// Memory is also locked, so that no text reaches a swap device, when the
// process may lock without a limit. Under the usual limit of 8 MiB it may not:
// the Go runtime reserves more than that, and its next allocation would fail.
// Then the unit's MemorySwapMax=0 has to do it, and the log says so.
func harden(log *slog.Logger) error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("make process non-dumpable: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	if err := noNewPrivileges(); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return fmt.Errorf("read limit of locked memory: %w", err)
	}
	if limit.Cur != math.MaxUint64 && unix.Geteuid() != 0 {
		log.Info("memory is not locked", "limit_bytes", limit.Cur)
		return nil
	}
	// On fault: pages are locked as they come into use, and cost nothing before.
	const onFault = unix.MCL_ONFAULT
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | onFault); err != nil {
		log.Info("memory is not locked", "error", err)
	}
	return nil
}

// noNewPrivileges is for every thread that there is: each has a bit of its own,
// which only those inherit that it starts.
func noNewPrivileges() error {
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	switch {
	case errno == unix.ENOTSUP: // with C in the program, as in tests for races, its threads are not all known
		return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	case errno != 0:
		return errno
	}
	return nil
}
