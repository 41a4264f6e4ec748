//go:build !linux

package page

import "net"

// own is every listener where the desk cannot tell who calls either: there the
// page is not opened (notice.Supported).
type own struct {
	net.Listener
	uid int
}
