// Package durable writes small files so that a crash or a power cut at any
// moment leaves the old content or the new one, whole, and never a file that
// others may read. It imports the standard library only.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// tempInfix marks a file that is not complete yet.
const tempInfix = ".tmp-"

// WriteFile replaces path by data: a temporary file in the same folder, fsync,
// rename, fsync of the folder. The file is 0600; of two calls at once, one wins
// whole. After an error the old content is there, unless only the folder's fsync
// failed: then the new one is, and a power cut may bring the old one back.
func WriteFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+tempInfix+"*") // 0600
	if err != nil {
		return err
	}
	if err := fill(f, data); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return SyncDir(dir)
}

// WriteNew makes a file of mode 0600 that does not exist yet; if one does, it
// fails with fs.ErrExist and leaves that alone. After any other error there is
// no such file.
func WriteNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = fill(f, data)
	if err == nil {
		err = SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// RemoveTemps removes what a crash within WriteFile left beside path, as far
// as it can: such files harm nobody, but each crash would add one. Nobody may
// be writing path meanwhile.
func RemoveTemps(path string) {
	left, _ := filepath.Glob(path + tempInfix + "*") // the only error is a bad pattern
	for _, f := range left {
		_ = os.Remove(f)
	}
}

// fill writes data durably and closes f.
func fill(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
