//go:build !linux

package notice

import "net"

func peer(net.Conn) (uint32, error) { return 0, ErrUnsupported }

// Supported reports whether the desk can tell who calls on this system.
const Supported = false
