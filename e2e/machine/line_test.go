//go:build linux

package machine

import (
	"io"
	"net"
	"sync"
	"testing"
)

// line is the network between the machine and the collector: a relay that can
// be cut, and mended.
type line struct {
	listener net.Listener
	to       string
	running  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	down  bool
	conns map[net.Conn]bool
}

// newLine relays to an address until the test ends.
func newLine(t *testing.T, to string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &line{listener: l, to: to, conns: map[net.Conn]bool{}}
	n.running.Go(n.accept)
	t.Cleanup(func() {
		l.Close()
		n.cut()
		n.running.Wait()
	})
	return n
}

func (n *line) port() uint16 { return uint16(n.listener.Addr().(*net.TCPAddr).Port) }

// cut breaks every connection, and refuses those to come.
func (n *line) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = true
	for c := range n.conns {
		c.Close()
	}
	clear(n.conns)
}

func (n *line) mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = false
}

// add takes a connection in, unless the line is cut.
func (n *line) add(c net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down {
		c.Close()
		return false
	}
	n.conns[c] = true
	return true
}

func (n *line) accept() {
	for {
		near, err := n.listener.Accept()
		if err != nil {
			return
		}
		if !n.add(near) {
			continue
		}
		far, err := net.Dial("tcp", n.to)
		if err != nil || !n.add(far) {
			near.Close()
			continue
		}
		for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
			n.running.Go(func() {
				_, _ = io.Copy(pair[0], pair[1]) // it ends when either does
				pair[0].Close()
				pair[1].Close()
			})
		}
	}
}
