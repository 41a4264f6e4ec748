package x11

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
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
)

// setup is what we need of the server's greeting.
type setup struct {
	root           uint32
	width, height  uint16
	minKey, maxKey uint8
}

// wire is one connection: requests with replies, one at a time, and events.
type wire struct {
	conn  net.Conn
	setup setup

	// events is closed after the last event of a connection that ended.
	events chan []byte
	quit   chan struct{}
	once   sync.Once
	// done is closed when the reader has ended; err is set before.
	done chan struct{}
	err  error

	// mu makes request and reply one step, and guards seq.
	mu      sync.Mutex
	seq     uint16
	replies chan []byte
}

func dial(display, xauthority string) (*wire, error) {
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
	w, err := newWire(conn, secret)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to display %s: %w", display, err)
	}
	return w, nil
}

// newWire greets the server on conn and starts the reader.
func newWire(conn net.Conn, secret []byte) (*wire, error) {
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
	r := bufio.NewReaderSize(conn, 4096)
	s, err := readSetup(r)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("clear deadline: %w", err)
	}
	w := &wire{
		conn: conn, setup: s,
		events: make(chan []byte, 64), done: make(chan struct{}),
		replies: make(chan []byte, 1), quit: make(chan struct{}),
	}
	q := newQueue()
	go w.read(r, q)
	go q.pump(w.events, w.quit)
	return w, nil
}

// readSetup reads the server's answer to the greeting (protocol, section 8).
func readSetup(r io.Reader) (setup, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return setup{}, fmt.Errorf("read greeting: %w", err)
	}
	body := make([]byte, 4*int(order.Uint16(head[6:])))
	if _, err := io.ReadFull(r, body); err != nil {
		return setup{}, fmt.Errorf("read greeting: %w", err)
	}
	if head[0] != 1 {
		reason := body[:min(len(body), int(head[1]))]
		return setup{}, fmt.Errorf("refused by the X server: %q", reason)
	}
	const fixed = 32
	if len(body) < fixed {
		return setup{}, fmt.Errorf("read greeting: %d bytes are too few", len(body))
	}
	vendor, formats := int(order.Uint16(body[16:])), int(body[21])
	screen := fixed + (vendor+3)&^3 + 8*formats
	if len(body) < screen+40 {
		return setup{}, errors.New("read greeting: it names no screen")
	}
	return setup{
		root:   order.Uint32(body[screen:]),
		width:  order.Uint16(body[screen+20:]),
		height: order.Uint16(body[screen+22:]),
		minKey: body[26],
		maxKey: body[27],
	}, nil
}

// Packet types.
const (
	packetError   = 0
	packetReply   = 1
	packetGeneric = 35
	// sentByClient marks an event that another program made with SendEvent.
	sentByClient = 0x80
)

// read sorts what comes into replies and events until the connection ends.
func (w *wire) read(r io.Reader, q *queue) {
	defer close(w.done)
	defer q.close()
	for {
		p, err := readPacket(r)
		if err != nil {
			w.err = fmt.Errorf("%w: %w", ErrClosed, err)
			return
		}
		switch p[0] {
		case packetError, packetReply:
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
		default:
			if p[0]&sentByClient != 0 {
				// No program may play the server towards the sensors.
				continue
			}
			if !q.push(p) {
				w.err = fmt.Errorf("%w: more than %d events waited", ErrClosed, maxQueue)
				w.conn.Close()
				return
			}
		}
	}
}

// readPacket reads one error, reply or event, whole.
func readPacket(r io.Reader) ([]byte, error) {
	p := make([]byte, 32)
	if _, err := io.ReadFull(r, p); err != nil {
		return nil, err
	}
	if p[0] != packetReply && p[0] != packetGeneric {
		return p, nil
	}
	more := int64(order.Uint32(p[4:])) * 4
	if more == 0 {
		return p, nil
	}
	if more > maxPacket {
		return nil, fmt.Errorf("packet of %d bytes, limit %d", more, maxPacket)
	}
	p = append(p, make([]byte, more)...)
	if _, err := io.ReadFull(r, p[32:]); err != nil {
		return nil, err
	}
	return p, nil
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
	if err := w.conn.SetWriteDeadline(time.Now().Add(replyBound)); err != nil {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	if _, err := w.conn.Write(b); err != nil {
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
	if err := w.send(b); err != nil {
		return nil, err
	}
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
			return nil, w.err
		case <-timeout.C:
			w.conn.Close()
			return nil, fmt.Errorf("%w: no answer in %v", ErrClosed, replyBound)
		}
	}
}

// close ends the connection and its goroutines; a second call does nothing.
func (w *wire) close() (err error) {
	w.once.Do(func() {
		close(w.quit)
		err = w.conn.Close()
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
