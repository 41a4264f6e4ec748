// Package socket listens on the local sockets of the sensors, the display's and
// the accessibility bus's, in the way that costs a laptop least.
//
// A key press brings three small messages on two of them, ten times a second,
// and being woken for each costs more than reading and matching them. So:
//
//   - A Listener that has read something may rest until the next step of its
//     Pace and then reads what has come meanwhile. While it rests the socket
//     wakes nobody. All listeners of one Pace rest until the same moment.
//   - Whoever must know now reads the socket itself (Take), or has the listener
//     rest no longer (Hurry, Pace.Hold).
//   - Reads and writes go past the runtime's account of system calls, for which
//     it would wake a thread of its own. These sockets do not block, so that
//     nothing needs to be watched.
//
// It imports the standard library and x/sys.
package socket

import (
	"bufio"
	"net"
	"sync"
	"time"
)

// Step is the longest rest: what is typed is read so much later at most.
const Step = 150 * time.Millisecond

// Pace is the common time of listeners. The nil Pace has them never rest. It is
// safe for concurrent use.
type Pace struct {
	mu        sync.Mutex
	held      bool
	listeners map[*Listener]bool
}

// NewPace returns a Pace that lets nobody rest until Hold(false).
func NewPace() *Pace { return &Pace{held: true, listeners: map[*Listener]bool{}} }

// Hold says whether everything must be read at once.
func (p *Pace) Hold(held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if held && !p.held {
		for l := range p.listeners {
			l.Hurry()
		}
	}
	p.held = held
}

func (p *Pace) holds() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

// source is a socket that tells when there is something to read. It is safe for
// concurrent use, except that only one goroutine may wait or rest.
type source interface {
	// wait returns when there may be something, or the source is closed.
	wait() error
	// rest returns with the next step of Step, or when hurry was called since
	// the last rest, or the source is closed.
	rest() error
	hurry()
	// take reads what is there: 0 and no error when that is nothing, io.EOF at the end.
	take(p []byte) (int, error)
	write(p []byte) (int, error)
	close() error
}

// writeBound is how long a peer may take for one write.
const writeBound = 10 * time.Second

// Listener is one connection. Wait and Take are for one goroutine each, all else
// is safe for concurrent use.
type Listener struct {
	src  source
	pace *Pace
}

// Listen takes conn over: it must not be used any more.
func Listen(conn net.Conn, pace *Pace) (*Listener, error) {
	src, err := newSource(conn)
	if err != nil {
		return nil, err
	}
	l := &Listener{src, pace}
	if pace != nil {
		pace.mu.Lock()
		defer pace.mu.Unlock()
		pace.listeners[l] = true
	}
	return l, nil
}

// Wait returns when there may be something to take. rest says that it may be put
// off to the next step: something was just read, so that more is likely to come.
// The error is net.ErrClosed after Close, or the system's.
func (l *Listener) Wait(rest bool) error {
	if rest && l.pace != nil && !l.pace.holds() {
		return l.src.rest()
	}
	return l.src.wait()
}

// Take reads what is there, without waiting: 0 and no error when that is
// nothing, io.EOF at the connection's end.
func (l *Listener) Take(p []byte) (int, error) { return l.src.take(p) }

// Write writes all of p, or returns why not: os.ErrDeadlineExceeded when the
// peer has not taken all of it in ten seconds, net.ErrClosed after Close.
func (l *Listener) Write(p []byte) (int, error) { return l.src.write(p) }

// Hurry ends a rest, or the next one before it begins.
func (l *Listener) Hurry() { l.src.hurry() }

// Close closes the connection, and ends Wait.
func (l *Listener) Close() error {
	if l.pace != nil {
		l.pace.mu.Lock()
		delete(l.pace.listeners, l)
		l.pace.mu.Unlock()
	}
	return l.src.close()
}

// Stream is a Listener for protocols that others speak: an io.ReadWriteCloser,
// whose Read waits and rests. Read is for one goroutine, Write for one other.
type Stream struct {
	*Listener
	buffered *bufio.Reader
}

// streamBytes of one read hold what some keys bring, and a busy window does.
const streamBytes = 4096

// NewStream takes conn over: it must not be used any more.
func NewStream(conn net.Conn, pace *Pace) (*Stream, error) {
	l, err := Listen(conn, pace)
	if err != nil {
		return nil, err
	}
	return &Stream{l, bufio.NewReaderSize(&waiting{Listener: l}, streamBytes)}, nil
}

func (s *Stream) Read(p []byte) (int, error) { return s.buffered.Read(p) }

// waiting is a Listener that is read by waiting for it.
type waiting struct {
	*Listener
	rest bool
}

func (w *waiting) Read(p []byte) (int, error) {
	for {
		n, err := w.Take(p)
		if n > 0 || err != nil {
			w.rest = true
			return n, err
		}
		if err := w.Wait(w.rest); err != nil {
			return 0, err
		}
		w.rest = false
	}
}
