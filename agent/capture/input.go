package capture

import "time"

// Role is what the accessible role of the focused field says about capture.
type Role uint8

// Roles. The zero value means that the field's role is not known yet.
const (
	// RolePending: the application is accessible, the role has not come yet.
	// Keys are held for at most 300 ms, then dropped and counted.
	RolePending Role = iota
	// RoleText: known to be text; captured.
	RoleText
	// RolePassword: known to be a password; dropped.
	RolePassword
	// RoleNone: the window has no accessible object at all (a terminal).
	// Captured unless EchoOff or PromptKnown; coverage says role_unavailable.
	RoleNone
	// RoleDenied: no role where one is required (a browser); dropped, counted.
	RoleDenied
)

// Field is the place that has the keyboard focus.
type Field struct {
	// ID changes whenever the focus moves to another field or window.
	ID   string
	Role Role
	// App is the program's name, for example "chromium"; Title its window's title.
	App, Title string
	// Address is the accessible document's address, empty when unknown.
	Address string
	// Web: a browser on the accessibility bus, whose address will be known.
	Web bool
	// EchoOff: the terminal in this window does not echo (RoleNone only).
	EchoOff bool
	// PromptKnown: a known password prompt (polkit, ssh-askpass …) has the focus.
	PromptKnown bool
}

// Input is one observation of the sensors. At is read from one monotonic
// clock and never falls.
type Input struct {
	At   time.Time
	Kind InputKind
	// Rune for Typed.
	Rune rune
	// Field for FieldChanged, and for a role or address that became known later (same ID).
	Field Field
	// Text for Inserted (paste and the like) and TitleShown.
	Text string
}

// InputKind says what an Input is.
type InputKind uint8

// Kinds of Input.
const (
	Typed          InputKind = iota + 1 // one character
	Backspace                           // one character back
	Enter                               // ends the fragment
	CaretMoved                          // arrows, Home, End, mouse: what follows does not continue the text
	Inserted                            // Text appeared at once
	FieldChanged                        // focus moved, or the same field became better known
	TitleShown                          // a window title came to the front or changed
	ScreenLocked                        // nothing is captured from here on
	ScreenUnlocked                      //
	Tick                                // time passed; see Machine.Deadline
)
