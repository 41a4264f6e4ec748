// Package logind finds the desktops of a Linux machine: the graphical sessions
// that systemd-logind knows, whose they are, and where their displays and buses
// are. It says which of them are to be watched now, whenever that changes.
//
// A session is watched when it is graphical (X11 or Wayland), a person's (not a
// log-on or lock screen), not closing, and active: one that was switched away
// from shows and gets nothing, and has no process of ours while that lasts.
//
// Where a desktop is, logind does not know. That is read from the environment of
// the session's own processes, of which only the variables that a desktop is
// found by are taken, and only for a process that runs as the same person:
// whoever makes them up misleads his own session process.
//
// It may import the D-Bus client and agent/session/supervise for its Target.
package logind

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/agent/session/supervise"
)

// Session is what logind says of one session.
type Session struct {
	ID    string
	Type  string // x11, wayland, mir, tty, web, unspecified
	Class string // user, greeter, lock-screen, background, …
	State string // opening, online, active, closing
	// Active: it is in front on its seat, or has none (a remote one). State says
	// so too, but not while the session is opening, and its end is not told.
	Active bool
	UID    uint32
	GID    uint32
	Name   string // of the account
	// Leader is the process that opened the session.
	Leader uint32
	// Display is set by some display managers, for example ":0".
	Display string
	Scope   string // its unit, for example "session-3.scope"
	// RuntimeDir is the person's XDG_RUNTIME_DIR.
	RuntimeDir string
}

// graphical: a person's desktop that is there to stay for a while.
func (s Session) graphical() bool {
	return (s.Type == "x11" || s.Type == "wayland") && s.Class == "user" && s.State != "closing"
}

// Desktops are what the sessions of a moment come to.
type Desktops struct {
	// Targets are to be watched, in the order of their ids.
	Targets []supervise.Target
	// Away is how many desktops people have switched away from.
	Away int
	// Hidden is how many active desktops have no display that was found, yet.
	Hidden int
}

// Watched reports whether two moments come to the same.
func (d Desktops) equal(other Desktops) bool {
	return d.Away == other.Away && d.Hidden == other.Hidden &&
		slices.EqualFunc(d.Targets, other.Targets, supervise.Target.Equal)
}

// choose decides which sessions are watched. find returns the environment of a
// session's desktop; own is the only account whose processes may be started,
// unless it is root.
func choose(sessions []Session, own uint32, find func(Session) ([]string, bool)) Desktops {
	var d Desktops
	for _, s := range slices.SortedFunc(slices.Values(sessions), func(a, b Session) int { return cmp.Compare(a.ID, b.ID) }) {
		switch {
		case !s.graphical(), own != 0 && s.UID != own:
			continue
		case !s.Active:
			d.Away++
			continue
		}
		env, ok := find(s)
		if !ok {
			d.Hidden++
			continue
		}
		d.Targets = append(d.Targets, supervise.Target{
			ID: "logind-" + s.ID, Account: s.Name, UID: s.UID, GID: s.GID, Env: env,
		})
	}
	return d
}

// wanted are the variables by which a desktop is found, and no others.
var wanted = []string{
	"DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_CURRENT_DESKTOP", "HOME", "LANG",
}

// maxValue bounds each of them, in bytes.
const maxValue = 1024

// environment makes the session process's environment of what was found in one
// of the session's processes; false when that shows no display.
func environment(s Session, found map[string]string) ([]string, bool) {
	display, wayland := cmp.Or(found["DISPLAY"], s.Display), found["WAYLAND_DISPLAY"]
	if s.Type == "wayland" && wayland == "" || s.Type == "x11" && display == "" {
		return nil, false
	}
	env := []string{
		"XDG_SESSION_ID=" + s.ID, "XDG_SESSION_TYPE=" + s.Type, "XDG_RUNTIME_DIR=" + s.RuntimeDir,
	}
	for _, name := range wanted {
		v := found[name]
		if name == "DISPLAY" {
			v = display
		}
		if v != "" && len(v) <= maxValue && !strings.ContainsAny(v, "\x00\n") {
			env = append(env, name+"="+v)
		}
	}
	return env, true
}
