//go:build !linux

package trim

// program leaves this to the system: Windows and macOS trim working sets themselves.
func program() {}
