package window

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lapwing-schools/lapwing/agent/sensor/text"
	"github.com/lapwing-schools/lapwing/agent/sensor/x11"
)

// display is what of *x11.Conn is used here.
type display interface {
	Root() x11.Window
	Is(a x11.Atom, name string) bool
	Watch(w x11.Window, mask uint32) error
	ActiveWindow() (x11.Window, error)
	Title(w x11.Window) (string, error)
	Class(w x11.Window) (instance, class string, err error)
	PID(w x11.Window) (uint32, error)
	Text(w x11.Window, name string) (string, error)
	Cardinal(w x11.Window, name string) (uint32, bool, error)
}

// Watcher follows the active window of an X display (EWMH 1.5). It is not
// safe for concurrent use.
type Watcher struct {
	x        display
	proc     string
	hostname string
	current  text.Window
}

// Change says what an event changed.
type Change uint8

// Kinds of Change.
const (
	Nothing Change = iota
	Activated
	Renamed
)

// NewWatcher follows x; hostname is this machine's own.
func NewWatcher(x *x11.Conn, hostname string) *Watcher {
	return &Watcher{x: x, proc: "/proc", hostname: hostname}
}

// Current returns the active window; its ID is 0 when there is none.
func (w *Watcher) Current() text.Window { return w.current }

// Managed reports whether a window manager tells the active window. Without
// one nothing does.
func (w *Watcher) Managed() (bool, error) {
	_, ok, err := w.x.Cardinal(w.x.Root(), x11.NetWMCheck)
	return ok, err
}

// Refresh asks for the active window again.
func (w *Watcher) Refresh() (Change, error) {
	id, err := w.x.ActiveWindow()
	if err != nil {
		return Nothing, fmt.Errorf("get active window: %w", err)
	}
	if uint32(id) == w.current.ID {
		return Nothing, nil
	}
	if w.current.ID != 0 {
		if err := w.x.Watch(x11.Window(w.current.ID), 0); err != nil {
			return Nothing, fmt.Errorf("leave window: %w", err)
		}
	}
	w.current = text.Window{ID: uint32(id)}
	if id == 0 {
		return Activated, nil
	}
	// Watch first, then read: a change between the two is then told as well.
	if err := w.x.Watch(id, x11.PropertyChangeMask|x11.FocusChangeMask|x11.StructureNotifyMask); err != nil {
		return Nothing, fmt.Errorf("watch window: %w", err)
	}
	if err := w.describe(id); err != nil {
		return Nothing, fmt.Errorf("describe window: %w", err)
	}
	return Activated, nil
}

// gone forgets a window that was destroyed while it was the active one. Some
// window managers go on naming it when no other follows.
func (w *Watcher) gone() (Change, error) {
	old := w.current.ID
	w.current = text.Window{}
	id, err := w.x.ActiveWindow()
	if err != nil {
		return Nothing, fmt.Errorf("get active window: %w", err)
	}
	if uint32(id) == old || id == 0 {
		return Activated, nil
	}
	return w.Refresh()
}

func (w *Watcher) describe(id x11.Window) error {
	instance, class, err := w.x.Class(id)
	if err != nil {
		return err
	}
	machine, err := w.x.Text(id, x11.WMClientMachine)
	if err != nil {
		return err
	}
	w.current.Remote = machine != "" && short(machine) != short(w.hostname)
	if w.current.PID, err = w.x.PID(id); err != nil {
		return err
	}
	if w.current.Remote {
		w.current.PID = 0 // a number on another machine
	}
	if w.current.Title, err = w.x.Title(id); err != nil {
		return err
	}
	w.current.Plain = w.plain(w.current.PID)
	w.current.Class = class
	w.current.App = w.app(w.current.PID, instance, class)
	return nil
}

// Handle takes an event of the display and says what it changed.
func (w *Watcher) Handle(ev x11.Event) (Change, error) {
	if gone, ok := ev.(x11.Unmapped); ok && gone.Destroyed && gone.Window == x11.Window(w.current.ID) && w.current.ID != 0 {
		return w.gone()
	}
	p, ok := ev.(x11.PropertyChanged)
	if !ok {
		return Nothing, nil
	}
	switch {
	case p.Window == w.x.Root() && w.x.Is(p.Atom, x11.NetActiveWindow):
		return w.Refresh()
	case p.Window != x11.Window(w.current.ID):
		return Nothing, nil
	case w.x.Is(p.Atom, x11.NetWMName), w.x.Is(p.Atom, x11.WMName):
		title, err := w.x.Title(p.Window)
		if err != nil {
			return Nothing, fmt.Errorf("read title: %w", err)
		}
		if title == w.current.Title {
			return Nothing, nil
		}
		w.current.Title = title
		return Renamed, nil
	case w.x.Is(p.Atom, x11.NetWMPID), w.x.Is(p.Atom, x11.WMClass):
		if err := w.describe(p.Window); err != nil {
			return Nothing, fmt.Errorf("describe window: %w", err)
		}
		return Activated, nil
	}
	return Nothing, nil
}

// toolkits are libraries whose programs have accessible objects.
func toolkits() []string {
	return []string{
		"libgtk-3", "libgtk-4", "libgtk-x11-2.0", "libQt5Gui", "libQt6Gui", "libQtGui", "libxul", "libcef", "libjvm",
		"libatk-bridge", "libwx_", "libflutter", "libvcl",
	}
}

// plain reports whether a program certainly uses none of the toolkits. A
// process that cannot be looked at (another user's, or in a container with
// numbers of its own) is not.
func (w *Watcher) plain(pid uint32) bool {
	if pid == 0 {
		return false
	}
	maps, err := os.ReadFile(filepath.Join(w.proc, strconv.FormatUint(uint64(pid), 10), "maps"))
	if err != nil || len(maps) == 0 {
		return false
	}
	for _, name := range toolkits() {
		if bytes.Contains(maps, []byte("/"+name)) {
			return false
		}
	}
	return true
}

// short cuts a host name's domain off: programs name the machine either way.
func short(host string) string {
	name, _, _ := strings.Cut(strings.ToLower(host), ".")
	return name
}

// interpreter reports whether a file's name is that of a program which runs
// programs, so that it does not say what runs.
func interpreter(name string) bool {
	for _, prefix := range []string{"python", "perl", "ruby", "java", "node", "mono", "gjs", "wine", "bash", "sh"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && strings.Trim(rest, "0123456789.-") == "" {
			return true
		}
	}
	return false
}

// app names the program of a window: its file, which the program cannot make
// up as easily as its window class; the class for what an interpreter runs.
func (w *Watcher) app(pid uint32, instance, class string) string {
	if name := program(w.proc, pid); name != "" {
		return name
	}
	if instance != "" {
		// Chromium appends the folder of its profile.
		name, _, _ := strings.Cut(instance, " ")
		return strings.ToLower(name)
	}
	return strings.ToLower(class)
}
