package x11

import (
	"errors"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
)

// Window is a window's id; 0 is none.
type Window uint32

// Atom names a property.
type Atom uint32

// Conn is a connection to one X display. Requests are safe for concurrent
// use; Events and the Keyboard belong to one goroutine.
type Conn struct {
	wire     *wire
	ext      extensions
	atoms    map[string]Atom
	Keyboard *Keyboard
	Touch    bool   // the server tells of touches
	selected uint32 // raw events
}

// extensions are the numbers that this server gave to its extensions.
type extensions struct {
	input    uint8 // XInput's major opcode
	xkb      uint8 // XKB's major opcode
	xkbEvent uint8 // XKB's first (and only) event
	saver    uint8 // MIT-SCREEN-SAVER's major opcode; 0: the server has none
}

// Open connects to a display, for example ":0", with the cookie of the
// Xauthority file (empty: ~/.Xauthority), and selects raw keys and buttons,
// keyboard state, and changes of the root window. No key is read before Open.
// Events are read at pace.
func Open(display, xauthority string, pace *socket.Pace) (*Conn, error) {
	w, err := dial(display, xauthority, pace)
	if err != nil {
		return nil, err
	}
	c := &Conn{wire: w}
	if err := c.prepare(); err != nil {
		return nil, fmt.Errorf("prepare display %s: %w", display, errors.Join(err, w.close()))
	}
	return c, nil
}

func (c *Conn) prepare() error {
	if err := c.internAtoms(); err != nil {
		return err
	}
	if err := c.startXKB(); err != nil {
		return err
	}
	if err := c.startXInput(); err != nil {
		return err
	}
	if err := c.findSaver(); err != nil {
		return err
	}
	return c.Watch(c.Root(), PropertyChangeMask|SubstructureNotifyMask)
}

// Root returns the root window.
func (c *Conn) Root() Window { return Window(c.wire.setup.root) }

// Size returns the size of the screen in pixels as it was at Open.
func (c *Conn) Size() (width, height int) {
	return int(c.wire.setup.width), int(c.wire.setup.height)
}

// Close ends the connection.
func (c *Conn) Close() error { return c.wire.close() }

// Ready holds a value when there may be events, and once when a step of the pace
// has brought none. It has one slot: one value may stand for many.
func (c *Conn) Ready() <-chan struct{} { return c.wire.ready }

// Events returns the undecoded events that the server has sent by now, in its
// order, whether or not Ready has told. It does not wait. After the last event
// of a connection that has ended it returns why.
func (c *Conn) Events() ([][]byte, error) { return c.wire.take() }

var errNoExtension = errors.New("the X server lacks an extension")

// queryExtension returns an extension's major opcode and first event.
func (c *Conn) queryExtension(name string) (major, event uint8, err error) {
	b := []byte{98, 0, 0, 0}
	b = order.AppendUint16(b, uint16(len(name)))
	b = append(b, 0, 0)
	b = pad(append(b, name...))
	r, err := c.wire.ask(b, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("query extension %s: %w", name, err)
	}
	if r[8] == 0 {
		return 0, 0, fmt.Errorf("%w: %s", errNoExtension, name)
	}
	return r[9], r[10], nil
}

// Raw events of XInput 2 (XI2proto).
const (
	rawKeyPress    = 13
	rawKeyRelease  = 14
	rawButtonPress = 15
	rawMotion      = 17
	rawTouchBegin  = 22 // XInput 2.2
)

func (c *Conn) startXInput() error {
	major, _, err := c.queryExtension("XInputExtension")
	if err != nil {
		return err
	}
	c.ext.input = major
	// 2.1 is the first that delivers raw events while another program holds a
	// grab, 2.2 tells of touches. We ask for no more than we use.
	version := []byte{major, 47, 0, 0, 2, 0, 2, 0}
	r, err := c.wire.ask(version, 32)
	if err != nil {
		return fmt.Errorf("query XInput version: %w", err)
	}
	if gotMajor, gotMinor := order.Uint16(r[8:]), order.Uint16(r[10:]); gotMajor < 2 || gotMajor == 2 && gotMinor < 1 {
		return fmt.Errorf("XInput %d.%d is too old, 2.1 is needed", gotMajor, gotMinor)
	}
	c.Touch = order.Uint16(r[8:]) > 2 || order.Uint16(r[10:]) >= 2
	return c.selectRaw(1<<rawKeyPress | 1<<rawButtonPress)
}

// WatchReleases also selects keys that come up, or no longer does. Each event
// wakes the process, and only a held key's release says anything.
func (c *Conn) WatchReleases(on bool) error { return c.watch(1<<rawKeyRelease, on) }

// WatchPointer also selects moves of the pointer and, where the server tells of
// them, touches, or no longer does. There are hundreds a second: only somebody's
// return is worth them.
func (c *Conn) WatchPointer(on bool) error {
	events := uint32(1 << rawMotion)
	if c.Touch {
		events |= 1 << rawTouchBegin
	}
	return c.watch(events, on)
}

func (c *Conn) watch(events uint32, on bool) error {
	mask := c.selected &^ events
	if on {
		mask |= events
	}
	if mask == c.selected {
		return nil
	}
	return c.selectRaw(mask)
}

func (c *Conn) selectRaw(mask uint32) error {
	const allMasterDevices = 1
	c.selected = mask
	b := []byte{c.ext.input, 46, 0, 0}
	b = order.AppendUint32(b, uint32(c.Root()))
	b = order.AppendUint16(b, 1)
	b = append(b, 0, 0)
	b = order.AppendUint16(b, allMasterDevices)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint32(b, mask)
	if err := c.wire.request(b); err != nil {
		return fmt.Errorf("select raw events: %w", err)
	}
	return nil
}

// KeyDown asks whether a key is down now.
func (c *Conn) KeyDown(code uint8) (bool, error) {
	r, err := c.wire.ask([]byte{44, 0, 0, 0}, 40)
	if err != nil {
		return false, fmt.Errorf("query keymap: %w", err)
	}
	return r[8+code/8]&(1<<(code%8)) != 0, nil
}

// Event masks of the core protocol.
const (
	StructureNotifyMask    = 1 << 17
	SubstructureNotifyMask = 1 << 19
	FocusChangeMask        = 1 << 21
	PropertyChangeMask     = 1 << 22
)

// Watch selects core events of a window; 0 ends it. A window that has gone is
// no error.
func (c *Conn) Watch(w Window, mask uint32) error {
	const changeWindowAttributes, eventMask = 2, 1 << 11
	b := []byte{changeWindowAttributes, 0, 0, 0}
	b = order.AppendUint32(b, uint32(w))
	b = order.AppendUint32(b, eventMask)
	b = order.AppendUint32(b, mask)
	return c.wire.request(b)
}

// InputFocus asks which window has the keyboard focus: 0 none, 1 whatever is
// below the pointer.
func (c *Conn) InputFocus() (Window, error) {
	r, err := c.wire.ask([]byte{43, 0, 0, 0}, 32)
	if err != nil {
		return 0, fmt.Errorf("get input focus: %w", err)
	}
	return Window(order.Uint32(r[8:])), nil
}

// Geometry returns a window's size and whether it covers the whole screen.
func (c *Conn) Geometry(w Window) (width, height int, err error) {
	b := order.AppendUint32([]byte{14, 0, 0, 0}, uint32(w))
	r, err := c.wire.ask(b, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("get geometry: %w", err)
	}
	return int(order.Uint16(r[16:])), int(order.Uint16(r[18:])), nil
}

// children returns the windows directly below w.
func (c *Conn) children(w Window) ([]Window, error) {
	b := order.AppendUint32([]byte{15, 0, 0, 0}, uint32(w))
	r, err := c.wire.ask(b, 32)
	if err != nil {
		return nil, fmt.Errorf("query tree: %w", err)
	}
	n := int(order.Uint16(r[16:]))
	if len(r) < 32+4*n {
		return nil, fmt.Errorf("query tree: %d bytes for %d windows", len(r), n)
	}
	windows := make([]Window, n)
	for i := range windows {
		windows[i] = Window(order.Uint32(r[32+4*i:]))
	}
	return windows, nil
}

// OverrideRedirects lists the windows, below the root and visible now, that
// no window manager manages. Screen lockers are among them.
func (c *Conn) OverrideRedirects() ([]Window, error) {
	all, err := c.children(c.Root())
	if err != nil {
		return nil, err
	}
	var out []Window
	for _, w := range all {
		b := order.AppendUint32([]byte{3, 0, 0, 0}, uint32(w))
		r, err := c.wire.ask(b, 44)
		if errors.As(err, new(ProtocolError)) {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("get window attributes: %w", err)
		}
		const viewable = 2
		if r[26] == viewable && r[27] != 0 {
			out = append(out, w)
		}
	}
	return out, nil
}

// serverTime turns the server's milliseconds into a duration, for differences
// only: it wraps after 49 days.
func serverTime(ms uint32) time.Duration { return time.Duration(ms) * time.Millisecond }
