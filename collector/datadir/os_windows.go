package datadir

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// checkPrivate relies on the access list that the installer sets on the
// directory: Windows has no mode bits to look at.
func checkPrivate(path, _ string) error {
	if _, err := os.Lstat(path); err != nil {
		return explain("look at", path, err)
	}
	return nil
}

// freeSpace is what this user may still write below path, in bytes.
func freeSpace(path string) (uint64, error) {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(p, &free, nil, nil)
	return free, err
}

// lock takes the exclusive lock of a file for as long as it is open.
func lock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errBusy
	}
	return err
}
