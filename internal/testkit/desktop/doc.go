// Package desktop starts a real X11 desktop without a screen: Xvfb, a window
// manager (openbox) and a session bus with the accessibility bus behind it,
// each private to the caller. The tests of the sensors, the end-to-end test
// and `make run` on a machine without a desktop type into it.
//
// It needs the programs Xvfb, openbox, dbus-daemon, xdotool and at-spi2-core
// and says which is missing. It imports the standard library only, and not
// testing, because it also serves `make run`. Linux only; elsewhere Start
// returns an error that wraps errors.ErrUnsupported.
package desktop

import "time"

// Options say what kind of desktop to start. The zero value is good.
type Options struct {
	// Dir holds the sockets, cookie, home folder and logs of the desktop. Empty
	// means a new folder below the system's temporary folder, removed by Stop.
	Dir string
	// Width and Height of the screen in pixels; 0 means 1280 and 800.
	Width, Height int
	// Layout is an XKB layout such as "gb" or "us,fr"; empty means "gb".
	Layout string
	// NoAccessibility leaves the session bus out, and with it the accessibility bus.
	NoAccessibility bool
	// NoWindowManager leaves openbox out.
	NoWindowManager bool
}

// Bounds of waiting. They are far above what a loaded machine of two cores
// was seen to need (under 3 s), so that reaching one means something is broken.
const (
	startBound = 30 * time.Second
	stopBound  = 5 * time.Second
)

func (o Options) withDefaults() Options {
	if o.Width == 0 {
		o.Width = 1280
	}
	if o.Height == 0 {
		o.Height = 800
	}
	if o.Layout == "" {
		o.Layout = "gb"
	}
	return o
}
