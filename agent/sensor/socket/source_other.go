//go:build !linux

package socket

import (
	"io"
	"net"
)

func source(conn net.Conn) io.Reader { return conn }
