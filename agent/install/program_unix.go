//go:build unix

package install

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// checkProgram refuses a program that somebody else than root could replace:
// root would then run what a pupil put there.
func checkProgram(program string) error {
	real, err := filepath.EvalSymlinks(program)
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	for _, path := range []string{program, real} {
		for at := path; ; at = filepath.Dir(at) {
			info, err := os.Lstat(at)
			if err != nil {
				return fmt.Errorf("look at the program: %w", err)
			}
			const others = 0o022
			owner, ok := info.Sys().(*syscall.Stat_t)
			writable := info.Mode().Perm()&others != 0 && info.Mode()&os.ModeSymlink == 0
			if !ok || owner.Uid != 0 || writable {
				return fmt.Errorf("others than root may change %s: put the program where only root can write, "+
					"for example /opt/lapwing or /usr/sbin, and install it from there", at)
			}
			if at == "/" {
				break
			}
		}
	}
	return nil
}
