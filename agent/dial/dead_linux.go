package dial

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

const endsDead = true

// control has the kernel end a connection when what was sent stays unanswered
// for Unanswered (tcp(7), TCP_USER_TIMEOUT). gRPC would set it, but is given
// connections of ours.
func control(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(Unanswered.Milliseconds()))
	}); cerr != nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("set TCP_USER_TIMEOUT: %w", err)
	}
	return nil
}
