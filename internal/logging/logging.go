// Package logging makes the loggers of both programs: log/slog, JSON or text,
// with redaction. Redaction is a net under the rule that captured text, names
// and keys never reach a log call at all.
//
// It may import the standard library and google.golang.org/protobuf/proto.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"google.golang.org/protobuf/proto"
)

// Redacted stands in place of what must not be logged.
const Redacted = "[redacted]"

// Options of a logger. The zero value is text at level info.
type Options struct {
	// JSON selects one JSON object a line in place of key=value text.
	JSON bool
	// Level is the least level that is written; nil means info.
	Level slog.Leveler
}

// New returns a logger that writes to w and redacts by Redact.
func New(w io.Writer, o Options) *slog.Logger {
	ho := &slog.HandlerOptions{Level: o.Level, ReplaceAttr: Redact}
	if o.JSON {
		return slog.New(slog.NewJSONHandler(w, ho))
	}
	return slog.New(slog.NewTextHandler(w, ho))
}

// Redact is a slog.HandlerOptions.ReplaceAttr. It replaces the value of every
// attribute whose key, or a group around it, has a forbidden word between
// underscores ("window_title", "new_key"), and of every attribute whose value
// could carry more than its name says: messages, structures, bytes, lists.
// The built-in keys (time, level, msg, source) pass.
func Redact(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 {
		switch a.Key {
		case slog.TimeKey, slog.LevelKey, slog.MessageKey, slog.SourceKey:
			return a
		}
	}
	if forbidden(a.Key) || anyForbidden(groups) {
		return slog.String(a.Key, Redacted)
	}
	if a.Value.Kind() == slog.KindAny {
		a.Value = plain(a.Value)
	}
	return a
}

func anyForbidden(groups []string) bool {
	for _, g := range groups {
		if forbidden(g) {
			return true
		}
	}
	return false
}

func forbidden(key string) bool {
	for word := range strings.SplitSeq(strings.ToLower(key), "_") {
		switch word {
		case "text", "excerpt", "title", "note", "body", "content", "document", "rune", "keysym", "typed",
			"account", "person", "pupil", "name", "email", "username",
			"passphrase", "password", "token", "secret", "otp", "totp", "cookie", "key", "keys", "csr", "proof",
			"link", "enrolment", "authorization":
			return true
		}
	}
	return false
}

// plain returns v if it is an error or nil, what it prints as if it says so
// itself (the JSON handler would print its fields), and else Redacted.
func plain(v slog.Value) slog.Value {
	switch x := v.Any().(type) {
	case nil, error:
		return v
	case proto.Message: // its String prints every field
	case fmt.Stringer:
		return slog.StringValue(fmt.Sprint(x))
	}
	return slog.StringValue(Redacted)
}

// Secret is a string that prints as Redacted in logs, errors and JSON.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (Secret) String() string { return Redacted }

// GoString implements fmt.GoStringer, for %#v.
func (Secret) GoString() string { return Redacted }

// Format implements fmt.Formatter: verbs such as %x and %q would otherwise
// print the string itself.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText implements encoding.TextMarshaler, and so JSON too.
func (Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
