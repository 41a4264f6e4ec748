//go:build !unix

package durable

// SyncDir does nothing: NTFS journals names itself, and the handle of a folder
// cannot be flushed.
func SyncDir(string) error { return nil }
