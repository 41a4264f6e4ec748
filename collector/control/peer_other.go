//go:build !linux && !darwin

package control

import "net"

// peerUID is not told here; the access list of the data directory is the only lock.
func peerUID(*net.UnixConn) (int, error) { return -1, nil }
