// Package ulid makes and reads the 128-bit, time-ordered identifiers of events
// (https://github.com/ulid/spec). It imports the standard library only.
package ulid

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"
)

// ID is a ULID: 48 bits of Unix milliseconds, then 80 random bits. The zero
// value is no id.
type ID [16]byte

// ErrInvalid says that a text or a byte slice is not a ULID.
var ErrInvalid = errors.New("not a ULID: want 26 characters of Crockford base32 or 16 bytes")

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var decode = func() (d [256]byte) {
	for i := range d {
		d[i] = 0xff
	}
	for i := range alphabet {
		d[alphabet[i]] = byte(i)
		if c := alphabet[i]; c >= 'A' {
			d[c+'a'-'A'] = byte(i)
		}
	}
	return d
}()

// Maker makes ids that never repeat and, within one Maker, only rise, also
// when the clock steps back. It is safe for concurrent use.
type Maker struct {
	now  func() time.Time
	rand io.Reader

	mu   sync.Mutex // guards last
	last ID
}

// NewMaker returns a Maker that reads the time from now; crypto/rand is the
// source of randomness.
func NewMaker(now func() time.Time) *Maker {
	return &Maker{now: now, rand: rand.Reader}
}

// Make returns the next id. It fails only when the system gives no randomness.
func (m *Maker) Make() (ID, error) {
	var id ID
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(m.now().UnixMilli(), 0)))
	copy(id[:6], ms[2:])
	if _, err := io.ReadFull(m.rand, id[6:]); err != nil {
		return ID{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if string(id[:6]) <= string(m.last[:6]) {
		id = m.last.next()
	}
	m.last = id
	return id, nil
}

// next is id + 1, read as a big-endian number.
func (id ID) next() ID {
	for i := len(id) - 1; i >= 0; i-- {
		id[i]++
		if id[i] != 0 {
			break
		}
	}
	return id
}

// Time returns the moment written in the id, to the millisecond.
func (id ID) Time() time.Time {
	var ms [8]byte
	copy(ms[2:], id[:6])
	return time.UnixMilli(int64(binary.BigEndian.Uint64(ms[:])))
}

// IsZero reports whether id is the zero value.
func (id ID) IsZero() bool { return id == ID{} }

// String returns 26 characters of Crockford base32.
func (id ID) String() string {
	var out [26]byte
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = alphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

// Parse reads the 26 characters that String writes, in either case.
func Parse(s string) (ID, error) {
	if len(s) != 26 || s[0] > '7' {
		return ID{}, ErrInvalid
	}
	var hi, lo uint64
	for i := range 26 {
		v := decode[s[i]]
		if v == 0xff {
			return ID{}, ErrInvalid
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(v)
	}
	var id ID
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id, nil
}
