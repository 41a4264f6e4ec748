package detect

import "unicode/utf8"

// StreamRunes is the most text a Stream keeps. When a field holds more, the
// oldest words go first.
const StreamRunes = 4096

// Stream matches one field's text while it is typed. Hits always equals
// Match(Text()). It is not safe for concurrent use.
type Stream struct {
	engine *Engine
	opts   Options
	runes  []rune
	typing typing
	hits   []Hit
	dirty  bool
}

// NewStream starts an empty stream.
func (e *Engine) NewStream(o Options) *Stream {
	return &Stream{engine: e, opts: o, typing: typing{e: e}}
}

// Type appends one character; an invalid rune counts as U+FFFD.
func (s *Stream) Type(r rune) {
	if !utf8.ValidRune(r) {
		r = utf8.RuneError
	}
	s.runes = append(s.runes, r)
	s.typing.typed(r)
	s.dirty = true
	if len(s.runes) > StreamRunes {
		s.trim()
	}
}

// Backspace removes the last character; an empty stream stays empty.
func (s *Stream) Backspace() {
	if len(s.runes) > 0 {
		s.runes = s.runes[:len(s.runes)-1]
		s.typing.again(s.runes)
		s.dirty = true
	}
}

// Insert appends text that appeared at once.
func (s *Stream) Insert(text string) {
	for _, r := range text {
		s.Type(r)
	}
}

// Reset forgets everything typed.
func (s *Stream) Reset() {
	clear(s.runes)
	s.runes, s.hits, s.dirty = s.runes[:0], nil, false
	s.typing.reset()
}

// Text is what the stream holds: everything typed since Reset, or the last
// StreamRunes characters of it from a word's start on.
func (s *Stream) Text() string { return string(s.runes) }

// Hits are the hits of Text. The slice is valid until the next call.
func (s *Stream) Hits() []Hit {
	if s.dirty {
		s.hits = s.engine.Match(string(s.runes), s.opts)
		s.dirty = false
	}
	return s.hits
}

// Ends reports whether words of the rule set end with the last character, as
// typed: a phrase, or words that stand in one or near one. It costs nothing;
// Hits reads the whole text in every way. Words outside ASCII are passed over.
func (s *Stream) Ends() bool { return s.typing.ends }

// trim drops the oldest eighth, up to a word's start, once the stream is full.
func (s *Stream) trim() {
	cut := StreamRunes / 8
	for cut < len(s.runes)/2 && runeClass(s.runes[cut-1]) == byteWord {
		cut++
	}
	n := copy(s.runes, s.runes[cut:])
	clear(s.runes[n:])
	s.runes = s.runes[:n]
}
