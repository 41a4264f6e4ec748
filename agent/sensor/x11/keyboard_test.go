package x11

import (
	"cmp"
	"slices"
	"testing"
	"time"
)

// britishReply is a GetMap reply with three keys from code 10: a two-level "3",
// an alphabetic "a" that Caps Lock also shifts, and a four-level é whose type
// leaves Caps Lock to the client; the last key's second group is Cyrillic.
func britishReply() []byte {
	const shift, lock, altgr = 1, 2, 0x80
	typ := func(mask byte, levels byte, preserve bool, entries ...[2]byte) []byte {
		b := []byte{mask, mask, 0, 0, levels, byte(len(entries)), 0, 0}
		if preserve {
			b[6] = 1
		}
		for _, e := range entries {
			b = append(b, 1, e[0], e[1], e[0], 0, 0, 0, 0)
		}
		if preserve {
			for _, e := range entries {
				b = append(b, e[0]&lock, 0, 0, 0)
			}
		}
		return b
	}
	key := func(t0, t1, info, width byte, syms ...uint32) []byte {
		b := []byte{t0, t1, 0, 0, info, width}
		b = order.AppendUint16(b, uint16(len(syms)))
		for _, s := range syms {
			b = order.AppendUint32(b, s)
		}
		return b
	}
	types := slices.Concat(
		typ(shift, 2, false, [2]byte{shift, 1}),
		typ(shift|lock, 2, false, [2]byte{shift, 1}, [2]byte{lock, 1}),
		typ(shift|lock|altgr, 4, true, [2]byte{shift, 1}, [2]byte{altgr, 2}, [2]byte{altgr | shift, 3}, [2]byte{altgr | lock, 2}),
	)
	keys := slices.Concat(
		key(0, 0, 1, 2, '3', 0xa3),
		key(1, 0, 1, 2, 'a', 'A'),
		key(2, 1, 2, 4, 'e', 'E', 0xe9, 0xc9, 0x6c1, 0x6e1, 0, 0),
	)
	r := make([]byte, 40)
	r[0], r[10], r[11] = 1, 10, 12
	r[15], r[16] = 3, 3
	r[17], r[20] = 10, 3
	return slices.Concat(r, types, keys)
}

func TestTranslate(t *testing.T) {
	m, err := parseKeymap(britishReply())
	if err != nil {
		t.Fatal(err)
	}
	const shift, lock, altgr = 1, modLock, 0x80
	for _, tc := range []struct {
		name              string
		code, mods, group uint8
		want              Key
	}{
		{"plain", 10, 0, 0, Key{Keysym: '3', Rune: '3'}},
		{"shift", 10, shift, 0, Key{Keysym: 0xa3, Rune: '£'}},
		{"Caps Lock does not shift digits", 10, lock, 0, Key{Keysym: '3', Rune: '3'}},
		{"Caps Lock shifts letters", 11, lock, 0, Key{Keysym: 'A', Rune: 'A'}},
		{"Num Lock does not matter", 11, 1 << 4, 0, Key{Keysym: 'a', Rune: 'a'}},
		{"AltGr", 12, altgr, 0, Key{Keysym: 0xe9, Rune: 'é'}},
		{"AltGr and Shift", 12, altgr | shift, 0, Key{Keysym: 0xc9, Rune: 'É'}},
		{"AltGr and Caps Lock, left to the client", 12, altgr | lock, 0, Key{Keysym: 0xe9, Rune: 'É'}},
		{"second layout", 12, 0, 1, Key{Keysym: 0x6c1, Rune: 'а'}},
		{"one layout only: it wraps", 11, 0, 1, Key{Keysym: 'a', Rune: 'a'}},
		{"Ctrl", 11, modControl, 0, Key{Keysym: 'a', Rune: 'a', Control: true}},
		{"Alt", 11, modAlt, 0, Key{Keysym: 'a', Rune: 'a', Command: true}},
		{"logo", 11, modLogo, 0, Key{Keysym: 'a', Rune: 'a', Command: true}},
		{"no such key", 99, 0, 0, Key{}},
		{"below the first key", 9, 0, 0, Key{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := Keyboard{keymap: m, mods: tc.mods, group: tc.group}
			if got := k.Translate(tc.code); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestShortKeymapIsAnError(t *testing.T) {
	whole := britishReply()
	for n := range len(whole) {
		if _, err := parseKeymap(whole[:n]); err == nil {
			t.Fatalf("%d of %d bytes make a map", n, len(whole))
		}
	}
}

func FuzzKeymap(f *testing.F) {
	f.Add(britishReply(), uint8(12), uint8(0x81), uint8(3))
	f.Fuzz(func(_ *testing.T, b []byte, code, mods, group uint8) {
		m, err := parseKeymap(b)
		if err != nil {
			return
		}
		k := Keyboard{keymap: m, mods: mods, group: group}
		k.Translate(code)
	})
}

func TestRepeats(t *testing.T) {
	k := Keyboard{keymap: keymap{repeat: repeat{enabled: true, delay: 500 * time.Millisecond, interval: 40 * time.Millisecond}}}
	k.keymap.repeat.perKey[38/8] = 1 << (38 % 8)
	for _, tc := range []struct {
		name     string
		code     uint8
		from, to uint32
		want     int
	}{
		{"short", 38, 1000, 1499, 0},
		{"first repeat", 38, 1000, 1500, 1},
		{"several", 38, 1000, 1620, 4},
		{"clock wraps", 38, 0xffffff00, 500 - 0x100, 1},
		{"bounded", 38, 0, 1 << 31, maxRepeats},
		{"key that does not repeat", 50, 1000, 9000, 0},
	} {
		if got := k.Repeats(tc.code, tc.from, tc.to); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
	k.keymap.repeat.enabled = false
	if got := k.Repeats(38, 0, 9000); got != 0 {
		t.Errorf("switched off: %d", got)
	}
}

func TestRune(t *testing.T) {
	if !slices.IsSortedFunc(legacy[:], func(a, b struct {
		keysym uint16
		char   rune
	}) int {
		return cmp.Compare(a.keysym, b.keysym)
	}) {
		t.Fatal("the table is not sorted")
	}
	for keysym, want := range map[uint32]rune{
		'a': 'a', 0xa3: '£', 0x20ac: '€', 0x6c1: 'а', 0x7e1: 'α', 0x1b1: 'ą', 0x1000439: 'й', 0x101f600: '😀',
		0xffb7: '7', 0xffab: '+', 0xff80: ' ', KeyReturn: 0, KeyBackSpace: 0, 0xfe51: 0, 0xffe1: 0, 0: 0, 0x1f: 0, 0xffffffff: 0,
	} {
		if got := Rune(keysym); got != want {
			t.Errorf("%#x: %q, want %q", keysym, got, want)
		}
	}
	if Combining(0xfe51) != 0x301 || Combining('a') != 0 || Combining(0xfe80) != 0 {
		t.Error("dead keys")
	}
}

func TestDecodeText(t *testing.T) {
	long := make([]byte, maxProperty)
	for i := range long {
		long[i] = 'a'
	}
	copy(long[maxProperty-2:], "€") // cut after two of three bytes
	for in, want := range map[string]string{
		"plain":      "plain",
		"ünï":        "ünï",
		"caf\xe9":    "café",
		"two\x00one": "two",
	} {
		if got := decodeText([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := decodeText(long); len(got) != maxProperty-2 {
		t.Errorf("a cut character was not dropped: %d bytes", len(got))
	}
}
