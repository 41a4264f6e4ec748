// Package ipc owns the wire between the service process and the session
// process: one inherited socket pair, and on it frames of a big-endian uint32
// length and one protobuf message. There is no listening path that another
// program could reach.
//
// It knows nothing of what the messages mean. It imports the messages of
// proto/lapwing/v1, and agent/sensor for the word of a system that is not
// built yet.
package ipc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/protobuf/proto"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Protocol is the number that SessionHello carries.
const Protocol = 1

// Limits of one frame, in bytes, by direction (proto/lapwing/v1/ipc.proto).
// A policy with its rules is the one large thing; it only goes to the session.
const (
	MaxSessionFrame = 64 << 10
	MaxServiceFrame = 16 << 20
)

// ErrTooLarge says that a frame is above the limit of its direction. The
// stream cannot be continued after it was received.
var ErrTooLarge = errors.New("frame too large")

// ErrBadFrame says that a frame was empty or not a message.
var ErrBadFrame = errors.New("bad frame")

// readStep bounds what is allocated before it has arrived, so that a length
// alone cannot make the other side allocate 16 MiB.
const readStep = 64 << 10

// framer reads and writes frames. Writes are safe for concurrent use; reads
// belong to one goroutine.
type framer struct {
	rw                io.ReadWriteCloser
	readMax, writeMax int

	// mu keeps frames whole on the wire.
	mu sync.Mutex
}

func (f *framer) write(m proto.Message) error {
	size := proto.Size(m)
	if size > f.writeMax {
		return fmt.Errorf("write %T of %d bytes, limit %d: %w", m, size, f.writeMax, ErrTooLarge)
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+size), uint32(size))
	frame, err := proto.MarshalOptions{}.MarshalAppend(frame, m)
	if err != nil {
		return fmt.Errorf("marshal %T: %w", m, err)
	}
	// The text of a hit must not linger in freed memory longer than it has to.
	defer clear(frame)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.rw.Write(frame); err != nil {
		return fmt.Errorf("write %T: %w", m, err)
	}
	return nil
}

// read returns io.EOF, unwrapped, only when the other side closed between frames.
func (f *framer) read(m proto.Message) error {
	var head [4]byte
	if _, err := io.ReadFull(f.rw, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("read frame length: %w", err)
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 {
		return fmt.Errorf("read %T of 0 bytes: %w", m, ErrBadFrame)
	}
	if int64(size) > int64(f.readMax) {
		return fmt.Errorf("read %T of %d bytes, limit %d: %w", m, size, f.readMax, ErrTooLarge)
	}
	body, err := readBody(f.rw, int(size))
	if err != nil {
		return fmt.Errorf("read %T of %d bytes: %w", m, size, err)
	}
	defer clear(body)
	if err := proto.Unmarshal(body, m); err != nil {
		// The parser's own words may quote the bytes; they stay here.
		return fmt.Errorf("read %T of %d bytes: not a message: %w", m, size, ErrBadFrame)
	}
	return nil
}

func readBody(r io.Reader, size int) ([]byte, error) {
	body := make([]byte, 0, min(size, readStep))
	for len(body) < size {
		step := min(size-len(body), max(readStep, len(body)))
		start := len(body)
		grown := append(body, make([]byte, step)...)
		if _, err := io.ReadFull(r, grown[start:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		body = grown
	}
	return body, nil
}

func (f *framer) close() error { return f.rw.Close() }

// SessionConn is the session process's end.
type SessionConn struct{ f framer }

// NewSessionConn takes over rw.
func NewSessionConn(rw io.ReadWriteCloser) *SessionConn {
	return &SessionConn{framer{rw: rw, readMax: MaxServiceFrame, writeMax: MaxSessionFrame}}
}

// Send writes one message whole, or returns an error that wraps ErrTooLarge
// (nothing was written) or the transport's. Safe for concurrent use.
func (c *SessionConn) Send(m *lapwingv1.SessionMessage) error { return c.f.write(m) }

// Receive waits for the next message of the service; io.EOF when it has
// closed. After any error the connection is of no further use.
func (c *SessionConn) Receive() (*lapwingv1.ServiceMessage, error) {
	m := &lapwingv1.ServiceMessage{}
	if err := c.f.read(m); err != nil {
		return nil, err
	}
	if m.Kind == nil {
		return nil, fmt.Errorf("read service message without a kind: %w", ErrBadFrame)
	}
	return m, nil
}

// Close ends both directions; a Receive that waits returns.
func (c *SessionConn) Close() error { return c.f.close() }

// ServiceConn is the service process's end.
type ServiceConn struct{ f framer }

// NewServiceConn takes over rw.
func NewServiceConn(rw io.ReadWriteCloser) *ServiceConn {
	return &ServiceConn{framer{rw: rw, readMax: MaxSessionFrame, writeMax: MaxServiceFrame}}
}

// Send is SessionConn.Send in the other direction.
func (c *ServiceConn) Send(m *lapwingv1.ServiceMessage) error { return c.f.write(m) }

// Receive is SessionConn.Receive in the other direction. What it returns came
// from an unprivileged process: it is well-formed, not yet valid.
func (c *ServiceConn) Receive() (*lapwingv1.SessionMessage, error) {
	m := &lapwingv1.SessionMessage{}
	if err := c.f.read(m); err != nil {
		return nil, err
	}
	if m.Kind == nil {
		return nil, fmt.Errorf("read session message without a kind: %w", ErrBadFrame)
	}
	return m, nil
}

// Close ends both directions; a Receive that waits returns.
func (c *ServiceConn) Close() error { return c.f.close() }
