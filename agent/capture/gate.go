package capture

import (
	"time"
	"unicode/utf8"
)

// gate is what happens to a key now.
type gate uint8

const (
	gateShut   gate = iota // not told yet, locked, out of hours, a harbour or an exempt place: dropped, not counted
	gateSecret             // a password: dropped, not counted
	gateDenied             // no role to be had: dropped, counted
	gateHold               // role not yet known: held
	gateOpen               // captured
)

// gate decides by the field and the lock alone. Anything it does not know is
// not captured.
func (m *Machine) gate() gate {
	f := m.field
	switch {
	case !m.told, m.locked, m.scope.Shut, m.place != anywhere:
		return gateShut
	case f.Role == RolePassword, f.EchoOff, f.PromptKnown:
		return gateSecret
	case f.Role == RoleText, f.Role == RoleNone:
		return gateOpen
	case f.Role == RolePending:
		return gateHold
	}
	return gateDenied
}

func (m *Machine) key(in Input) {
	switch m.gate() {
	case gateOpen:
		m.accept(in)
	case gateHold:
		if !m.held.add(in) {
			m.dropHeld()
			m.counters.HeldDropped += characters(in)
			m.closeFragment()
		}
	case gateDenied:
		m.counters.Denied += characters(in)
	}
}

func characters(in Input) uint64 {
	switch in.Kind {
	case Typed:
		return 1
	case Inserted:
		return uint64(utf8.RuneCountInString(in.Text))
	}
	return 0
}

// fieldChanged moves to another field, or learns more about the same one.
func (m *Machine) fieldChanged(f Field) {
	if f.ID != m.field.ID {
		m.dropHeld()
		m.closeFragment()
		m.field = f
		m.place = m.places.of(f)
		m.addressed(f)
		return
	}
	if m.field.Role == RolePassword {
		f.Role = RolePassword // "show password" opens nothing
	}
	m.field = f
	m.arrive(f)
	m.addressed(f)
	switch m.gate() {
	case gateOpen:
		m.replayHeld()
	case gateHold:
		// The sensor asks again, perhaps after Tab or a click. The fragment goes
		// on if the answer is "text" before a key had to be dropped.
	case gateDenied: // what stands was typed while the role was known
		m.dropHeld()
		m.closeFragment()
	case gateSecret:
		// The role came late: what was taken for text may be the start of the
		// password. It is neither counted nor matched, and what was said of it
		// is taken back.
		m.held.wipe()
		m.withdrawFragment()
	}
}

// lock closes what was typed before the lock and shuts the gate.
func (m *Machine) lock() {
	m.held.wipe()
	m.title = heldTitle{}
	m.closeFragment()
	m.locked = true
}

// dropHeld gives up on the role. What follows does not continue what stands:
// there is a gap between them.
func (m *Machine) dropHeld() {
	if m.held.empty() {
		return
	}
	m.counters.HeldDropped += m.held.characters()
	m.held.wipe()
	m.closeFragment()
}

func (m *Machine) replayHeld() {
	for in := range m.held.all() {
		m.accept(in)
	}
	m.held.wipe()
}

// Bounds of what is held for at most MaxHold.
const (
	maxHeldKeys = 256
	maxHeldText = 16 << 10 // bytes of inserted text
)

// hold keeps keys until their field's role is known. Its arrays are made once
// and wiped in place, so that no copy of a dropped password stays behind.
type hold struct {
	keys []heldKey
	text []byte // of Inserted keys, one after the other
}

type heldKey struct {
	at    time.Time
	kind  InputKind
	r     rune
	bytes int // of hold.text
}

func newHold() hold {
	return hold{keys: make([]heldKey, 0, maxHeldKeys), text: make([]byte, 0, maxHeldText)}
}

func (h *hold) empty() bool { return len(h.keys) == 0 }

func (h *hold) deadline() time.Time {
	if h.empty() {
		return time.Time{}
	}
	return h.keys[0].at.Add(MaxHold)
}

// add reports false, and adds nothing, when there is no room.
func (h *hold) add(in Input) bool {
	if len(h.keys) == cap(h.keys) || len(h.text)+len(in.Text) > cap(h.text) {
		return false
	}
	k := heldKey{at: in.At, kind: in.Kind, r: in.Rune}
	if in.Kind == Inserted {
		k.bytes = len(in.Text)
		h.text = append(h.text, in.Text...)
	}
	h.keys = append(h.keys, k)
	return true
}

// all yields the held keys as they came.
func (h *hold) all() func(yield func(Input) bool) {
	return func(yield func(Input) bool) {
		start := 0
		for _, k := range h.keys {
			in := Input{At: k.at, Kind: k.kind, Rune: k.r, Text: string(h.text[start : start+k.bytes])}
			start += k.bytes
			if !yield(in) {
				return
			}
		}
	}
}

func (h *hold) characters() uint64 {
	n := uint64(utf8.RuneCount(h.text))
	for _, k := range h.keys {
		if k.kind == Typed {
			n++
		}
	}
	return n
}

func (h *hold) wipe() {
	clear(h.keys)
	clear(h.text)
	h.keys, h.text = h.keys[:0], h.text[:0]
}
