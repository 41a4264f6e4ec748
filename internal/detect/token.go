package detect

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// token is one word of a reading.
type token struct {
	start, end int32 // bytes of the text as typed
	from, to   int32 // bytes of the folded text
	// sentence counts the hard breaks before the token: a full stop, question
	// or exclamation mark or semicolon before a space, a bracket, or a line end.
	sentence int32
	reading  Reading
	// Of a word that was cut from a longer one (Joined): its letters, and
	// those of the longer one. Otherwise chunk is 0.
	letters, chunk uint16
	n              uint8     // ids in use
	ids            [4]uint32 // vocabulary ids that the token may stand for; none when unknown
}

// folded is a text after a folding step, with where each byte came from.
type folded struct {
	buf []byte
	// from[i] is the offset in the typed text of the rune that buf[i] belongs
	// to, and from[len(buf)] the text's length; nil when offsets are the same.
	from []int32
}

// at maps an offset of f.buf to the typed text.
func (f *folded) at(i int) int32 {
	if f.from == nil {
		return int32(i)
	}
	return f.from[i]
}

// foldPlain reads the text as typed: NFKC and lower case. Text that is ASCII
// keeps its offsets, so that the usual case costs little.
func foldPlain(text string, f *folded) {
	f.buf, f.from = f.buf[:0], f.from[:0]
	if isASCII(text) {
		for i := range len(text) {
			f.buf = append(f.buf, lower(text[i]))
		}
		f.from = nil
		return
	}
	var it norm.Iter
	it.InitString(norm.NFKC, text)
	for !it.Done() {
		pos := int32(it.Pos())
		seg := it.Next()
		for len(seg) > 0 {
			r, n := utf8.DecodeRune(seg)
			seg = seg[n:]
			before := len(f.buf)
			f.buf = utf8.AppendRune(f.buf, unicode.ToLower(r))
			for range len(f.buf) - before {
				f.from = append(f.from, pos)
			}
		}
	}
	f.from = append(f.from, int32(len(text)))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Classes of bytes below 0x80.
const (
	byteOther = iota
	byteWord
	byteApostrophe
	byteStop
	byteSpace
	byteLine
	byteBracket
)

var byteClass = func() (t [128]uint8) {
	for c := '0'; c <= '9'; c++ {
		t[c] = byteWord
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = byteWord, byteWord
	}
	t['\''], t['`'] = byteApostrophe, byteApostrophe
	t['.'], t['!'], t['?'], t[';'] = byteStop, byteStop, byteStop, byteStop
	t[' '], t['\t'] = byteSpace, byteSpace
	for _, c := range "()[]{}" {
		t[c] = byteBracket
	}
	t['\n'], t['\r'], t['\v'], t['\f'] = byteLine, byteLine, byteLine, byteLine
	return t
}()

// runeClass is byteClass for every rune.
func runeClass(r rune) uint8 {
	switch {
	case r < 128:
		return byteClass[r]
	case r == '’' || r == '‘' || r == 'ʼ' || r == '´':
		return byteApostrophe
	case r == '\u2028' || r == '\u2029' || r == '\u0085':
		return byteLine
	case unicode.IsSpace(r):
		return byteSpace
	case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r), ignorable(r):
		return byteWord
	}
	return byteOther
}

// ignorable reports runes that show nothing: they stay part of a word as
// typed, and the folded reading drops them.
func ignorable(r rune) bool {
	switch {
	case r == 0xAD, r == 0x34F, r == 0x61C, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5,
		r >= 0x180B && r <= 0x180F, r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E,
		r >= 0x2060 && r <= 0x206F, r == 0x3164, r == 0xFEFF, r == 0xFFA0,
		r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0000 && r <= 0xE0FFF:
		return true
	}
	return false
}

// scanner cuts a folded text into words.
type scanner struct {
	f   *folded
	pos int
	// sentence counts hard breaks so far; stop: a sentence mark was seen, and
	// no space or word since.
	sentence int32
	stop     bool

	// The word found by next: its bytes (at most maxWordBytes), how many it
	// has in all, and where in f.buf it stands.
	word       []byte
	size       int
	start, end int
	buf        [maxWordBytes + utf8.UTFMax]byte
}

// next finds the next word.
func (s *scanner) next() bool {
	b := s.f.buf
	n, start := 0, -1
	for s.pos < len(b) {
		r, size := rune(b[s.pos]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(b[s.pos:])
		}
		class := runeClass(r)
		switch {
		case class == byteWord:
			if start < 0 {
				start = s.pos
			}
			if n+size <= maxWordBytes {
				copy(s.buf[n:], b[s.pos:s.pos+size])
			}
			n += size
		case start < 0:
			s.between(r, class)
		case class == byteApostrophe && wordAt(b[s.pos+size:]): // "don't" is read as "dont"
		default:
			s.found(n, start)
			return true
		}
		s.pos += size
	}
	if start >= 0 {
		s.found(n, start)
		return true
	}
	return false
}

func (s *scanner) found(n, start int) {
	s.word, s.size = s.buf[:min(n, maxWordBytes)], n
	s.start, s.end = start, s.pos
	s.stop = false
}

// between notes what stands between two words.
func (s *scanner) between(r rune, class uint8) {
	switch class {
	case byteStop:
		s.stop = true
	case byteSpace:
		if s.stop {
			s.sentence++
		}
		s.stop = false
	case byteLine, byteBracket:
		s.sentence++
		s.stop = false
	default: // a closing quotation mark or bracket may follow the full stop
		s.stop = s.stop && (r == '"' || r == '\'' || r == '”' || r == '’')
	}
}

// tokenize cuts f into words and looks each up.
func (e *Engine) tokenize(f *folded, reading Reading, toks []token) []token {
	s := scanner{f: f}
	for s.next() {
		t := token{start: f.at(s.start), end: f.at(s.end), from: int32(s.start), to: int32(s.end), sentence: s.sentence, reading: reading, n: 1}
		t.ids[0] = none
		if s.size <= maxWordBytes {
			t.ids[0] = e.dict.find(s.word)
		}
		toks = append(toks, t)
	}
	return toks
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func wordAt(b []byte) bool {
	r, _ := utf8.DecodeRune(b)
	return runeClass(r) == byteWord
}

// WordsOf returns the words of a text as the plain reading sees them. The
// compiler uses it, so that phrases are cut up exactly as typed text is.
func WordsOf(text string) []string {
	var f folded
	foldPlain(text, &f)
	var words []string
	for s := (scanner{f: &f}); s.next(); {
		words = append(words, string(s.word))
	}
	return words
}
