//go:build unix

package vault

import (
	"io/fs"
	"os"
)

// ownerOnly reports whether nobody but the owner (and root) may open the file.
func ownerOnly(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }

// syncDir makes a new name in the directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
