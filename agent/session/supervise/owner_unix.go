//go:build unix

package supervise

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// owner returns who owns a file.
func owner(path string) (uid, gid uint32, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return stat.Uid, stat.Gid, true
}

// AccountOf names a user as events do; one without a name keeps its number.
func AccountOf(uid uint32) (string, error) {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if errors.As(err, new(user.UnknownUserIdError)) {
		return "uid-" + strconv.FormatUint(uint64(uid), 10), nil
	}
	if err != nil {
		return "", err
	}
	return u.Username, nil
}
