// Package audit owns the ledger's entries and their hash chain: who did or
// read what, when and why, in a form that a governor can verify. It is pure;
// stores keep the entries. It imports the standard library only.
//
// An entry never holds captured text or a pupil's name: objects are case
// references, device ids and user ids.
package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"time"
	"unicode/utf8"
)

// Who acted: a console user, a command on the server, or the system.
type Who struct {
	User string // user id; empty for the system
	Name string // as shown at the time
	Via  string // "console", "command", "system"
}

// Entry is one link of the chain. Seq, Prev and Hash are set by the store.
type Entry struct {
	Seq    uint64 // from 1, without gaps
	At     time.Time
	Who    Who
	Action Action
	Object []string // ids: case references, device ids, user ids; at most 200 of 128 bytes
	Reason string   // typed by the actor, at most 500 characters; no content
	Prev   [32]byte // Hash of the entry before; zero for the first
	Hash   [32]byte // SHA-256 over Prev and all fields above
}

// Limits of an entry.
const (
	MaxObjects     = 200
	MaxObjectBytes = 128
	MaxNameBytes   = 1024
	MaxReasonChars = 500
)

// ErrEntry says that an entry breaks a limit or uses an unregistered action.
var ErrEntry = errors.New("audit entry not valid")

// Validate checks an entry that is to be appended.
func (e Entry) Validate() error {
	switch {
	case !e.Action.Registered():
		return fmt.Errorf("%w: action %q is not registered", ErrEntry, e.Action)
	case e.At.IsZero():
		return fmt.Errorf("%w: no time", ErrEntry)
	case e.Who.Via != ViaConsole && e.Who.Via != ViaCommand && e.Who.Via != ViaSystem:
		return fmt.Errorf("%w: via %q is not console, command or system", ErrEntry, e.Who.Via)
	case len(e.Who.User) > MaxObjectBytes || len(e.Who.Name) > MaxNameBytes:
		return fmt.Errorf("%w: user or name too long", ErrEntry)
	case len(e.Object) > MaxObjects:
		return fmt.Errorf("%w: %d objects, at most %d", ErrEntry, len(e.Object), MaxObjects)
	case utf8.RuneCountInString(e.Reason) > MaxReasonChars:
		return fmt.Errorf("%w: reason over %d characters", ErrEntry, MaxReasonChars)
	}
	for _, o := range e.Object {
		if len(o) > MaxObjectBytes {
			return fmt.Errorf("%w: object over %d bytes", ErrEntry, MaxObjectBytes)
		}
	}
	return nil
}

// Ways in which somebody acted.
const (
	ViaConsole = "console"
	ViaCommand = "command"
	ViaSystem  = "system"
)

// System is who acts when nobody did.
func System() Who { return Who{Via: ViaSystem} }

// Head is the end of a ledger: the sequence and hash of its last entry. The
// zero value is the head of an empty one. Whoever keeps a Head elsewhere can
// later tell that the end of the ledger was cut off, which no chain can tell
// from within.
type Head struct {
	Seq  uint64
	Hash [32]byte
}

// Link chains e to the head and returns it with the new head.
func (h Head) Link(e Entry) (Entry, Head) {
	e.At = e.At.UTC().Round(0) // the form that comes back from a store
	e.Seq, e.Prev = h.Seq+1, h.Hash
	e.Hash = e.sum()
	return e, Head{Seq: e.Seq, Hash: e.Hash}
}

// BrokenError says where a ledger was changed.
type BrokenError struct {
	Seq  uint64 // the entry that should stand there
	What string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("audit ledger broken at entry %d: %s", e.Seq, e.What)
}

// Verify checks that entries continue the ledger after h, in order and
// unchanged, and returns the head they lead to. The error is a *BrokenError.
func (h Head) Verify(entries []Entry) (Head, error) {
	for _, e := range entries {
		want := h.Seq + 1
		switch {
		case e.Seq != want:
			return h, &BrokenError{want, fmt.Sprintf("entry %d stands there", e.Seq)}
		case e.Prev != h.Hash:
			return h, &BrokenError{want, "it does not follow from the entry before"}
		case e.Hash != e.sum():
			return h, &BrokenError{want, "its content was changed"}
		}
		h = Head{Seq: e.Seq, Hash: e.Hash}
	}
	return h, nil
}

// sum hashes the canonical encoding: every field with its length or in a fixed
// width, so that no two entries share an encoding.
func (e Entry) sum() (out [32]byte) {
	h := sha256.New()
	h.Write([]byte("lapwing audit v1\x00"))
	h.Write(e.Prev[:])
	number(h, e.Seq)
	number(h, uint64(e.At.Unix()))
	number(h, uint64(e.At.Nanosecond()))
	for _, s := range []string{e.Who.User, e.Who.Name, e.Who.Via, string(e.Action), e.Reason} {
		text(h, s)
	}
	number(h, uint64(len(e.Object)))
	for _, s := range e.Object {
		text(h, s)
	}
	h.Sum(out[:0])
	return out
}

func number(h hash.Hash, n uint64) { h.Write(binary.BigEndian.AppendUint64(nil, n)) }

func text(h hash.Hash, s string) {
	number(h, uint64(len(s)))
	h.Write([]byte(s))
}
