package lapwingv1

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Limits that more than one part needs to know. Each stands in the comment of
// its field in the .proto file too.
const (
	// Protocol is the version that Hello and SessionHello carry.
	Protocol = 1
	// MaxFrame bounds one message of the agent stream, in bytes.
	MaxFrame = 1 << 20
	// MaxSessionFrame and MaxServiceFrame bound the frames of the socket pair, in bytes.
	MaxSessionFrame = 64 << 10
	MaxServiceFrame = 16 << 20
	// MaxBatch is the largest number of events in a Batch.
	MaxBatch = 512
	// MaxRevision is the highest revision of an event.
	MaxRevision = 65535
	// MaxExcerpt and MaxTitle are in characters; either may take MaxTextBytes bytes.
	MaxExcerpt   = 200
	MaxTitle     = 200
	MaxTextBytes = 800
	// MaxApp, MaxRules, MaxMarks and MaxConditions bound the parts of a Capture.
	MaxApp        = 128
	MaxRules      = 16
	MaxMarks      = 32
	MaxConditions = 8
	// MaxAge bounds Hit.age_ms, in milliseconds.
	MaxAge = 600_000
	// MaxCoverage bounds the rows of a Heartbeat or SessionStatus.
	MaxCoverage = 32
	// MaxPolicy bounds SignedPolicy.document, in bytes.
	MaxPolicy = 16 << 20
)

// FieldError says which field of a message breaks which limit. It never
// carries what the field holds: the content may be what somebody typed, and
// an error ends up in a log.
type FieldError struct {
	// Path names the field from the message down, for example
	// "events[3].capture.marks[0].end".
	Path string
	// Problem is the limit in words, for example "300 bytes, at most 256".
	Problem string
}

// Error implements error.
func (e *FieldError) Error() string { return e.Path + ": " + e.Problem }

func fail(field, format string, args ...any) error {
	return &FieldError{Path: field, Problem: fmt.Sprintf(format, args...)}
}

// under puts a parent field in front of the path of a nested error.
func under(parent string, err error) error {
	if err == nil {
		return nil
	}
	if fe, ok := err.(*FieldError); ok { // made in this package, never wrapped
		path := parent
		if fe.Path != "" {
			path += "." + fe.Path
		}
		return &FieldError{Path: path, Problem: fe.Problem}
	}
	return fmt.Errorf("%s: %w", parent, err)
}

func at(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// first returns the first error that is not nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// validator is any message of this package that checks itself.
type validator interface{ Validate() error }

// present checks a nested message that must be there. Every Validate answers
// a nil receiver with a missing error, so that present is only about the path.
func present(field string, m validator) error { return under(field, m.Validate()) }

// optional checks a nested message if it is there.
func optional(field string, there bool, m validator) error {
	if !there {
		return nil
	}
	return present(field, m)
}

func missing() error { return &FieldError{Problem: "missing"} }

func each[M validator](field string, most int, ms []M) error {
	if len(ms) > most {
		return fail(field, "%d entries, at most %d", len(ms), most)
	}
	for i, m := range ms {
		if err := m.Validate(); err != nil {
			return under(at(field, i), err)
		}
	}
	return nil
}

// text checks a string of at most most bytes.
func text(field, s string, most int) error {
	if len(s) > most {
		return fail(field, "%d bytes, at most %d", len(s), most)
	}
	if !utf8.ValidString(s) {
		return fail(field, "not valid UTF-8")
	}
	return nil
}

// word checks a string of 1 to most bytes.
func word(field, s string, most int) error {
	if s == "" {
		return fail(field, "empty, must be 1 to %d bytes", most)
	}
	return text(field, s, most)
}

// prose checks text that people read: it is limited in characters as well.
func prose(field, s string, chars int) error {
	if err := text(field, s, MaxTextBytes); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(s); n > chars {
		return fail(field, "%d characters, at most %d", n, chars)
	}
	return nil
}

// size checks that b has low to high bytes.
func size(field string, b []byte, low, high int) error {
	switch {
	case len(b) >= low && len(b) <= high:
		return nil
	case low == high:
		return fail(field, "%d bytes, must be %d", len(b), low)
	}
	return fail(field, "%d bytes, must be %d to %d", len(b), low, high)
}

// sizeOrNone checks that b is empty or has exactly n bytes.
func sizeOrNone(field string, b []byte, n int) error {
	if len(b) == 0 {
		return nil
	}
	return size(field, b, n, n)
}

func between[N uint32 | uint64 | int64](field string, n, low, high N) error {
	if n < low || n > high {
		return fail(field, "%d, must be %d to %d", n, low, high)
	}
	return nil
}

func atLeast[N uint32 | uint64 | int64](field string, n, low N) error {
	if n < low {
		return fail(field, "%d, must be %d or more", n, low)
	}
	return nil
}

// enum checks that v is one of the named values other than UNSPECIFIED (0).
// All enums of these messages count from 1 without gaps up to last.
func enum[E ~int32](field string, v, last E) error {
	if v < 1 || v > last {
		return fail(field, "value %d, must be 1 to %d", v, last)
	}
	return nil
}

// unset answers a oneof without a known arm: an empty message, or one from a
// version that this program does not know.
func unset(field string) error {
	return fail(field, "not set, or of a kind this version does not know")
}
