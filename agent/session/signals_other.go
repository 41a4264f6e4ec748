//go:build !unix

package session

// endBySignals has nothing to do: this system has no signals.
func endBySignals() (stop func()) { return func() {} }
