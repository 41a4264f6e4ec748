//go:build unix

package doctor

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// strangeOwner returns the first thing in dir that the service's account does
// not own; path is empty if there is none. The service's account is that of its
// socket; while it does not run, that of whoever asks.
func strangeOwner(dir string) (path, owner, account string) {
	want := uint32(os.Geteuid())
	if info, err := os.Lstat(filepath.Join(dir, "control.sock")); err == nil {
		want, _ = uidOf(info)
	}
	_ = filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		if uid, ok := uidOf(info); ok && uid != want {
			path, owner, account = at, name(uid), name(want)
			return fs.SkipAll
		}
		return nil
	})
	return path, owner, account
}

func uidOf(info fs.FileInfo) (uint32, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Uid, true
}

// name is a number but for root: accounts are people's names.
func name(uid uint32) string {
	if uid == 0 {
		return "root"
	}
	return strconv.FormatUint(uint64(uid), 10)
}
