//go:build !linux

package install

// StaysOn reports whether the service manager says that the machine is not being
// shut down; none is asked here.
func StaysOn() bool { return false }
