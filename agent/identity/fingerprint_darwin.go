package identity

import "golang.org/x/sys/unix"

// machineFacts: kern.uuid is the platform's UUID where the system gives it.
func machineFacts() []string {
	id, _ := unix.Sysctl("kern.uuid") // a fact that is missing is an empty one
	return []string{id}
}
