package x11

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
)

// order is the byte order that we ask of the server.
var order = binary.LittleEndian

// ErrClosed says that the connection to the X server is gone.
var ErrClosed = errors.New("connection to the X server closed")

// Bounds of the wire.
const (
	// dialBound and replyBound: a server that does not answer for so long is
	// taken for dead. The session process is then started again.
	dialBound  = 10 * time.Second
	replyBound = 10 * time.Second
	// maxPacket bounds one reply or generic event; the largest that we ask
	// for, a keyboard map, is under 32 KiB.
	maxPacket = 1 << 20
	// maxQueue bounds the events that wait. A typist makes some tens a
	// second; so many mean that the consumer hangs.
	maxQueue = 1 << 16
	// readBytes of one read hold what some keys bring, and a busy window does.
	readBytes = 4096
)

// wire is one connection: requests with replies, one at a time, and events.
type wire struct {
	socket *socket.Listener
	setup  setup

	ready chan struct{} // holds a value when the reader has read events
	once  sync.Once
	done  chan struct{} // closed when the reader has ended

	// reading guards what follows: the reader is not the only one who reads.
	reading sync.Mutex
	some    bool // something was read since the reader asked
	asking  bool // the reply to request asked is waited for: no rest
	asked   uint16
	buf     []byte // of one read
	part    []byte // the beginning of a packet
	events  [][]byte
	err     error // of the end

	// mu makes request and reply one step, and guards seq.
	mu      sync.Mutex
	seq     uint16
	replies chan []byte
}

func dial(display, xauthority string, pace *socket.Pace) (*wire, error) {
	a, err := parseDisplay(display)
	if err != nil {
		return nil, err
	}
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read host name: %w", err)
	}
	secret, err := cookie(xauthority, hostname, a)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout(a.network, a.socket, dialBound)
	if err != nil {
		return nil, fmt.Errorf("connect to display %s: %w", display, err)
	}
	w, err := newWire(conn, secret, pace)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to display %s: %w", display, err)
	}
	return w, nil
}

// newWire greets the server on conn and starts the reader.
func newWire(conn net.Conn, secret []byte, pace *socket.Pace) (*wire, error) {
	name := ""
	if secret != nil {
		name = cookieName
	}
	hello := []byte{'l', 0}
	hello = order.AppendUint16(hello, 11)
	hello = order.AppendUint16(hello, 0)
	hello = order.AppendUint16(hello, uint16(len(name)))
	hello = order.AppendUint16(hello, uint16(len(secret)))
	hello = append(hello, 0, 0)
	hello = pad(append(hello, name...))
	hello = pad(append(hello, secret...))
	if err := conn.SetDeadline(time.Now().Add(dialBound)); err != nil {
		return nil, fmt.Errorf("set deadline: %w", err)
	}
	if _, err := conn.Write(hello); err != nil {
		return nil, fmt.Errorf("greet: %w", err)
	}
	s, err := readSetup(conn)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("clear deadline: %w", err)
	}
	l, err := socket.Listen(conn, pace)
	if err != nil {
		return nil, err
	}
	w := &wire{
		socket: l, setup: s, buf: make([]byte, readBytes),
		ready: make(chan struct{}, 1), done: make(chan struct{}), replies: make(chan []byte, 1),
	}
	go w.read()
	return w, nil
}

// Packets: their least size, and their types.
const (
	packetBytes   = 32
	packetError   = 0
	packetReply   = 1
	packetGeneric = 35
	// sentByClient marks an event that another program made with SendEvent.
	sentByClient = 0x80
)

// read reads until the connection ends.
func (w *wire) read() {
	defer close(w.done)
	for rest := false; ; {
		if err := w.socket.Wait(rest); err != nil {
			w.fail(err)
		}
		err := w.pull()
		w.reading.Lock()
		rested, some := rest, w.some
		if rest = some && !w.asking; rest {
			w.some = false // else the rest is made up for after the reply
		}
		w.reading.Unlock()
		if some || rested || err != nil {
			w.signal()
		}
		if err != nil {
			return
		}
	}
}

func (w *wire) signal() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// fail ends the connection; the first reason is kept.
func (w *wire) fail(reason error) {
	w.reading.Lock()
	defer w.reading.Unlock()
	if w.err == nil {
		w.err = fmt.Errorf("%w: %w", ErrClosed, reason)
	}
}

// take returns the events that have come by now, in order. After the last one
// of a connection that has ended it returns why.
func (w *wire) take() ([][]byte, error) {
	err := w.pull()
	w.reading.Lock()
	defer w.reading.Unlock()
	events := w.events
	w.events = nil
	if len(events) > 0 {
		return events, nil
	}
	return nil, err
}

// pull reads what the socket has now, and sorts it into replies and events. The
// error is that of a connection that has ended.
func (w *wire) pull() error {
	w.reading.Lock()
	defer w.reading.Unlock()
	for w.err == nil {
		n, err := w.socket.Take(w.buf)
		if err == nil && n == 0 {
			break
		}
		w.some = true
		if err == nil {
			err = w.sort(w.buf[:n])
		}
		if err != nil {
			w.err = fmt.Errorf("%w: %w", ErrClosed, err)
			_ = w.socket.Close() // the reader may not be the one who has seen it
		}
		if n < len(w.buf) {
			break // it was all; what has come since wakes the reader
		}
	}
	return w.err
}

// sort takes whole packets off what has been read.
func (w *wire) sort(b []byte) error {
	if len(w.part) > 0 {
		b = append(w.part, b...)
	}
	for {
		n, err := packetSize(b)
		if err != nil {
			return err
		}
		if n == 0 || n > len(b) {
			break
		}
		if err := w.packet(slices.Clone(b[:n])); err != nil {
			return err
		}
		b = b[n:]
	}
	w.part = nil
	if len(b) > 0 {
		w.part = slices.Clone(b)
	}
	return nil
}

func (w *wire) packet(p []byte) error {
	switch p[0] {
	case packetError, packetReply:
		if order.Uint16(p[2:]) == w.asked {
			w.asking = false
		}
		select {
		case w.replies <- p:
		default:
			// An error of a request that nobody waits for any more: a window
			// that went away. A later request does not mistake it for its own,
			// because it compares the sequence number.
			select {
			case <-w.replies:
			default:
			}
			w.replies <- p
		}
		return nil
	}
	if p[0]&sentByClient != 0 {
		return nil // no program may play the server towards the sensors
	}
	if len(w.events) >= maxQueue {
		return fmt.Errorf("more than %d events waited", maxQueue)
	}
	w.events = append(w.events, p)
	return nil
}

// packetSize is the size of the packet that b begins with, 0 if b is too short
// to tell.
func packetSize(b []byte) (int, error) {
	if len(b) < packetBytes {
		return 0, nil
	}
	if b[0] != packetReply && b[0] != packetGeneric {
		return packetBytes, nil
	}
	more := int64(order.Uint32(b[4:])) * 4
	if more > maxPacket {
		return 0, fmt.Errorf("packet of %d bytes, limit %d", more, maxPacket)
	}
	return packetBytes + int(more), nil
}

// request sends a request that has no reply. Errors of the server are ignored:
// the window may be gone.
func (w *wire) request(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.send(b)
}

// send fills in the length and writes. Callers hold mu.
func (w *wire) send(b []byte) error {
	order.PutUint16(b[2:], uint16(len(b)/4))
	w.seq++
	if _, err := w.socket.Write(b); err != nil {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return nil
}

// ProtocolError is an error that the server answered.
type ProtocolError struct {
	Code, Major uint8
	Minor       uint16
}

func (e ProtocolError) Error() string {
	return fmt.Sprintf("X error %d for request %d.%d", e.Code, e.Major, e.Minor)
}

// ask sends a request and waits for its reply of at least size bytes.
func (w *wire) ask(b []byte, size int) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.await(true)
	defer w.await(false)
	if err := w.send(b); err != nil {
		return nil, err
	}
	w.socket.Hurry()
	timeout := time.NewTimer(replyBound)
	defer timeout.Stop()
	for {
		select {
		case p := <-w.replies:
			if order.Uint16(p[2:]) != w.seq {
				continue
			}
			if p[0] == packetError {
				return nil, ProtocolError{Code: p[1], Major: p[10], Minor: order.Uint16(p[8:])}
			}
			if len(p) < size {
				return nil, fmt.Errorf("reply of %d bytes, want %d", len(p), size)
			}
			return p, nil
		case <-w.done:
			return nil, w.pull()
		case <-timeout.C:
			_ = w.socket.Close()
			return nil, fmt.Errorf("%w: no answer in %v", ErrClosed, replyBound)
		}
	}
}

// await says whether the reply to the next request is waited for. Callers hold mu.
func (w *wire) await(asking bool) {
	w.reading.Lock()
	defer w.reading.Unlock()
	w.asking, w.asked = asking, w.seq+1
}

// close ends the connection and its goroutines; a second call does nothing.
func (w *wire) close() (err error) {
	w.once.Do(func() {
		err = w.socket.Close()
		<-w.done
	})
	return err
}

// pad fills up to a multiple of four bytes.
func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
