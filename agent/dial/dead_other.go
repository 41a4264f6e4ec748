//go:build !linux

package dial

import "syscall"

const endsDead = false

var control func(network, address string, c syscall.RawConn) error
