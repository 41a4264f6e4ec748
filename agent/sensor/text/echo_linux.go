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
// the program: only those in editors are taken to echo by themselves. What a
// multiplexer or a remote shell (tmux, ssh, docker) is asked for inside cannot
// be seen here, so it is a password too; so is everything in an editor that
// runs a terminal of its own (vim's :terminal).
//
// It is not safe for concurrent use.
type Echo struct {
	// proc is /proc.
	proc string

	pid  uint32
	ptys []pty
}

// pty is one pseudo-terminal of a window.
type pty struct {
	index int
	// member is a process on it that was found by a scan; its stat names the
	// foreground program.
	member int
	// raw: neither echo nor line editing at the last look; secret is what the
	// foreground program made of that.
	raw, secret bool
}

// NewEcho reads /proc.
func NewEcho() *Echo { return &Echo{proc: "/proc"} }

// editors show what is typed by themselves: shells, line editors, full-screen
// editors and pagers, without the numbers of their versions.
func editors() []string {
	return []string{
		"bash", "sh", "ash", "dash", "zsh", "fish", "ksh", "mksh", "tcsh", "csh", "elvish", "nu",
		"vi", "vim", "vim.basic", "vim.tiny", "nvim", "view", "vimdiff", "nano", "rnano", "pico", "emacs", "emacs-nox",
		"emacs-gtk", "ed", "mg", "jed", "joe", "micro", "hx", "helix", "kak", "ne", "mcedit", "less", "more", "most", "man",
		"ipython", "ghci", "irb", "bc", "gdb", "sqlite", "octave", "R", "lua", "maxima", "gp",
	}
}

// interpreters read a line of code when they run no script; a script asks for
// whatever it likes.
func interpreters() []string {
	return []string{"python", "node", "ruby", "perl", "julia", "racket", "php"}
}

// Off reports whether what is typed into the window of process pid is not
// shown; known is false when that cannot be told, as for a process that is no
// terminal, or whose files may not be looked at. With fresh it also looks for
// new pseudo-terminals and for the program in the foreground; without, it costs
// one open, ioctl and close a terminal.
//
// A program with several terminals (one process, many windows) counts as off
// when any of them is: which one has the focus is not known here.
func (e *Echo) Off(pid uint32, fresh bool) (off, known bool) {
	if pid == 0 {
		return false, false
	}
	if pid != e.pid {
		e.pid, e.ptys, fresh = pid, nil, true
	}
	if fresh {
		indexes, err := e.list(strconv.FormatUint(uint64(pid), 10))
		if err != nil {
			e.ptys = nil
			return false, false
		}
		e.keep(indexes)
	}
	for i := range e.ptys {
		t, err := e.settings(pid, e.ptys[i].index)
		if err != nil {
			return false, false
		}
		off = e.hidden(t, &e.ptys[i], fresh) || off
	}
	return off, len(e.ptys) > 0
}

// hidden decides about one terminal. The foreground program costs more to
// find, so the answer for a raw terminal stands until it was something else or
// a fresh look is wanted.
func (e *Echo) hidden(t *unix.Termios, p *pty, fresh bool) bool {
	echo, lines := t.Lflag&unix.ECHO != 0, t.Lflag&unix.ICANON != 0
	wasRaw := p.raw
	p.raw = !echo && !lines
	switch {
	case echo:
		return false
	case lines:
		return true
	case fresh || !wasRaw:
		p.secret = !e.edits(p)
	}
	return p.secret
}

// edits reports whether the program in a raw terminal's foreground certainly
// shows what is typed.
func (e *Echo) edits(p *pty) bool {
	group, name, err := e.foreground(p)
	if err != nil {
		return false
	}
	name = strings.TrimRight(name, "0123456789.")
	if slices.Contains(interpreters(), name) {
		args, err := os.ReadFile(filepath.Join(e.proc, group, "cmdline"))
		return err == nil && bytes.Count(args, []byte{0}) == 1
	}
	if !slices.Contains(editors(), name) {
		return false
	}
	inner, err := e.list(group)
	return err == nil && len(inner) == 0
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
func (e *Echo) list(pid string) ([]int, error) {
	dir := filepath.Join(e.proc, pid)
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

// device is a pseudo-terminal as a process sees it. Containers and sandboxes
// have pseudo-terminals of their own with the same numbers.
func (e *Echo) device(pid, index int) string {
	return filepath.Join(e.proc, strconv.Itoa(pid), "root/dev/pts", strconv.Itoa(index))
}

// settings opens the terminal for a moment only: held open, it would keep the
// terminal's program from seeing that the shell has ended.
func (e *Echo) settings(pid uint32, index int) (*unix.Termios, error) {
	fd, err := unix.Open(e.device(int(pid), index), unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open terminal: %w", err)
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err := errors.Join(err, unix.Close(fd)); err != nil {
		return nil, fmt.Errorf("read terminal's settings: %w", err)
	}
	return t, nil
}

// foreground returns the process and the name of the program in a terminal's
// foreground.
func (e *Echo) foreground(p *pty) (pid, name string, err error) {
	group, ok := e.groupOf(p.member, p.index)
	if !ok {
		entries, err := os.ReadDir(e.proc)
		if err != nil {
			return "", "", fmt.Errorf("list processes: %w", err)
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
		return "", "", errors.New("find foreground program: no process on the terminal")
	}
	pid = strconv.Itoa(group)
	comm, err := os.ReadFile(filepath.Join(e.proc, pid, "comm"))
	if err != nil {
		return "", "", fmt.Errorf("name foreground program: %w", err)
	}
	return pid, strings.TrimSpace(string(comm)), nil
}

// groupOf returns the foreground process group of a process's terminal, if
// that is the given one of the window: the program in front of a container's
// terminal of the same number says nothing about what is typed here.
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
	if !ok || group <= 0 || tty != major<<8|index&0xff|(index&^0xff)<<12 {
		return 0, false
	}
	theirs, err := os.Stat(e.device(pid, index))
	if err != nil {
		return 0, false
	}
	ours, err := os.Stat(e.device(int(e.pid), index))
	return group, err == nil && os.SameFile(theirs, ours)
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
