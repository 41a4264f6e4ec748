package window

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Program names the program of a process by its file, which it cannot make up;
// empty when that does not say what runs.
func Program(pid uint32) string { return program("/proc", pid) }

func program(proc string, pid uint32) string {
	if pid == 0 {
		return ""
	}
	to, err := os.Readlink(filepath.Join(proc, strconv.FormatUint(uint64(pid), 10), "exe"))
	name := strings.TrimSuffix(filepath.Base(to), " (deleted)")
	if err != nil || interpreter(name) {
		return ""
	}
	return name
}
