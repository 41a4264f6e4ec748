//go:build unix

package stack

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps a terminal's Ctrl-C from the program: its starter stops it, in order.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
