package text

import (
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor/x11"
)

// Typist turns key presses into the inputs of capture. Raw keys do not say
// that they repeat while held, so the typist counts the repeats of a key that
// was seen to be held when it comes up or another goes down. It keeps no text: of the last characters it
// knows only whether each was part of a word.
type Typist struct {
	emit   func(capture.Input)
	fields *Fields

	held struct {
		code  uint8
		since uint32
		input capture.Input
		gen   uint64
		// seen: the key was still down when it began to repeat.
		seen bool
	}
	// dead is the combining character of a dead key that waits for its letter.
	dead rune
	// words of the text before the caret, false for what stands between words.
	words []bool
	gen   uint64
}

// maxWords bounds how far back a word can be deleted.
const maxWords = 128

// NewTypist reports to emit, and its suspicions to fields.
func NewTypist(emit func(capture.Input), fields *Fields) *Typist {
	return &Typist{emit: emit, fields: fields, words: make([]bool, 0, maxWords)}
}

// Press takes a key that went down. repeats says how often a held key was
// repeated between two server times.
func (t *Typist) Press(at time.Time, p x11.KeyPress, k x11.Key, repeats func(code uint8, from, to uint32) int) {
	if x11.Modifier(k.Keysym) {
		return
	}
	t.release(at, p.Time, repeats)
	if t.gen != t.fields.gen {
		t.forget()
	}
	in := t.meaning(at, k)
	if in.Kind == 0 {
		return
	}
	t.held.code, t.held.since, t.held.input, t.held.gen = p.Code, p.Time, in, t.fields.gen
	t.send(in)
	if in.Kind == capture.Enter && !k.Control && t.fields.Lines() {
		return // it holds no keys up: half of what is typed in a chat follows an Enter
	}
	if t.suspicious(k) {
		t.fields.Suspect(at)
	}
}

// Held returns the key that went down last, if repeating it would change a text
// and it is not known yet whether it is held.
func (t *Typist) Held() (code uint8, ok bool) {
	return t.held.code, t.held.code != 0 && !t.held.seen && t.repeatable()
}

// StillDown says whether the key that Held returned is down at the time at
// which it begins to repeat.
func (t *Typist) StillDown(down bool) {
	t.held.seen = down
	if !down {
		t.held.code = 0
	}
}

// Repeating reports whether a key is known to be held, so that its release
// matters.
func (t *Typist) Repeating() bool { return t.held.code != 0 && t.held.seen }

// repeatable: only characters and Backspace change a text by repeating.
func (t *Typist) repeatable() bool {
	return t.held.input.Kind == capture.Typed || t.held.input.Kind == capture.Backspace
}

// Release takes a key that came up.
func (t *Typist) Release(at time.Time, r x11.KeyRelease, repeats func(code uint8, from, to uint32) int) {
	if r.Code == t.held.code {
		t.release(at, r.Time, repeats)
	}
}

// Click takes a mouse button: the caret is elsewhere, perhaps the focus too.
func (t *Typist) Click(at time.Time) {
	t.forget()
	t.send(capture.Input{At: at, Kind: capture.CaretMoved})
	t.fields.Suspect(at)
}

// Drop forgets everything, as when the screen is locked.
func (t *Typist) Drop() {
	t.forget()
	t.held.code, t.held.seen = 0, false
	t.held.input = capture.Input{}
}

func (t *Typist) forget() {
	t.dead, t.gen = 0, t.fields.gen
	clear(t.words[:cap(t.words)])
	t.words = t.words[:0]
}

// release ends the key that is held, and sends what it repeated.
func (t *Typist) release(at time.Time, when uint32, repeats func(code uint8, from, to uint32) int) {
	h, repeatable := t.held, t.repeatable()
	t.held.code, t.held.seen = 0, false
	t.held.input = capture.Input{}
	// In another field it repeats nothing.
	if h.code == 0 || !h.seen || h.gen != t.fields.gen || !repeatable {
		return
	}
	h.input.At = at
	for range repeats(h.code, h.since, when) {
		t.send(h.input)
	}
}

// meaning says what a key does to a text; the zero Kind means nothing.
func (t *Typist) meaning(at time.Time, k x11.Key) capture.Input {
	if c := x11.Combining(k.Keysym); c != 0 && !k.Control && !k.Command {
		t.dead = c
		return capture.Input{}
	}
	switch {
	case x11.Enter(k.Keysym):
		// With Ctrl too: that sends a message in most chats.
		return capture.Input{At: at, Kind: capture.Enter}
	case k.Keysym == x11.KeyBackSpace:
		if t.dead != 0 {
			t.dead = 0
			return capture.Input{}
		}
		if k.Control && !k.Command && t.deleteWord(at) {
			return capture.Input{}
		}
		if k.Control || k.Command {
			return capture.Input{At: at, Kind: capture.CaretMoved}
		}
		return capture.Input{At: at, Kind: capture.Backspace}
	}
	if k.Rune == 0 || k.Control || k.Command || unicode.IsControl(k.Rune) {
		// Shortcuts, arrows, function keys: what follows does not continue the text.
		return capture.Input{At: at, Kind: capture.CaretMoved}
	}
	return capture.Input{At: at, Kind: capture.Typed, Rune: t.compose(k.Rune)}
}

// compose joins a letter with the dead key before it, as the input method of
// X does: é for a dead acute and e, the accent's own character before a space.
func (t *Typist) compose(r rune) rune {
	dead := t.dead
	t.dead = 0
	if dead == 0 {
		return r
	}
	joined := []rune(norm.NFC.String(string([]rune{r, dead})))
	if len(joined) == 1 {
		return joined[0]
	}
	return r
}

// send emits an input and keeps the shape of the text before the caret.
func (t *Typist) send(in capture.Input) {
	switch in.Kind {
	case capture.Typed:
		if len(t.words) == maxWords {
			copy(t.words, t.words[1:])
			t.words = t.words[:maxWords-1]
		}
		t.words = append(t.words, unicode.IsLetter(in.Rune) || unicode.IsDigit(in.Rune))
		t.fields.Typed()
	case capture.Backspace:
		if n := len(t.words); n > 0 {
			t.words = t.words[:n-1]
		}
	default:
		t.words = t.words[:0]
	}
	t.emit(in)
}

// deleteWord sends the Backspaces that Ctrl+Backspace stands for: what stands
// between words, then the word. It returns false when it cannot tell how many
// those are: in a terminal, where the key means what the program makes of it,
// or when the word began before what the typist saw.
func (t *Typist) deleteWord(at time.Time) bool {
	if t.fields.Terminal() {
		return false
	}
	i := len(t.words)
	for i > 0 && !t.words[i-1] {
		i--
	}
	for i > 0 && t.words[i-1] {
		i--
	}
	if i == 0 && len(t.words) == maxWords || len(t.words) == 0 {
		return false
	}
	for range len(t.words) - i {
		t.send(capture.Input{At: at, Kind: capture.Backspace})
	}
	return true
}

// suspicious reports whether a key may move the focus to another field: every
// key that is not known to edit a text or to move its caret. Space may press a
// button, but there nothing is captured before the focus is told.
func (t *Typist) suspicious(k x11.Key) bool {
	edits := k.Keysym == x11.KeyBackSpace || k.Keysym == x11.KeyDelete || k.Keysym == x11.KeyKPDelete
	switch {
	case k.Command:
		return true // Alt+Left goes back in a browser
	case edits:
		return false
	case x11.Navigation(k.Keysym):
		return k.Control && x11.Paging(k.Keysym) // the next tab
	case k.Control:
		return true
	}
	const compose = 0xff20
	return k.Rune == 0 && k.Keysym != x11.KeyInsert && k.Keysym != compose
}
