package x11

// Event is one of the types below.
type Event any

// KeyPress is a key that went down on any keyboard, whoever has the focus.
type KeyPress struct {
	Code uint8
	// Time is the server's clock, milliseconds, wrapping after 49 days.
	Time uint32
}

// KeyRelease is a key that came up.
type KeyRelease struct {
	Code uint8
	Time uint32
}

// ButtonPress is a mouse button; 4 to 7 are the wheel.
type ButtonPress struct{ Button uint8 }

// PointerUsed is somebody at the mouse, the touchpad or the touch screen.
type PointerUsed struct{}

// FocusOut says that the keyboard focus left a watched window, or that
// another program took the keyboard (Grabbed) while the focus stayed.
type FocusOut struct {
	Window  Window
	Grabbed bool
}

// FocusIn is the opposite; Ungrabbed when a grab ended.
type FocusIn struct {
	Window    Window
	Ungrabbed bool
}

// PropertyChanged is a property of a watched window that was set or deleted.
type PropertyChanged struct {
	Window Window
	Atom   Atom
}

// Mapped is a window below the root that became visible.
type Mapped struct {
	Window           Window
	OverrideRedirect bool
}

// Unmapped is a window that is no longer visible, or was destroyed.
type Unmapped struct {
	Window    Window
	Destroyed bool
}

// keyboardState and keymapChanged are for the Keyboard.
type (
	keyboardState struct{ mods, group uint8 }
	keymapChanged struct{}
)

// Core events.
const (
	evFocusIn        = 9
	evFocusOut       = 10
	evDestroyNotify  = 17
	evUnmapNotify    = 18
	evMapNotify      = 19
	evPropertyNotify = 28
	evMappingNotify  = 34
)

// Modes and details of focus events (protocol, section 10).
const (
	modeGrab       = 1
	modeUngrab     = 2
	detailInferior = 2
	detailPointer  = 5
)

// Decode turns a packet into an event, or returns nil for what does not
// matter. It keeps the Keyboard's state up to date; the keyboard map is
// fetched again when it changed, which is a round trip and can fail.
func (c *Conn) Decode(p []byte) (Event, error) {
	ev := c.ext.decode(p)
	switch ev := ev.(type) {
	case keyboardState:
		c.Keyboard.mods, c.Keyboard.group = ev.mods, ev.group
		return nil, nil
	case keymapChanged:
		return nil, c.loadKeymap()
	}
	return ev, nil
}

// decode is pure; packets are 32 bytes or longer.
func (x extensions) decode(p []byte) Event {
	switch p[0] {
	case packetGeneric:
		return x.decodeRaw(p)
	case evFocusIn:
		if p[1] == detailInferior || p[1] == detailPointer {
			return nil
		}
		return FocusIn{Window: Window(order.Uint32(p[4:])), Ungrabbed: p[8] == modeUngrab}
	case evFocusOut:
		// The focus moving to a child of the window stays in the window.
		if p[1] == detailInferior || p[1] == detailPointer {
			return nil
		}
		return FocusOut{Window: Window(order.Uint32(p[4:])), Grabbed: p[8] == modeGrab}
	case evPropertyNotify:
		return PropertyChanged{Window: Window(order.Uint32(p[4:])), Atom: Atom(order.Uint32(p[8:]))}
	case evMapNotify:
		return Mapped{Window: Window(order.Uint32(p[8:])), OverrideRedirect: p[12] != 0}
	case evUnmapNotify, evDestroyNotify:
		return Unmapped{Window: Window(order.Uint32(p[8:])), Destroyed: p[0] == evDestroyNotify}
	case evMappingNotify:
		const pointer = 2
		if p[4] == pointer {
			return nil
		}
		return keymapChanged{}
	case x.xkbEvent:
		return decodeXKB(p)
	}
	return nil
}

func (x extensions) decodeRaw(p []byte) Event {
	if p[1] != x.input {
		return nil
	}
	// XIRawEvent: event type at 8, time at 12, detail at 16.
	at, detail, kind := order.Uint32(p[12:]), order.Uint32(p[16:]), order.Uint16(p[8:])
	if kind == rawMotion || kind == rawTouchBegin {
		return PointerUsed{}
	}
	if detail > 255 {
		return nil
	}
	switch kind {
	case rawKeyPress:
		return KeyPress{Code: uint8(detail), Time: at}
	case rawKeyRelease:
		return KeyRelease{Code: uint8(detail), Time: at}
	case rawButtonPress:
		return ButtonPress{Button: uint8(detail)}
	}
	return nil
}

// Events of XKB (specification, section 16).
const (
	xkbNewKeyboard = 0
	xkbMap         = 1
	xkbState       = 2
	xkbControls    = 3
)

func decodeXKB(p []byte) Event {
	switch p[1] {
	case xkbNewKeyboard, xkbMap, xkbControls:
		return keymapChanged{}
	case xkbState:
		return keyboardState{mods: p[9], group: p[13]}
	}
	return nil
}
