package text

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Echo tells whether a terminal window shows what is typed, from the settings
// of its pseudo-terminals. They belong to the same user as the session process.
//
// A program that asks for a password turns the terminal's echo off and leaves
// its line editing on (getpass, sudo, ssh, passwd, bash's read -s). A shell's
// line editor turns both off and echoes by itself; a full-screen program too.
// So echo off with line editing on is a password, and with it off depends on
// the program: those in askers are taken for a password, ssh among them, because
// what the far side asks for cannot be seen here.
//
// It is not safe for concurrent use.
type Echo struct {
	// proc is /proc.
	proc string

	pid  uint32
	ptys []pty
	off  bool
}

// pty is one pseudo-terminal of a window.
type pty struct {
	index int
	// member is a process on it that was found by a scan; its stat names the
	// foreground program.
	member int
}

// NewEcho reads /proc.
func NewEcho() *Echo { return &Echo{proc: "/proc"} }

// askers ask for secrets with the line editing off.
func askers() []string {
	return []string{
		"ssh", "sudo", "su", "doas", "passwd", "login", "mosh-client", "telnet", "gpg", "gpg-agent", "pinentry-curses",
		"pinentry-tty", "systemd-tty-ask", "systemd-ask-pas", "cryptsetup", "pass", "ssh-add", "ssh-keygen", "keepassxc-cli",
	}
}

// Off reports whether what is typed into the window of process pid is not
// shown. With fresh it also looks for new pseudo-terminals and for the program
// in the foreground; without, it costs one open, ioctl and close a terminal.
// When the settings cannot be read, the last known answer stands.
//
// A program with several terminals (one process, many windows) counts as off
// when any of them is: which one has the focus is not known here.
func (e *Echo) Off(pid uint32, fresh bool) bool {
	if pid == 0 {
		return false
	}
	if pid != e.pid {
		e.pid, e.ptys, e.off, fresh = pid, nil, false, true
	}
	if fresh {
		if indexes, err := e.list(pid); err == nil {
			e.keep(indexes)
		}
	}
	off, known := false, false
	for i := range e.ptys {
		t, err := e.settings(e.ptys[i].index)
		if err != nil {
			continue
		}
		known = true
		off = off || e.secret(t, &e.ptys[i], fresh)
	}
	if known {
		e.off = off
	}
	return e.off
}

// secret decides about one terminal. The foreground program costs more to
// find, so between two fresh looks the last answer stands for raw terminals.
func (e *Echo) secret(t *unix.Termios, p *pty, fresh bool) bool {
	switch {
	case t.Lflag&unix.ECHO != 0:
		return false
	case t.Lflag&unix.ICANON != 0:
		return true
	case !fresh:
		return e.off
	}
	name, err := e.foreground(p)
	if err != nil {
		return e.off
	}
	return slices.Contains(askers(), name)
}

func (e *Echo) keep(indexes []int) {
	old := e.ptys
	e.ptys = make([]pty, 0, len(indexes))
	for _, index := range indexes {
		p := pty{index: index}
		for _, o := range old {
			if o.index == index {
				p = o
			}
		}
		e.ptys = append(e.ptys, p)
	}
}

// list returns the numbers of the pseudo-terminals whose master side a process
// holds.
func (e *Echo) list(pid uint32) ([]int, error) {
	dir := filepath.Join(e.proc, strconv.FormatUint(uint64(pid), 10))
	entries, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return nil, fmt.Errorf("list files of terminal: %w", err)
	}
	var indexes []int
	for _, entry := range entries {
		to, err := os.Readlink(filepath.Join(dir, "fd", entry.Name()))
		if err != nil || !strings.HasSuffix(to, "ptmx") {
			continue
		}
		info, err := os.ReadFile(filepath.Join(dir, "fdinfo", entry.Name()))
		if err != nil {
			continue
		}
		if index, ok := ttyIndex(info); ok {
			indexes = append(indexes, index)
		}
	}
	return indexes, nil
}

// ttyIndex reads the line "tty-index: N" of a master's fdinfo (Linux 4.14).
func ttyIndex(info []byte) (int, bool) {
	for line := range bytes.Lines(info) {
		if rest, ok := bytes.CutPrefix(line, []byte("tty-index:")); ok {
			n, err := strconv.Atoi(string(bytes.TrimSpace(rest)))
			return n, err == nil && n >= 0
		}
	}
	return 0, false
}

// settings opens the terminal for a moment only: held open, it would keep the
// terminal's program from seeing that the shell has ended.
func (e *Echo) settings(index int) (*unix.Termios, error) {
	fd, err := unix.Open("/dev/pts/"+strconv.Itoa(index), unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open terminal: %w", err)
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err := errors.Join(err, unix.Close(fd)); err != nil {
		return nil, fmt.Errorf("read terminal's settings: %w", err)
	}
	return t, nil
}

// foreground returns the name of the program in a terminal's foreground.
func (e *Echo) foreground(p *pty) (string, error) {
	group, ok := e.groupOf(p.member, p.index)
	if !ok {
		entries, err := os.ReadDir(e.proc)
		if err != nil {
			return "", fmt.Errorf("list processes: %w", err)
		}
		for _, entry := range entries {
			pid, err := strconv.Atoi(entry.Name())
			if err != nil {
				continue
			}
			if group, ok = e.groupOf(pid, p.index); ok {
				p.member = pid
				break
			}
		}
	}
	if !ok {
		return "", errors.New("find foreground program: no process on the terminal")
	}
	name, err := os.ReadFile(filepath.Join(e.proc, strconv.Itoa(group), "comm"))
	if err != nil {
		return "", fmt.Errorf("name foreground program: %w", err)
	}
	return strings.TrimSpace(string(name)), nil
}

// groupOf returns the foreground process group of a process's terminal, if
// that is the given one.
func (e *Echo) groupOf(pid, index int) (group int, ok bool) {
	if pid <= 0 {
		return 0, false
	}
	stat, err := os.ReadFile(filepath.Join(e.proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, false
	}
	tty, group, ok := parseStat(stat)
	// Pseudo-terminals have the major number 136 and their own as the minor
	// (devpts); tty_nr holds the minor in bits 0-7 and 20-31 (proc(5)).
	const major = 136
	return group, ok && group > 0 && tty == major<<8|index&0xff|(index&^0xff)<<12
}

// parseStat reads tty_nr and tpgid, the fields 7 and 8 of /proc/PID/stat. The
// second field is a name that may hold anything, closed by the last bracket.
func parseStat(stat []byte) (tty, group int, ok bool) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, 0, false
	}
	fields := bytes.Fields(stat[end+1:])
	if len(fields) < 6 {
		return 0, 0, false
	}
	tty, err1 := strconv.Atoi(string(fields[4]))
	group, err2 := strconv.Atoi(string(fields[5]))
	return tty, group, err1 == nil && err2 == nil
}
