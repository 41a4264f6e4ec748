package x11

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Names of the atoms that the sensors use.
const (
	NetActiveWindow   = "_NET_ACTIVE_WINDOW"
	NetWMCheck        = "_NET_SUPPORTING_WM_CHECK"
	NetWMName         = "_NET_WM_NAME"
	NetWMPID          = "_NET_WM_PID"
	WMName            = "WM_NAME"
	WMClass           = "WM_CLASS"
	WMClientMachine   = "WM_CLIENT_MACHINE"
	ScreenSaverStatus = "_SCREENSAVER_STATUS"
	ATSPIBus          = "AT_SPI_BUS"
)

func (c *Conn) internAtoms() error {
	c.atoms = map[string]Atom{}
	for _, name := range []string{
		NetActiveWindow, NetWMCheck, NetWMName, NetWMPID, WMName, WMClass, WMClientMachine, ScreenSaverStatus, ATSPIBus,
	} {
		b := []byte{16, 0, 0, 0}
		b = order.AppendUint16(b, uint16(len(name)))
		b = append(b, 0, 0)
		b = pad(append(b, name...))
		r, err := c.wire.ask(b, 32)
		if err != nil {
			return fmt.Errorf("intern atom %s: %w", name, err)
		}
		c.atoms[name] = Atom(order.Uint32(r[8:]))
	}
	return nil
}

// Is reports whether an atom has one of the names above.
func (c *Conn) Is(a Atom, name string) bool { return a != 0 && c.atoms[name] == a }

// maxProperty bounds what is read of one property, in bytes.
const maxProperty = 4096

// property reads a property of any type; nil when the window has none, or has
// gone.
func (c *Conn) property(w Window, name string) (data []byte, format uint8, err error) {
	b := []byte{20, 0, 0, 0}
	for _, v := range []uint32{uint32(w), uint32(c.atoms[name]), 0, 0, maxProperty / 4} {
		b = order.AppendUint32(b, v)
	}
	r, err := c.wire.ask(b, 32)
	if errors.As(err, new(ProtocolError)) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("get property %s: %w", name, err)
	}
	format = r[1]
	n := uint64(order.Uint32(r[16:])) * uint64(format/8)
	if n > uint64(len(r)-32) {
		return nil, 0, fmt.Errorf("get property %s: %d bytes announced, %d came", name, n, len(r)-32)
	}
	return r[32 : 32+n], format, nil
}

// Cardinal reads the first 32-bit value of a property; false when there is none.
func (c *Conn) Cardinal(w Window, name string) (uint32, bool, error) {
	data, format, err := c.property(w, name)
	if err != nil || format != 32 || len(data) < 4 {
		return 0, false, err
	}
	return order.Uint32(data), true, nil
}

// Text reads a property as text: UTF-8 where it is, else Latin-1, which is
// what the old STRING type means.
func (c *Conn) Text(w Window, name string) (string, error) {
	data, format, err := c.property(w, name)
	if err != nil || format != 8 {
		return "", err
	}
	return decodeText(data), nil
}

func decodeText(data []byte) string {
	data, _, _ = bytes.Cut(data, []byte{0})
	if len(data) == maxProperty {
		// A character may have been cut at the bound.
		for range utf8.UTFMax - 1 {
			if r, size := utf8.DecodeLastRune(data); r != utf8.RuneError || size != 1 {
				break
			}
			data = data[:len(data)-1]
		}
	}
	if utf8.Valid(data) {
		return string(data)
	}
	var b strings.Builder
	for _, c := range data {
		b.WriteRune(rune(c))
	}
	return b.String()
}

// ActiveWindow asks the window manager's word on the active window; 0 for none.
func (c *Conn) ActiveWindow() (Window, error) {
	w, _, err := c.Cardinal(c.Root(), NetActiveWindow)
	return Window(w), err
}

// Title returns a window's title: _NET_WM_NAME, or WM_NAME when that is
// absent or empty (xterm sets the old one first).
func (c *Conn) Title(w Window) (string, error) {
	title, err := c.Text(w, NetWMName)
	if err != nil || title != "" {
		return title, err
	}
	return c.Text(w, WMName)
}

// Class returns the two parts of WM_CLASS, for example "chromium" and "Chromium".
func (c *Conn) Class(w Window) (instance, class string, err error) {
	data, format, err := c.property(w, WMClass)
	if err != nil || format != 8 {
		return "", "", err
	}
	first, rest, _ := bytes.Cut(data, []byte{0})
	return decodeText(first), decodeText(rest), nil
}

// PID returns the process that owns a window by its own word; 0 when it does
// not say.
func (c *Conn) PID(w Window) (uint32, error) {
	pid, _, err := c.Cardinal(w, NetWMPID)
	return pid, err
}
