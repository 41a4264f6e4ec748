package directory

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// toUTF8 returns the file's text without a byte order mark. What says of itself
// that it is UTF-16 is decoded. Anything that is not UTF-8 otherwise is refused
// with its first bad line: which of the one-byte code pages it is can only be
// guessed, and a name must not be.
func toUTF8(file string, b []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		b = b[3:]
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return fromUTF16(file, b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return fromUTF16(file, b[2:], binary.BigEndian)
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		if i < 2 {
			return nil, wrong(file, 0, "", "this looks like UTF-16 without a mark that says so. Save it as “CSV UTF-8” and import it again.")
		}
		return nil, wrong(file, lineAt(b, i), "", "there is a zero byte, so this is not a text file. Export it again.")
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return nil, wrong(file, lineAt(b, i), "", "byte 0x%02X is not UTF-8; the file looks like Windows-1252 or another old encoding. "+
				"Save it as “CSV UTF-8 (Comma delimited)” and import it again.", b[i])
		}
		i += n
	}
	return b, nil
}

func fromUTF16(file string, b []byte, order binary.ByteOrder) ([]byte, error) {
	if len(b)%2 != 0 {
		return nil, wrong(file, 0, "", "this is UTF-16 and ends within a character. Export it again.")
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			if i+1 < len(units) {
				r = utf16.DecodeRune(r, rune(units[i+1]))
			} else {
				r = utf8.RuneError
			}
			if r == utf8.RuneError {
				return nil, wrong(file, lineAt(out, len(out)), "", "a character is damaged (half of a UTF-16 pair). Export it again.")
			}
			i++
		}
		if r == 0 {
			return nil, wrong(file, lineAt(out, len(out)), "", "there is a zero character, so this is not a text file. Export it again.")
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}

func lineAt(b []byte, i int) int { return 1 + bytes.Count(b[:i], []byte{'\n'}) }
