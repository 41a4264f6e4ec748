// Package badlink is a poor network between a device and its collector, for
// tests: it delays, is slow, goes silent without a word, and breaks. It works
// in a synctest bubble. It imports the standard library only.
package badlink

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Link makes connections that are as poor as its fields say. Change them
// through Set while it is in use; a connection keeps what it began with.
type Link struct {
	Dial func(ctx context.Context, address string) (net.Conn, error)

	mu     sync.Mutex // guards all below
	poor   Poor
	random *rand.Rand
}

// Poor says how poor.
type Poor struct {
	Delay          time.Duration // of each write
	BytesPerSecond int           // 0: no limit
	// SilentAfter and BreakAfter end a connection after about so many bytes
	// sent (a random part of them); 0: never. A silent one takes what is sent
	// and delivers nothing, as a dropped radio link does.
	SilentAfter, BreakAfter int
}

// New returns a link whose chances come from seed.
func New(dial func(ctx context.Context, address string) (net.Conn, error), seed uint64, poor Poor) *Link {
	return &Link{Dial: dial, poor: poor, random: rand.New(rand.NewPCG(seed, 7))}
}

// Set changes the link for connections that come.
func (l *Link) Set(poor Poor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.poor = poor
}

// Connect dials through the link.
func (l *Link) Connect(ctx context.Context, address string) (net.Conn, error) {
	raw, err := l.Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	part := func(n int) int {
		if n == 0 {
			return -1
		}
		return n/2 + l.random.IntN(n)
	}
	return &conn{Conn: raw, poor: l.poor, silentAt: part(l.poor.SilentAfter), breakAt: part(l.poor.BreakAfter), closed: make(chan struct{})}, nil
}

type conn struct {
	net.Conn
	poor              Poor
	silentAt, breakAt int

	mu     sync.Mutex // guards sent and silent; one write at a time
	sent   int
	silent bool

	once   sync.Once
	closed chan struct{}
}

func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wait := c.poor.Delay
	if c.poor.BytesPerSecond > 0 {
		wait += time.Duration(len(b)) * time.Second / time.Duration(c.poor.BytesPerSecond)
	}
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-c.closed:
			return 0, io.ErrClosedPipe
		}
	}
	c.sent += len(b)
	switch {
	case c.breakAt >= 0 && c.sent > c.breakAt:
		c.Close()
		return 0, io.ErrClosedPipe
	case c.silent || c.silentAt >= 0 && c.sent > c.silentAt:
		c.silent = true
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
