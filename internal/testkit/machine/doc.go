// Package machine starts a small computer of its own for tests of what only a
// whole system has: systemd, logind, a system bus, people who log on and off.
// It is a container (systemd-nspawn) with a real systemd as its first process.
// Its /usr is this machine's, read only, so that nothing is downloaded; /etc,
// /var and /home are made anew, small, and thrown away afterwards.
//
// It needs root, and Debian's systemd, systemd-container, libpam-systemd and
// dbus-user-session (tools/packages.sh test). The network is this machine's own,
// so that a collector under test can be reached on 127.0.0.1. It imports the
// standard library only. Linux only; elsewhere Start returns an error that
// wraps errors.ErrUnsupported.
package machine

import "time"

// Bounds of waiting. A boot takes one second here, and ten on a busy machine.
const (
	bootBound = 60 * time.Second
	stopBound = 20 * time.Second
)

// Account is a person who can log on, or not a person at all.
type Account struct {
	Name string
	UID  uint32
}

// Options say what kind of machine to start.
type Options struct {
	// Dir holds the machine's files and its console's log; it must be empty.
	Dir string
	// Accounts have a home directory each.
	Accounts []Account
}
