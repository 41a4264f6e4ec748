package trim

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// program unmaps the read-only pages of the program's own file. Errors change
// nothing: the process is then as large as before.
func program() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// 00400000-00f5a000 r-xp 00000000 fe:00 123   /usr/bin/lapwing-agent
		fields := strings.Fields(lines.Text())
		if len(fields) != 6 || fields[5] != self || fields[1] != "r-xp" && fields[1] != "r--p" {
			continue // what can be written to may have been: it is not in the file
		}
		from, to, ok := strings.Cut(fields[0], "-")
		begin, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if !ok || err1 != nil || err2 != nil || end <= begin {
			continue
		}
		// A process that locks its memory locked these too. They hold the program,
		// nothing of what it was told, and need no lock.
		_, _, _ = unix.Syscall(unix.SYS_MUNLOCK, uintptr(begin), uintptr(end-begin), 0)
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(begin), uintptr(end-begin), unix.MADV_DONTNEED)
	}
}
