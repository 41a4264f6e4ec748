//go:build !linux

package socket

import "net"

func newSource(conn net.Conn) (source, error) { return newBlocking(conn), nil }
