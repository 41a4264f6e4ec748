// Package x11 is what the sensors share of the X Window System: one
// connection, every event of it in the server's order, the keyboard's state
// and map, and the properties of windows. It knows the wire and nothing of
// what the events mean for a pupil's text.
//
// It speaks the protocol itself, on the standard library only, instead of
// through a binding: raw keys of XInput 2 are generic events longer than 32
// bytes, which xgb cannot read; key events, focus events and property changes
// must stay in one order, which a filter beside xgb would lose; and the cookie
// must be read for the display that was asked for. About a dozen requests are
// needed. Sources: X Window System Protocol (X11R6.8), the X Keyboard
// Extension: Protocol Specification (version 1.0), and the X Input Extension
// 2.x protocol text.
package x11
