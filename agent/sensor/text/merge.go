package text

import (
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
)

// Times of the merge.
const (
	// mergeGrace is how long text that no key explains waits for its keys. They
	// come from the X server itself, before the program has even drawn them; only
	// this process may read the two in the wrong order.
	mergeGrace = 100 * time.Millisecond
	// echoBound is how late a program may show what was typed. Chromium on a
	// machine that is busy with other things was seen to be over five seconds
	// behind; taken for a paste, its echo would count twice.
	echoBound = 20 * time.Second
	// maxCredits bounds the keys that wait for their echo.
	maxCredits = 128
)

// Merger joins two accounts of the same text: the keys, and what the field says
// has appeared in it (the accessibility bus). Keys go through at once. Text
// that keys explain is dropped; what remains was pasted, dictated, composed or
// put in by an on-screen keyboard, and becomes capture.Inserted. It is pure,
// and not safe for concurrent use.
//
// Where the desktop shows no keys (Wayland) the fields' account is all there
// is: then nothing waits, and deletions and moves of the caret are taken from
// it as well.
type Merger struct {
	emit func(capture.Input)
	// keys: this desktop's keys are heard.
	keys bool

	credits []credit      // keys whose echo has not come, oldest first
	waiting []insert      // oldest first
	gone    atspi.Changed // what was just taken out of the text

	ref  atspi.Ref
	next int // where in the field the text goes on; -1 unknown
}

type credit struct {
	at time.Time
	r  rune
}

type insert struct {
	due  time.Time
	text string // not explained yet
}

// NewMerger emits what was typed or inserted; keys says whether Key is called.
func NewMerger(emit func(capture.Input), keys bool) *Merger {
	return &Merger{emit: emit, keys: keys, next: -1}
}

// Key takes an input of the Typist, and lets it through.
func (m *Merger) Key(in capture.Input) {
	if in.Kind == capture.Typed || in.Kind == capture.Enter {
		m.key(in)
	}
	m.emit(in)
}

// key explains what waits, or is remembered for what will come.
func (m *Merger) key(in capture.Input) {
	r := in.Rune
	if in.Kind == capture.Enter {
		r = '\n'
	}
	for len(m.waiting) > 0 {
		head := &m.waiting[0]
		first, n := utf8.DecodeRuneInString(head.text)
		if !sameKey(first, r) {
			// Keys come in order: what waits was typed by none of those to come.
			m.flushHead(in.At)
			continue
		}
		head.text = head.text[n:]
		if head.text == "" {
			m.waiting = m.waiting[1:]
		}
		return
	}
	if len(m.credits) == maxCredits {
		copy(m.credits, m.credits[1:])
		m.credits = m.credits[:maxCredits-1]
	}
	m.credits = append(m.credits, credit{in.At, r})
}

// sameKey: a program may write what is typed in capitals.
func sameKey(shown, typed rune) bool {
	return shown == typed || unicode.ToLower(shown) == unicode.ToLower(typed)
}

// Changed takes a change of the text of the field that has the focus. The
// caller sees to it that it is that field, and one of text.
func (m *Merger) Changed(at time.Time, c atspi.Changed) {
	switch {
	case !m.keys:
		m.alone(at, c)
	case !c.Inserted:
		m.gone = c
	default:
		text := m.corrected(at, c)
		m.gone = atspi.Changed{}
		if text != "" {
			m.inserted(at, text)
		}
	}
}

// inserted explains the text by the keys that were typed last. What they do
// not explain waits for those that are still to come.
func (m *Merger) inserted(at time.Time, text string) {
	m.expire(at)
	from, n, rest := m.run(text)
	if n > 0 {
		// The keys before it changed no text: a program may have kept them.
		m.credits = m.credits[from+n:]
	}
	if rest != "" {
		m.waiting = append(m.waiting, insert{at.Add(mergeGrace), rest})
	}
}

// run looks for the keys behind a text: those that follow each other and
// explain most of it, the first of several. (Chromium may tell of "Ess" at once,
// when an e that went into a password still waits for an echo.) rest is what
// they leave.
func (m *Merger) run(text string) (from, n int, rest string) {
	rest = text
	for i := range m.credits {
		left, k := text, 0
		for left != "" && i+k < len(m.credits) {
			r, size := utf8.DecodeRuneInString(left)
			if !sameKey(r, m.credits[i+k].r) {
				break
			}
			left, k = left[size:], k+1
		}
		if k > n {
			from, n, rest = i, k, left
		}
	}
	return from, n, rest
}

// expire forgets keys whose echo will not come any more.
func (m *Merger) expire(at time.Time) {
	for len(m.credits) > 0 && at.Sub(m.credits[0].at) > echoBound {
		m.credits = m.credits[1:]
	}
}

// Deadline returns when Due wants to be called; false when nothing waits.
func (m *Merger) Deadline() (time.Time, bool) {
	if len(m.waiting) == 0 {
		return time.Time{}, false
	}
	return m.waiting[0].due, true
}

// Due emits what no key has explained in time.
func (m *Merger) Due(at time.Time) {
	for len(m.waiting) > 0 && !at.Before(m.waiting[0].due) {
		m.flushHead(at)
	}
}

// Flush emits what waits, before the field changes that it belongs to.
func (m *Merger) Flush(at time.Time) {
	for len(m.waiting) > 0 {
		m.flushHead(at)
	}
	m.gone = atspi.Changed{}
}

func (m *Merger) flushHead(at time.Time) {
	text := m.waiting[0].text
	m.waiting[0].text = ""
	m.waiting = m.waiting[1:]
	m.emit(capture.Input{At: at, Kind: capture.Inserted, Text: text})
}

// Drop forgets everything, as when the screen is locked.
func (m *Merger) Drop() {
	clear(m.credits)
	clear(m.waiting)
	m.credits, m.waiting, m.gone = m.credits[:0], m.waiting[:0], atspi.Changed{}
	m.ref, m.next = atspi.Ref{}, -1
}

// alone takes a field's own account for all there is.
func (m *Merger) alone(at time.Time, c atspi.Changed) {
	if c.Ref != m.ref {
		m.ref, m.next = c.Ref, -1
	}
	length := utf8.RuneCountInString(c.Text)
	if !c.Inserted {
		m.deleted(at, c.Offset, c.Length)
		return
	}
	if m.next >= 0 && c.Offset != m.next {
		m.emit(capture.Input{At: at, Kind: capture.CaretMoved})
	}
	m.next = c.Offset + length
	switch {
	case c.Text == "\n":
		m.emit(capture.Input{At: at, Kind: capture.Enter})
	case length == 1:
		r, _ := utf8.DecodeRuneInString(c.Text)
		m.emit(capture.Input{At: at, Kind: capture.Typed, Rune: r})
	case length > 0:
		m.emit(capture.Input{At: at, Kind: capture.Inserted, Text: c.Text})
	}
}

// deleted: text that goes from where it was written last was taken back. When
// all of a field goes at once it was sent, or thrown away: either ends it.
func (m *Merger) deleted(at time.Time, offset, length int) {
	whole := offset == 0 && length == m.next && length > 1
	if m.next < 0 || offset+length != m.next || whole {
		m.emit(capture.Input{At: at, Kind: capture.CaretMoved})
		m.next = offset
		return
	}
	m.next = offset
	for range length {
		m.emit(capture.Input{At: at, Kind: capture.Backspace})
	}
}
