package wayland

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// header of every message: the object, then size and opcode.
const header = 8

var errTruncated = errors.New("a message ends in the middle of an argument")

// message is one event of the compositor.
type message struct {
	object uint32
	opcode uint16
	args   []byte
}

// order is the byte order of the machine, which the protocol uses; all that
// Lapwing is built for are little endian.
var order = binary.LittleEndian

// read reads one message, of 64 KiB at most: the protocol's size has 16 bits.
func read(r io.Reader) (message, error) {
	var h [header]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return message{}, err
	}
	m := message{object: order.Uint32(h[:]), opcode: order.Uint16(h[4:])}
	size := int(order.Uint16(h[6:]))
	if size < header || size%4 != 0 {
		return message{}, fmt.Errorf("a message of %d bytes", size)
	}
	m.args = make([]byte, size-header)
	if _, err := io.ReadFull(r, m.args); err != nil {
		return message{}, err
	}
	return m, nil
}

// uint takes one number off the arguments.
func (m *message) uint() (uint32, error) {
	if len(m.args) < 4 {
		return 0, errTruncated
	}
	v := order.Uint32(m.args)
	m.args = m.args[4:]
	return v, nil
}

// bytes takes an array off the arguments.
func (m *message) bytes() ([]byte, error) {
	n, err := m.uint()
	if err != nil {
		return nil, err
	}
	padded := (uint64(n) + 3) &^ 3
	if uint64(len(m.args)) < padded {
		return nil, errTruncated
	}
	b := m.args[:n]
	m.args = m.args[padded:]
	return b, nil
}

// string takes a string off the arguments; its last byte is 0.
func (m *message) string() (string, error) {
	b, err := m.bytes()
	if err != nil || len(b) == 0 {
		return "", err
	}
	return string(b[:len(b)-1]), nil
}

// request builds a message to the compositor.
func request(object uint32, opcode uint16, args ...any) []byte {
	b := make([]byte, header, 64)
	for _, a := range args {
		switch a := a.(type) {
		case uint32:
			b = order.AppendUint32(b, a)
		case string:
			b = order.AppendUint32(b, uint32(len(a)+1))
			b = append(b, a...)
			b = append(b, make([]byte, 4-len(a)%4)...) // the 0 at its end, and padding
		}
	}
	order.PutUint32(b, object)
	order.PutUint16(b[4:], opcode)
	order.PutUint16(b[6:], uint16(len(b)))
	return b
}
