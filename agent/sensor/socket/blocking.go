package socket

import (
	"net"
	"sync"
	"time"
)

// blocking is a source whose connection can only be read by waiting for it.
type blocking struct {
	conn  net.Conn
	ended chan struct{}
	once  sync.Once
	soon  chan struct{}
	buf   [4096]byte

	mu   sync.Mutex
	here []byte // of buf, read and not taken
	err  error
}

func newBlocking(conn net.Conn) *blocking {
	return &blocking{conn: conn, ended: make(chan struct{}), soon: make(chan struct{}, 1)}
}

func (b *blocking) rest() error {
	timer := time.NewTimer(Step - time.Duration(time.Now().UnixNano())%Step)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.soon:
	case <-b.ended:
		return net.ErrClosed
	}
	return nil
}

func (b *blocking) hurry() {
	select {
	case b.soon <- struct{}{}:
	default:
	}
}

func (b *blocking) wait() error {
	b.mu.Lock()
	waiting := len(b.here) == 0 && b.err == nil
	b.mu.Unlock()
	if !waiting {
		return nil
	}
	n, err := b.conn.Read(b.buf[:]) // nobody takes from an empty buffer meanwhile
	b.mu.Lock()
	defer b.mu.Unlock()
	b.here, b.err = b.buf[:n], err
	return nil
}

func (b *blocking) take(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.here) == 0 {
		return 0, b.err
	}
	n := copy(p, b.here)
	b.here = b.here[n:]
	return n, nil
}

func (b *blocking) write(p []byte) (int, error) {
	if err := b.conn.SetWriteDeadline(time.Now().Add(writeBound)); err != nil {
		return 0, err
	}
	return b.conn.Write(p)
}

func (b *blocking) close() error {
	b.once.Do(func() { close(b.ended) })
	return b.conn.Close()
}
