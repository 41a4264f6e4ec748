package notice

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peer is whose process is at the other end, as the kernel knows it
// (SO_PEERCRED: the credentials at connect, unix(7)).
func peer(conn net.Conn) (uint32, error) {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, errors.New("not a local connection")
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("ask who calls: %w", err)
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return 0, fmt.Errorf("ask who calls: %w", err)
	}
	if credErr != nil {
		return 0, fmt.Errorf("ask who calls: %w", credErr)
	}
	return cred.Uid, nil
}

// Supported reports whether the desk can tell who calls on this system.
const Supported = true
