package socket

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// source reads conn's descriptor, if it has one.
func source(conn net.Conn) io.Reader {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return conn
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return conn // it is closed: reading tells
	}
	return descriptor{raw}
}

type descriptor struct{ raw syscall.RawConn }

func (d descriptor) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	// Package net has made the descriptor non-blocking, and waits for it in the
	// runtime's poller whenever this function returns false.
	wait := d.raw.Read(func(fd uintptr) bool {
		for {
			got, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
			switch errno {
			case 0:
				n = int(got)
			case syscall.EINTR:
				continue
			case syscall.EAGAIN:
				return false
			default:
				err = os.NewSyscallError("read", errno)
			}
			return true
		}
	})
	switch {
	case wait != nil:
		return 0, wait // a deadline, or it was closed
	case err == nil && n == 0:
		return 0, io.EOF
	}
	return n, err
}
