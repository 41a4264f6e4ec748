package ipc

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// InheritedFD is the descriptor at which a session process finds its end.
const InheritedFD = 3

// Pair makes a socket pair. The service keeps the first; the second is the
// child's end, to be given to it as its first extra file (descriptor 3) and
// closed in the service after the start.
func Pair() (*ServiceConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	child := os.NewFile(uintptr(fds[1]), "session end of the socket pair")
	conn, err := fileConn(os.NewFile(uintptr(fds[0]), "service end of the socket pair"))
	if err != nil {
		child.Close()
		return nil, nil, err
	}
	return NewServiceConn(conn), child, nil
}

// Inherited returns the end that the service left at descriptor 3. It fails
// when that is not a Unix stream socket: the program was started by hand.
func Inherited() (*SessionConn, error) {
	kind, err := unix.GetsockoptInt(InheritedFD, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_STREAM {
		return nil, fmt.Errorf("take over descriptor %d: not the service's socket; this program is started by the service, not by hand", InheritedFD)
	}
	// No program that we might start gets it.
	unix.CloseOnExec(InheritedFD)
	conn, err := fileConn(os.NewFile(InheritedFD, "session end of the socket pair"))
	if err != nil {
		return nil, err
	}
	return NewSessionConn(conn), nil
}

// fileConn moves a socket into the poller, so that Close wakes a reader.
func fileConn(f *os.File) (net.Conn, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("use socket pair: %w", err)
	}
	return conn, nil
}
