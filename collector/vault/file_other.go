//go:build !unix

package vault

import "io/fs"

// ownerOnly cannot be told from a mode here: the data directory's access list
// (set by the installer) keeps others out.
func ownerOnly(fs.FileInfo) bool { return true }
