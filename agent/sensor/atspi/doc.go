// Package atspi asks the accessibility bus (AT-SPI 2) of one desktop session
// which field has the focus, what kind of field it is, and what changes in its
// text. It asks for the text of no field: a change carries its own.
//
// It may import the D-Bus client and the standard library. Numbers of roles and
// states are those of atspi-constants.h (at-spi2-core 2.46); they are part of
// the protocol and never renumbered.
package atspi

import "slices"

// Ref names one accessible object: the bus name of its application and its path.
type Ref struct {
	Sender string
	Path   string
}

// Role is an accessible role.
type Role uint32

// Roles that the password gate tells apart.
const (
	RolePasswordText Role = 40
	RoleTerminal     Role = 60
	roleDocumentWeb  Role = 95
)

// holders are roles of what only holds other objects. Toolkits let such a one say
// that it has the focus when something inside it has: LibreOffice its root pane,
// Qt every widget whose focus another takes for it.
func holders() []Role {
	const dialog, filler, frame, internalFrame, layeredPane, panel, rootPane = 16, 20, 23, 28, 30, 39, 46
	const scrollPane, splitPane, viewport, window, documentText = 49, 53, 68, 69, 94
	return []Role{dialog, filler, frame, internalFrame, layeredPane, panel, rootPane, scrollPane, splitPane, viewport, window, documentText}
}

// State is the number of an accessible state.
type State uint

// States that the password gate asks for.
const (
	StateActive    State = 1
	StateEditable  State = 7
	StateFocused   State = 12
	StateMultiLine State = 17
)

// Object is what an accessible object says of itself.
type Object struct {
	Ref    Ref
	Role   Role
	states []uint32
	// Password is true when the object is a password field by its role, or by
	// the input type of the web page.
	Password bool
	// Address is the address of the document it stands in, empty when unknown.
	Address string
	// Name and Place are what people know it by; empty until Identify.
	Name  string
	Place Place
}

// Place is where an object stands on the screen, in pixels.
type Place struct{ X, Y, Width, Height int32 }

// Known reports whether it is one: of a field that just came, Firefox says -1 in
// all four until it has laid out the page.
func (p Place) Known() bool { return p.Width > 0 && p.Height > 0 }

// Apart reports whether two places are certainly not that of one field. A
// field may grow by a button in it, so widths are not compared.
func (p Place) Apart(q Place) bool {
	const slack = 8
	far := func(a, b int32) bool { return a-b > slack || b-a > slack }
	return p.Known() && q.Known() && (far(p.X, q.X) || far(p.Y, q.Y) || far(p.Height, q.Height))
}

// Has reports whether the object has a state.
func (o Object) Has(s State) bool {
	i := int(s / 32)
	return i < len(o.states) && o.states[i]&(1<<(s%32)) != 0
}

// Holds reports whether the object says that it has the focus, and may only hold
// the one that takes the keys.
func (o Object) Holds() bool {
	return !o.Password && !o.Has(StateEditable) && slices.Contains(holders(), o.Role)
}

// takesKeys reports whether an object is one that people type into.
func (o Object) takesKeys() bool {
	return o.Password || o.Role == RoleTerminal || o.Has(StateEditable)
}

// WithStates returns a copy of o that has the given states, for tests of those
// who decide by them.
func (o Object) WithStates(states ...State) Object {
	o.states = slices.Clone(o.states)
	for len(o.states) < 2 {
		o.states = append(o.states, 0)
	}
	for _, s := range states {
		o.states[s/32] |= 1 << (s % 32)
	}
	return o
}

// Event is one of the types below.
type Event any

// Focused says that an object got the focus inside its application, which need
// not be the one that the person types into.
type Focused struct {
	Ref Ref
	PID uint32
}

// Blurred says that an object lost the focus.
type Blurred struct {
	Ref Ref
	PID uint32
}

// Changed says that the text of an object changed: Text was put in at Offset, or
// Length characters were taken out there. What kind of object it is, and whether
// that may be looked at, is for the receiver to know.
type Changed struct {
	Ref      Ref
	PID      uint32
	Inserted bool
	Offset   int // in characters
	Length   int
	Text     string // of what was put in or taken out; lines end with \n
}

// Joined says that a process came to the accessibility bus.
type Joined struct{ PID uint32 }
