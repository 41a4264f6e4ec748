//go:build !linux

package spool

import "os"

// datasync is F_FULLFSYNC on macOS and FlushFileBuffers on Windows.
func datasync(f *os.File) error { return f.Sync() }
