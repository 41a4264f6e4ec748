package policy

import (
	"errors"
	"os"
	"path/filepath"
)

// writeFile replaces path by data so that after a crash at any moment either
// the old or the new content is there, whole: temporary file in the same
// folder, fsync, rename, fsync of the folder. The file is 0600.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	tmp, err := writeTemp(dir, filepath.Base(path)+tempInfix+"*", data)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	// From here on the new file is in place; a failed fsync of the folder may
	// bring the old one back after a power cut, which is a good policy too.
	return syncDir(dir)
}

// writeTemp writes data durably to a new file of that pattern and returns its
// name; on an error there is no such file.
func writeTemp(dir, pattern string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(dir, pattern) // CreateTemp makes it 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// removeTemps removes what a crash in writeTemp left beside path, best effort:
// such a file harms nobody, but each crash would add one.
func removeTemps(path string) {
	left, _ := filepath.Glob(path + tempInfix + "*") // the only error is a bad pattern
	for _, f := range left {
		_ = os.Remove(f)
	}
}

const tempInfix = ".tmp-"
