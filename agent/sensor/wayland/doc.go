// Package wayland follows the window in front on Wayland compositors that tell
// of it: those with the wlr foreign-toplevel protocol (sway, labwc, wayfire, and
// others built on wlroots). GNOME and KDE do not have it.
//
// It speaks the few messages that this takes itself: the wire format is a
// header of eight bytes and three kinds of arguments. It sends nothing that
// changes a window. It imports the standard library only.
package wayland

import "errors"

// ErrNoToplevels says that the compositor does not tell of its windows.
var ErrNoToplevels = errors.New("the compositor has no foreign-toplevel protocol")

// Front is the window in front, as the compositor names it; the zero Front is
// none.
type Front struct {
	App   string // its app_id, for example "foot" or "org.mozilla.firefox"
	Title string
}
