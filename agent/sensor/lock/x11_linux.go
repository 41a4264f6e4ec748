package lock

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/agent/sensor/x11"
)

// display is what of *x11.Conn is used here.
type display interface {
	Root() x11.Window
	Size() (width, height int)
	Is(a x11.Atom, name string) bool
	Class(w x11.Window) (instance, class string, err error)
	Geometry(w x11.Window) (width, height int, err error)
	Cardinal(w x11.Window, name string) (uint32, bool, error)
	OverrideRedirects() ([]x11.Window, error)
}

// Screen watches an X display for lockers that tell nobody: those that cover
// the screen with a window of their own, and xscreensaver, which says so on the
// root window. It is not safe for concurrent use.
type Screen struct {
	x display
	// cover is the locker's window, 0 when none covers the screen.
	cover x11.Window
}

// Sources of Screen.
const (
	sourceCover       = "x11-locker"
	sourceScreenSaver = "xscreensaver"
)

// lockers are the window classes of programs that only lock the screen.
func lockers() []string {
	return []string{
		"i3lock", "slock", "xlock", "xsecurelock", "xtrlock", "light-locker", "betterlockscreen", "alock", "physlock",
		"xscreensaver", "xfce4-screensaver", "mate-screensaver", "cinnamon-screensaver", "gnome-screensaver", "kscreenlocker_greet",
	}
}

// NewScreen watches x.
func NewScreen(x *x11.Conn) *Screen { return &Screen{x: x} }

// Look returns what is true now, for the start: the screen may be locked.
func (s *Screen) Look() ([]Event, error) {
	windows, err := s.x.OverrideRedirects()
	if err != nil {
		return nil, fmt.Errorf("look for lockers: %w", err)
	}
	var events []Event
	for _, w := range windows {
		ev, err := s.mapped(w)
		if err != nil {
			return nil, err
		}
		if ev != nil {
			events = append(events, *ev)
		}
	}
	saver, err := s.saver()
	if err != nil {
		return nil, err
	}
	return append(events, *saver), nil
}

// Handle takes an event of the display and returns what it says of the lock,
// nil when nothing.
func (s *Screen) Handle(ev x11.Event) (*Event, error) {
	switch ev := ev.(type) {
	case x11.Mapped:
		if ev.OverrideRedirect {
			return s.mapped(ev.Window)
		}
	case x11.Unmapped:
		if ev.Window == s.cover {
			s.cover = 0
			return &Event{Source: sourceCover}, nil
		}
	case x11.PropertyChanged:
		if ev.Window == s.x.Root() && s.x.Is(ev.Atom, x11.ScreenSaverStatus) {
			return s.saver()
		}
	}
	return nil, nil
}

// mapped looks at a window that no window manager manages. A locker's covers
// at least half of the screen each way: the screen may have grown since Open.
func (s *Screen) mapped(w x11.Window) (*Event, error) {
	instance, class, err := s.x.Class(w)
	if err != nil {
		return nil, fmt.Errorf("read class of a new window: %w", err)
	}
	if !slices.Contains(lockers(), strings.ToLower(instance)) && !slices.Contains(lockers(), strings.ToLower(class)) {
		return nil, nil
	}
	width, height, err := s.x.Geometry(w)
	if err != nil {
		return nil, nil // gone again
	}
	screenWidth, screenHeight := s.x.Size()
	if width < screenWidth/2 || height < screenHeight/2 {
		return nil, nil // its password box, or a menu
	}
	s.cover = w
	return &Event{Source: sourceCover, Locked: true}, nil
}

// saver reads the status of xscreensaver: first 0 when it neither blanks nor
// locks. Blanked counts as locked: nobody types into a blank screen.
func (s *Screen) saver() (*Event, error) {
	status, _, err := s.x.Cardinal(s.x.Root(), x11.ScreenSaverStatus)
	if err != nil {
		return nil, fmt.Errorf("read xscreensaver's status: %w", err)
	}
	return &Event{Source: sourceScreenSaver, Locked: status != 0}, nil
}
