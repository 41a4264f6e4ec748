package x11

import (
	"time"
	"unicode"
)

// Real modifiers of the core protocol. Which of Mod1 to Mod5 is Alt or
// AltGr is the map's choice; by the convention of every XKB rule set Mod1 is
// Alt and Mod4 the logo key. AltGr chooses levels and is used up there.
const (
	modLock    = 1 << 1
	modControl = 1 << 2
	modAlt     = 1 << 3
	modLogo    = 1 << 6
)

// Keyboard knows what the next key means: the map and the state of modifiers
// and layout as the server told them, in order with the keys.
type Keyboard struct {
	keymap keymap
	mods   uint8
	group  uint8
}

// Key is the meaning of one key press.
type Key struct {
	Keysym uint32
	// Rune is the character, 0 when the key has none.
	Rune rune
	// Control and Command (Alt or logo key) are held and did not choose the
	// character: the key is a shortcut, not text.
	Control, Command bool
}

// Translate returns the meaning of a key in the present state.
func (k *Keyboard) Translate(code uint8) Key {
	sym, rest := k.keymap.lookup(code, k.mods, k.group)
	r := Rune(sym)
	if rest&modLock != 0 && r != 0 {
		// Caps Lock that the map left to the client, as on accented letters.
		r = unicode.ToUpper(r)
	}
	return Key{
		Keysym: sym, Rune: r,
		Control: rest&modControl != 0, Command: rest&(modAlt|modLogo) != 0,
	}
}

// repeat is how the server repeats a held key. Raw events do not tell of
// repeats, so they are counted from the time that a key was down.
type repeat struct {
	enabled         bool
	delay, interval time.Duration
	perKey          [32]uint8
}

// maxRepeats bounds what one held key can become: at the usual 25 a second,
// 40 seconds.
const maxRepeats = 1000

// RepeatDelay is how long a key must be held to repeat; false when it never does.
func (k *Keyboard) RepeatDelay(code uint8) (time.Duration, bool) {
	r := k.keymap.repeat
	return r.delay, r.enabled && r.interval > 0 && r.perKey[code/8]&(1<<(code%8)) != 0
}

// Repeats returns how often the server repeated a key that was down from one
// server time to another, not counting the press itself; 0 to 1,000.
func (k *Keyboard) Repeats(code uint8, from, to uint32) int {
	r := k.keymap.repeat
	held := serverTime(to - from)
	if delay, ok := k.RepeatDelay(code); !ok || held < delay {
		return 0
	}
	return min(maxRepeats, 1+int((held-r.delay)/r.interval))
}

// parseRepeat reads the reply of XkbGetControls: repeat delay and interval in
// milliseconds at 20 and 22, enabled controls at 56, per-key repeat at 60.
func parseRepeat(r []byte) repeat {
	const repeatKeys = 1
	return repeat{
		enabled:  order.Uint32(r[56:])&repeatKeys != 0,
		delay:    serverTime(uint32(order.Uint16(r[20:]))),
		interval: serverTime(uint32(order.Uint16(r[22:]))),
		perKey:   [32]uint8(r[60:92]),
	}
}

// Codes returns the keys that type a text in the present layout without any
// modifier; false when a character has none.
func (k *Keyboard) Codes(text string) ([]uint8, bool) {
	by := make(map[rune]uint8)
	for code := firstKeycode; code <= lastKeycode; code++ {
		sym, _ := k.keymap.lookup(uint8(code), 0, k.group)
		if r := Rune(sym); r != 0 && by[r] == 0 {
			by[r] = uint8(code)
		}
	}
	var codes []uint8
	for _, r := range text {
		if by[r] == 0 {
			return nil, false
		}
		codes = append(codes, by[r])
	}
	return codes, true
}

// Keycodes of the core protocol.
const firstKeycode, lastKeycode = 8, 255
