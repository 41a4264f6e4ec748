package x11

import (
	"cmp"
	"slices"
)

// Keysyms of keys that are not characters (keysymdef.h).
const (
	KeyBackSpace = 0xff08
	KeyTab       = 0xff09
	KeyLinefeed  = 0xff0a // its own key on some keyboards; what xdotool types for a new line
	KeyReturn    = 0xff0d
	KeyEscape    = 0xff1b
	KeyDelete    = 0xffff
	KeyHome      = 0xff50
	KeyEnd       = 0xff57
	KeyBegin     = 0xff58
	KeyInsert    = 0xff63
	KeyKPTab     = 0xff89
	KeyKPEnter   = 0xff8d
	KeyKPHome    = 0xff95
	KeyKPDelete  = 0xff9f
	KeyISOTab    = 0xfe20 // Shift+Tab
	KeyISOEnter  = 0xfe34
)

// Enter reports whether a keysym ends a line or sends what was typed.
func Enter(keysym uint32) bool {
	switch keysym {
	case KeyReturn, KeyKPEnter, KeyISOEnter, KeyLinefeed:
		return true
	}
	return false
}

// Rune returns a keysym's character, 0 when it has none. Dead keys have none;
// see Combining.
func Rune(keysym uint32) rune {
	const unicodeBase = 0x1000000
	switch {
	case keysym >= 0x20 && keysym <= 0x7e, keysym >= 0xa0 && keysym <= 0xff:
		return rune(keysym)
	case keysym >= unicodeBase+0xa0 && keysym <= unicodeBase+0x10ffff:
		return rune(keysym - unicodeBase)
	case keysym == 0xff80:
		return ' ' // KP_Space
	case keysym >= 0xffaa && keysym <= 0xffb9 || keysym == 0xffbd:
		// The keypad's keysyms are their ASCII character above 0xff80.
		return rune(keysym - 0xff80)
	case keysym > 0xffff:
		return 0
	}
	i, ok := slices.BinarySearchFunc(legacy[:], uint16(keysym), func(e struct {
		keysym uint16
		char   rune
	}, k uint16) int {
		return cmp.Compare(e.keysym, k)
	})
	if !ok {
		return 0
	}
	return legacy[i].char
}

// Combining returns the combining character of a dead key, 0 for other keys.
func Combining(keysym uint32) rune {
	// In the order of keysymdef.h from dead_grave, 0xfe50.
	dead := [...]rune{
		0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x0306, 0x0307, 0x0308, 0x030a, 0x030b, 0x030c, 0x0327, 0x0328,
		0x0345, 0x3099, 0x309a, 0x0323, 0x0309, 0x031b, 0x0335, 0x0313, 0x0314, 0x030f,
	}
	const first = 0xfe50
	if keysym < first || keysym >= first+uint32(len(dead)) {
		return 0
	}
	return dead[keysym-first]
}

// Modifier reports whether a keysym only modifies other keys: Shift to
// Hyper, the ISO level keys, Num Lock and Mode_switch.
func Modifier(keysym uint32) bool {
	return keysym >= 0xffe1 && keysym <= 0xffee || keysym >= 0xfe01 && keysym <= 0xfe13 ||
		keysym == 0xff7e || keysym == 0xff7f
}

// Paging reports whether a keysym is Page Up or Down, on the keypad too.
func Paging(keysym uint32) bool {
	return keysym == 0xff55 || keysym == 0xff56 || keysym == 0xff9a || keysym == 0xff9b
}

// Navigation reports whether a keysym moves the caret: arrows, Home, End, Page
// Up and Down, on the keypad too.
func Navigation(keysym uint32) bool {
	return keysym >= KeyHome && keysym <= KeyBegin || keysym >= KeyKPHome && keysym <= 0xff9d
}
