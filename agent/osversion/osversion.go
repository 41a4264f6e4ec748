// Package osversion names this device's operating system for people, for
// example "Debian GNU/Linux 12 (bookworm)". It imports the standard library
// and x/sys; one small file a system.
package osversion

// max is the most that lapwing.v1.Hello carries, in bytes.
const max = 128

// Read returns the operating system's name and version, at most 128 bytes;
// empty when the system does not say.
func Read() string {
	v := read()
	if len(v) > max {
		return ""
	}
	return v
}
