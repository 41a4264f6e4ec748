package logind

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// places finds desktops by the processes in proc ("/proc").
type places struct{ proc string }

// find looks at the session's leader first, then at its other processes: the
// leader of a display manager's session is the display manager's own.
func (p places) find(s Session) ([]string, bool) {
	if env, ok := p.of(s, s.Leader); ok {
		return env, true
	}
	// A desktop under the person's systemd is outside the session's scope; such a
	// process names its session, or, at the least, is the person's.
	var mine, own []uint32
	for _, pid := range p.processes(s.UID) {
		if p.scope(pid) == s.Scope && s.Scope != "" || p.read(pid)["XDG_SESSION_ID"] == s.ID {
			mine = append(mine, pid)
		} else {
			own = append(own, pid)
		}
	}
	for _, pid := range append(mine, own...) {
		if env, ok := p.of(s, pid); ok {
			return env, true
		}
	}
	return p.socket(s)
}

// socket finds a compositor that nothing has been started under yet: by its
// socket, when the person has just one.
func (p places) socket(s Session) ([]string, bool) {
	if s.Type != "wayland" || s.RuntimeDir == "" {
		return nil, false
	}
	entries, err := os.ReadDir(s.RuntimeDir)
	if err != nil {
		return nil, false
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "wayland-") && e.Type()&fs.ModeSocket != 0 {
			names = append(names, e.Name())
		}
	}
	if len(names) != 1 {
		return nil, false
	}
	found := map[string]string{}
	if p.owned(s.Leader, s.UID) {
		found = p.read(s.Leader)
	}
	found["WAYLAND_DISPLAY"] = names[0]
	return environment(s, found)
}

func (p places) of(s Session, pid uint32) ([]string, bool) {
	if pid == 0 || !p.owned(pid, s.UID) {
		return nil, false
	}
	found := p.read(pid)
	if id := found["XDG_SESSION_ID"]; id != "" && id != s.ID {
		return nil, false // another session of the same person
	}
	return environment(s, found)
}

func (p places) dir(pid uint32) string {
	return filepath.Join(p.proc, strconv.FormatUint(uint64(pid), 10))
}

// owned reports whether a process runs as a person.
func (p places) owned(pid, uid uint32) bool {
	info, err := os.Stat(p.dir(pid))
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == uid
}

// processes of a person, by number: nearly always the oldest come first, which
// are the desktop's own. What a desktop is found by must not depend on the
// program that somebody has just started: snaps have a HOME of their own, nested
// servers a display, and another environment is another session process.
func (p places) processes(uid uint32) []uint32 {
	entries, err := os.ReadDir(p.proc)
	if err != nil {
		return nil
	}
	var pids []uint32
	for _, e := range entries {
		pid, err := strconv.ParseUint(e.Name(), 10, 32)
		if err == nil && p.owned(uint32(pid), uid) {
			pids = append(pids, uint32(pid))
		}
	}
	slices.Sort(pids) // the directory has 10234 before 1500
	return pids
}

// read returns the wanted variables of a process's environment.
func (p places) read(pid uint32) map[string]string {
	found := map[string]string{}
	b, err := os.ReadFile(filepath.Join(p.dir(pid), "environ"))
	if err != nil {
		return found
	}
	for kv := range bytes.SplitSeq(b, []byte{0}) {
		name, value, _ := strings.Cut(string(kv), "=")
		if _, twice := found[name]; !twice && (name == "XDG_SESSION_ID" || isWanted(name)) {
			found[name] = value
		}
	}
	return found
}

func isWanted(name string) bool {
	for _, w := range wanted {
		if name == w {
			return true
		}
	}
	return false
}

// scope is the last part of a process's control group.
func (p places) scope(pid uint32) string {
	b, err := os.ReadFile(filepath.Join(p.dir(pid), "cgroup"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		for part := range strings.SplitSeq(strings.TrimSpace(line), "/") {
			if strings.HasSuffix(part, ".scope") && strings.HasPrefix(part, "session-") {
				return part
			}
		}
	}
	return ""
}
