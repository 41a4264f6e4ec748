//go:build unix

package datadir

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkPrivate refuses a path that group or others may use, or that belongs
// to somebody else: root writing into another user's store would lock the
// collector out of its own files.
func checkPrivate(path, mode string) error {
	fi, err := os.Lstat(path)
	if err != nil {
		return explain("look at", path, err)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s %w (mode %04o): run chmod %s %s and ask who read it", path, ErrOpenToOthers, fi.Mode().Perm(), mode, path)
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s %w (uid %d): run this as that user, for example with sudo -u '#%d'", path, ErrOwner, st.Uid, st.Uid)
	}
	return nil
}

// freeSpace is what an ordinary user may still write below path, in bytes.
func freeSpace(path string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// lock takes the exclusive lock of a file for as long as it is open.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errBusy
	}
	return err
}
