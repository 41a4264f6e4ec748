package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// Every value is version (1) | CRC-32C over key and body (4) | body. Badger
// does not notice a flipped byte in a table, and its own checksum mode panics
// in a library goroutine when one does; binding the key also shows a value
// that stands under another's key.
//
// A body is a list of fields in ascending order: tag = number<<1 | kind as an
// unsigned varint, then an unsigned varint (kind 0) or a length and that many
// bytes (kind 1; also nested bodies). Zero values are left out. A reader skips
// numbers it does not know, so fields may be added; a number is never used
// again for something else, and never renumbered.
const (
	valueVersion = 1
	valueHeader  = 1 + 4
)

// ErrCorrupt says that a stored value was damaged or is of a later version.
var ErrCorrupt = errors.New("stored value damaged, or written by a later version")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}

// encode makes the value of x for key. fields is the one function that names
// x's fields, for both directions.
func encode[T any](key []byte, x T, fields func(*codec, *T)) []byte {
	c := codec{out: make([]byte, valueHeader, 256)}
	fields(&c, &x)
	c.out[0] = valueVersion
	binary.BigEndian.PutUint32(c.out[1:], checksum(key, c.out[valueHeader:]))
	return c.out
}

// decode reads what encode made. The result shares no memory with value.
func decode[T any](key, value []byte, fields func(*codec, *T)) (x T, err error) {
	if len(value) < valueHeader || value[0] != valueVersion ||
		binary.BigEndian.Uint32(value[1:]) != checksum(key, value[valueHeader:]) {
		return x, fmt.Errorf("read %s row: %w", tableName(key), ErrCorrupt)
	}
	if err := decodeBody(value[valueHeader:], &x, fields); err != nil {
		return x, fmt.Errorf("read %s row: %w", tableName(key), err)
	}
	return x, nil
}

func decodeBody[T any](body []byte, x *T, fields func(*codec, *T)) error {
	c := codec{reading: true, in: body}
	fields(&c, x)
	for c.err == nil && len(c.in) > 0 { // fields of a later version: skipped, but well-formed
		c.next()
	}
	return c.err
}

// codec writes or reads one body. Its methods are called in ascending order of
// field numbers, and do nothing after the first error.
type codec struct {
	reading bool
	out     []byte // writing

	in   []byte // reading: what is left
	last uint64 // number of the field before
	err  error
}

const (
	kindNumber = 0
	kindBytes  = 1
)

type field struct {
	number uint64
	kind   uint64
	n      uint64
	b      []byte
}

// next takes the next field off c.in.
func (c *codec) next() (f field) {
	tag := c.varint()
	f.number, f.kind = tag>>1, tag&1
	if f.number < c.last || f.number == 0 {
		c.fail()
	}
	c.last = f.number
	f.n = c.varint()
	if f.kind == kindBytes && c.err == nil {
		if f.n > uint64(len(c.in)) {
			c.fail()
			return field{}
		}
		f.b, c.in = c.in[:f.n:f.n], c.in[f.n:]
	}
	return f
}

func (c *codec) varint() uint64 {
	n, size := binary.Uvarint(c.in)
	if size <= 0 {
		c.fail()
		return 0
	}
	c.in = c.in[size:]
	return n
}

func (c *codec) fail() {
	c.err = ErrCorrupt
	c.in = nil
}

// find moves to field number, skipping lower ones; false when it is not there.
func (c *codec) find(number, kind uint64) (field, bool) {
	for c.err == nil && len(c.in) > 0 {
		tag, size := binary.Uvarint(c.in)
		if size > 0 && tag>>1 > number {
			return field{}, false
		}
		f := c.next()
		if c.err == nil && f.number == number {
			if f.kind != kind {
				c.fail()
			}
			return f, c.err == nil
		}
	}
	return field{}, false
}

func (c *codec) putNumber(number, n uint64) {
	c.out = binary.AppendUvarint(c.out, number<<1|kindNumber)
	c.out = binary.AppendUvarint(c.out, n)
}

func (c *codec) putBytes(number uint64, b []byte) {
	c.out = binary.AppendUvarint(c.out, number<<1|kindBytes)
	c.out = binary.AppendUvarint(c.out, uint64(len(b)))
	c.out = append(c.out, b...)
}

type unsigned interface{ ~uint8 | ~uint32 | ~uint64 }

func number[T unsigned](c *codec, n uint64, x *T) {
	if !c.reading {
		if *x != 0 {
			c.putNumber(n, uint64(*x))
		}
		return
	}
	if f, ok := c.find(n, kindNumber); ok {
		if *x = T(f.n); uint64(*x) != f.n {
			c.fail()
		}
	}
}

// signed is for numbers that may be negative (zigzag).
func signed[T ~int | ~int32 | ~int64](c *codec, n uint64, x *T) {
	z := uint64(int64(*x)<<1) ^ uint64(int64(*x)>>63)
	number(c, n, &z)
	v := int64(z>>1) ^ -int64(z&1)
	if *x = T(v); int64(*x) != v {
		c.fail()
	}
}

func (c *codec) flag(n uint64, x *bool) {
	var b uint8
	if *x {
		b = 1
	}
	number(c, n, &b)
	*x = b != 0
}

func text[T ~string](c *codec, n uint64, x *T) {
	if !c.reading {
		if *x != "" {
			c.out = binary.AppendUvarint(c.out, n<<1|kindBytes)
			c.out = binary.AppendUvarint(c.out, uint64(len(*x)))
			c.out = append(c.out, *x...)
		}
		return
	}
	if f, ok := c.find(n, kindBytes); ok {
		*x = T(f.b)
	}
}

func raw[T ~[]byte](c *codec, n uint64, x *T) {
	if !c.reading {
		if len(*x) > 0 {
			c.putBytes(n, *x)
		}
		return
	}
	if f, ok := c.find(n, kindBytes); ok && len(f.b) > 0 {
		*x = append(T(nil), f.b...)
	}
}

// fixed is for arrays; x is the whole array as a slice.
func (c *codec) fixed(n uint64, x []byte) {
	if !c.reading {
		for _, b := range x {
			if b != 0 {
				c.putBytes(n, x)
				return
			}
		}
		return
	}
	if f, ok := c.find(n, kindBytes); ok {
		if len(f.b) != len(x) {
			c.fail()
			return
		}
		copy(x, f.b)
	}
}

// moment keeps a time to the nanosecond, and gives it back in UTC.
func (c *codec) moment(n uint64, x *time.Time) {
	var b [12]byte
	if !c.reading {
		if !x.IsZero() {
			binary.BigEndian.PutUint64(b[:], uint64(x.Unix()))
			binary.BigEndian.PutUint32(b[8:], uint32(x.Nanosecond()))
			c.putBytes(n, b[:])
		}
		return
	}
	if f, ok := c.find(n, kindBytes); ok {
		if len(f.b) != len(b) {
			c.fail()
			return
		}
		*x = time.Unix(int64(binary.BigEndian.Uint64(f.b)), int64(binary.BigEndian.Uint32(f.b[8:]))).UTC()
	}
}

// nested is for a struct within a struct.
func nested[T any](c *codec, n uint64, x *T, fields func(*codec, *T)) {
	if !c.reading {
		inner := codec{}
		if fields(&inner, x); len(inner.out) > 0 {
			c.putBytes(n, inner.out)
		}
		return
	}
	if f, ok := c.find(n, kindBytes); ok {
		if decodeBody(f.b, x, fields) != nil {
			c.fail()
		}
	}
}

// list repeats its field for each element, also for empty ones.
func list[T any](c *codec, n uint64, x *[]T, fields func(*codec, *T)) {
	if !c.reading {
		for i := range *x {
			inner := codec{}
			fields(&inner, &(*x)[i])
			c.putBytes(n, inner.out)
		}
		return
	}
	for {
		f, ok := c.find(n, kindBytes)
		if !ok {
			return
		}
		var e T
		if decodeBody(f.b, &e, fields) != nil {
			c.fail()
			return
		}
		*x = append(*x, e)
	}
}

// word is the element of a list of strings.
func word[T ~string](c *codec, x *T) { text(c, 1, x) }
