package osversion

import "golang.org/x/sys/unix"

func read() string {
	v, err := unix.Sysctl("kern.osproductversion")
	if err != nil {
		return ""
	}
	return "macOS " + v
}
