package caseflow

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean is what people typed, without what surrounds it.
func Clean(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }

// Plain reports whether people can read s as it stands: no control characters,
// and none that turn the direction of what follows. What is kept in the clear
// and shown among other words has to be; a note is a record and stays as it is.
func Plain(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
	}) < 0
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// thousands writes n as people read it: 10,000.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
