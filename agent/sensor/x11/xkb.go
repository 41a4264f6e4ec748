package x11

import (
	"errors"
	"fmt"
)

const useCoreKeyboard = 0x0100

func (c *Conn) startXKB() error {
	major, event, err := c.queryExtension("XKEYBOARD")
	if err != nil {
		return err
	}
	c.ext.xkb, c.ext.xkbEvent = major, event
	r, err := c.wire.ask([]byte{major, 0, 0, 0, 1, 0, 0, 0}, 32)
	if err != nil {
		return fmt.Errorf("use XKB: %w", err)
	}
	if r[1] == 0 {
		return errors.New("use XKB: the server refuses version 1.0")
	}
	// New keyboards, changed maps, controls and state, all details of each: the
	// server then tells modifiers and group in order with the keys, and no key
	// needs a question.
	const which = 1<<xkbNewKeyboard | 1<<xkbMap | 1<<xkbState | 1<<xkbControls
	b := []byte{major, 1, 0, 0}
	for _, v := range []uint16{useCoreKeyboard, which, 0, which, 0xff, 0xff} {
		b = order.AppendUint16(b, v)
	}
	if err := c.wire.request(b); err != nil {
		return fmt.Errorf("select keyboard state: %w", err)
	}
	c.Keyboard = &Keyboard{}
	if err := c.loadKeymap(); err != nil {
		return err
	}
	b = order.AppendUint16([]byte{major, 4, 0, 0}, useCoreKeyboard)
	r, err = c.wire.ask(append(b, 0, 0), 32)
	if err != nil {
		return fmt.Errorf("get keyboard state: %w", err)
	}
	c.Keyboard.mods, c.Keyboard.group = r[8], r[12]
	return nil
}

func (c *Conn) loadKeymap() error {
	const keyTypes, keySyms = 1, 2
	b := []byte{c.ext.xkb, 8, 0, 0}
	b = order.AppendUint16(b, useCoreKeyboard)
	b = order.AppendUint16(b, keyTypes|keySyms)
	b = append(b, make([]byte, 20)...)
	r, err := c.wire.ask(b, 40)
	if err != nil {
		return fmt.Errorf("get keyboard map: %w", err)
	}
	m, err := parseKeymap(r)
	if err != nil {
		return fmt.Errorf("get keyboard map: %w", err)
	}
	b = order.AppendUint16([]byte{c.ext.xkb, 6, 0, 0}, useCoreKeyboard)
	r, err = c.wire.ask(append(b, 0, 0), 92)
	if err != nil {
		return fmt.Errorf("get keyboard controls: %w", err)
	}
	m.repeat = parseRepeat(r)
	c.Keyboard.keymap = m
	return nil
}

// keymap is a keyboard map: what each key means at each group and level.
type keymap struct {
	types []keyType
	first uint8
	keys  []keySyms
	// repeat says how held keys repeat.
	repeat repeat
}

// keyType says which modifiers choose a key's level (XKB section 12.2).
type keyType struct {
	mask    uint8
	entries []typeEntry
}

type typeEntry struct {
	active bool
	mask   uint8
	level  uint8
	// preserve are modifiers that keep their other meaning, such as Caps Lock
	// on a key whose level it did not choose.
	preserve uint8
}

type keySyms struct {
	types  [4]uint8
	info   uint8 // number of groups, and what to do beyond the last
	width  uint8
	keysym []uint32
}

var errShort = errors.New("keyboard map shorter than it says")

// parseKeymap reads the reply of XkbGetMap (XKB section 12.4 and the
// encoding in its appendix).
func parseKeymap(r []byte) (keymap, error) {
	if len(r) < 40 {
		return keymap{}, errShort
	}
	m := keymap{first: r[17]}
	nTypes, nKeys := int(r[15]), int(r[20])
	p := r[40:]
	take := func(n int) []byte {
		if len(p) < n {
			p = nil
			return nil
		}
		head := p[:n]
		p = p[n:]
		return head
	}
	for range nTypes {
		h := take(8)
		if h == nil {
			return keymap{}, errShort
		}
		t := keyType{mask: h[0], entries: make([]typeEntry, h[5])}
		for i := range t.entries {
			e := take(8)
			if e == nil {
				return keymap{}, errShort
			}
			t.entries[i] = typeEntry{active: e[0] != 0, mask: e[1], level: e[2]}
		}
		if h[6] != 0 {
			for i := range t.entries {
				e := take(4)
				if e == nil {
					return keymap{}, errShort
				}
				t.entries[i].preserve = e[0]
			}
		}
		m.types = append(m.types, t)
	}
	for range nKeys {
		h := take(8)
		if h == nil {
			return keymap{}, errShort
		}
		k := keySyms{types: [4]uint8(h[:4]), info: h[4], width: h[5]}
		raw := take(4 * int(order.Uint16(h[6:])))
		if raw == nil {
			return keymap{}, errShort
		}
		for i := 0; i < len(raw); i += 4 {
			k.keysym = append(k.keysym, order.Uint32(raw[i:]))
		}
		m.keys = append(m.keys, k)
	}
	return m, nil
}

// lookup returns the keysym of a key and the modifiers that did not go into
// choosing it; 0 when the key means nothing.
func (m keymap) lookup(code, mods, group uint8) (keysym uint32, rest uint8) {
	i := int(code) - int(m.first)
	if i < 0 || i >= len(m.keys) {
		return 0, mods
	}
	k := m.keys[i]
	g, ok := k.group(group)
	if !ok || int(k.types[g]) >= len(m.types) {
		return 0, mods
	}
	level, consumed := m.types[k.types[g]].level(mods)
	at := int(g)*int(k.width) + int(level)
	if level >= k.width || at >= len(k.keysym) {
		return 0, mods
	}
	return k.keysym[at], mods &^ consumed
}

// group brings a group into the range of this key (XKB, "groups wrap" of a key's group information).
func (k keySyms) group(group uint8) (uint8, bool) {
	const clamp, redirect = 0x40, 0x80
	n := k.info & 0x0f
	switch {
	case n == 0 || n > 4:
		return 0, false
	case group < n:
		return group, true
	case k.info&0xc0 == clamp:
		return n - 1, true
	case k.info&0xc0 == redirect:
		if to := k.info >> 4 & 0x03; to < n {
			return to, true
		}
		return 0, true
	}
	return group % n, true
}

// level returns the level that the modifiers choose, and those that it used up.
func (t keyType) level(mods uint8) (level, consumed uint8) {
	for _, e := range t.entries {
		if e.active && e.mask == mods&t.mask {
			return e.level, t.mask &^ e.preserve
		}
	}
	return 0, t.mask
}
