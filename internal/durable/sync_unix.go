//go:build unix

package durable

import (
	"errors"
	"os"
)

// SyncDir makes new names, renames and removals in dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
