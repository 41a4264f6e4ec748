//go:build unix

package vault

import "io/fs"

// ownerOnly reports whether nobody but the owner (and root) may open the file.
func ownerOnly(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }
