package tlsx_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// crossroads is a listener that is dialled from any address.
type crossroads struct {
	conns    chan net.Conn
	done     chan struct{}
	let      chan struct{} // a connection came out of the enrolment door
	refused  chan error
	deadline atomic.Pointer[time.Time] // the last that was set on a connection
}

type comesFrom struct {
	net.Conn
	addr *net.TCPAddr
	at   *crossroads
}

func (c comesFrom) SetReadDeadline(t time.Time) error {
	c.at.deadline.Store(&t)
	return c.Conn.SetReadDeadline(t)
}

func (c comesFrom) RemoteAddr() net.Addr { return c.addr }

func (c *crossroads) Accept() (net.Conn, error) {
	select {
	case conn := <-c.conns:
		return conn, nil
	case <-c.done:
		return nil, net.ErrClosed
	}
}

func (c *crossroads) Close() error { close(c.done); return nil }

func (c *crossroads) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// dial returns when the connection is accepted.
func (c *crossroads) dial(t *testing.T, from string) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	c.conns <- comesFrom{server, &net.TCPAddr{IP: net.ParseIP(from), Port: 1234}, c}
	return client
}

// crossing starts doors behind a crossroads; every enrolment connection is kept open.
func crossing(t *testing.T, mod func(*tlsx.DoorsConfig)) *crossroads {
	t.Helper()
	ca, err := tlsx.NewCA("Hill Top", time.Now())
	check(t, err)
	cert, err := ca.IssueServer([]string{"localhost"}, time.Now())
	check(t, err)
	c := &crossroads{conns: make(chan net.Conn), done: make(chan struct{}), let: make(chan struct{}, 1000), refused: make(chan error, 1000)}
	cfg := tlsx.DoorsConfig{CA: ca.Cert, Certificate: func() (*tls.Certificate, error) { return cert, nil }, HandshakeTimeout: time.Hour, HelloTimeout: time.Hour,
		Refused: func(_ net.Addr, err error) { c.refused <- err }}
	mod(&cfg)
	doors := tlsx.NewDoors(c, cfg)
	served, kept := make(chan error, 1), make(chan struct{})
	go func() { served <- doors.Serve() }()
	go func() {
		defer close(kept)
		for {
			conn, err := doors.Enrol.Accept()
			if err != nil {
				return
			}
			c.let <- struct{}{}
			go func() { _, _ = io.Copy(io.Discard, conn); conn.Close() }()
		}
	}()
	t.Cleanup(func() { doors.Close(); <-served; <-kept })
	return c
}

// enrols does the client's side of a handshake.
func enrols(conn net.Conn) (*tls.Conn, error) {
	c := tls.Client(conn, &tls.Config{NextProtos: []string{tlsx.ALPNEnrol}, InsecureSkipVerify: true})
	return c, c.HandshakeContext(context.Background())
}

// closed waits until the other side closes.
func closed(conn net.Conn) bool {
	_, err := conn.Read(make([]byte, 1))
	return err != nil
}

// A host that says nothing, on as many connections as it likes, must not keep
// anybody else out.
func TestOneAddressCannotTakeEveryHandshake(t *testing.T) {
	for name, tc := range map[string]struct{ silent, other string }{
		"IPv4":           {"192.0.2.7", "192.0.2.8"},
		"IPv6":           {"2001:db8:0:1::%d", "2001:db8:0:2::1"},
		"IPv4 as mapped": {"::ffff:192.0.2.7", "192.0.2.8"},
	} {
		t.Run(name, func(t *testing.T) {
			c := crossing(t, func(cfg *tlsx.DoorsConfig) { cfg.MaxHandshakes = 8 })
			for n := range 20 {
				from := tc.silent
				if name == "IPv6" { // every address of the /64 is its own to take
					from = net.IP{0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 15: byte(n)}.String()
				}
				if conn := c.dial(t, from); n >= 2 && !closed(conn) {
					t.Fatalf("connection %d stayed open", n)
				}
			}
			conn, err := enrols(c.dial(t, tc.other))
			if err != nil {
				t.Fatalf("another address is kept out: %v", err)
			}
			conn.Close()
		})
	}
}

// Its own handshakes that are over do not count against an address.
func TestAHandshakeGivesItsPlaceBack(t *testing.T) {
	c := crossing(t, func(cfg *tlsx.DoorsConfig) { cfg.MaxHandshakes = 4 })
	for range 10 {
		c.dial(t, "192.0.2.7").Close()
	}
	// The last one may still be on its way out: then this one is closed.
	for range 1000 {
		if conn, err := enrols(c.dial(t, "192.0.2.7")); err == nil {
			conn.Close()
			return
		}
	}
	t.Error("no place was given back")
}

func TestSilenceBeforeTheHelloEndsSoon(t *testing.T) {
	c := crossing(t, func(cfg *tlsx.DoorsConfig) { cfg.HelloTimeout = time.Millisecond })
	if !closed(c.dial(t, "192.0.2.7")) {
		t.Error("a silent connection stays open")
	}
	if err := <-c.refused; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("refused with %v, want deadline exceeded", err)
	}
}

// The deadline of the hello must not cut the connection later.
func TestTheDeadlineIsLiftedAfterTheHello(t *testing.T) {
	c := crossing(t, func(*tlsx.DoorsConfig) {})
	conn, err := enrols(c.dial(t, "192.0.2.7"))
	check(t, err)
	defer conn.Close()
	<-c.let
	if d := c.deadline.Load(); d == nil || !d.IsZero() {
		t.Errorf("the connection has the deadline %v", d)
	}
}

func TestADoorHoldsSoManyConnections(t *testing.T) {
	c := crossing(t, func(cfg *tlsx.DoorsConfig) { cfg.MaxEnrols = 4 })
	enters := func(from string) *tls.Conn {
		conn, err := enrols(c.dial(t, from))
		check(t, err)
		select {
		case <-c.let:
			return conn
		case <-c.refused:
			conn.Close()
			return nil
		}
	}
	var open []*tls.Conn
	for n := range 4 {
		conn := enters(net.IPv4(192, 0, 2, byte(n)).String())
		if conn == nil {
			t.Fatalf("connection %d was refused", n)
		}
		open = append(open, conn)
	}
	if enters("192.0.2.99") != nil {
		t.Fatal("a fifth connection was let in")
	}
	open[0].Close()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) { // the doors learn of the close in their own time
		if conn := enters("192.0.2.0"); conn != nil {
			if enters("192.0.2.0") != nil {
				t.Error("one place too many was given back")
			}
			return
		}
	}
	t.Error("a place was not given back")
}

// Anybody may open this door: one address has a quarter of it.
func TestOneAddressCannotFillTheEnrolmentDoor(t *testing.T) {
	c := crossing(t, func(cfg *tlsx.DoorsConfig) { cfg.MaxEnrols = 8 })
	for n, from := range []string{"192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.8"} {
		_, err := enrols(c.dial(t, from))
		check(t, err)
		let := false
		select {
		case <-c.let:
			let = true
		case <-c.refused:
		}
		if let != (n != 2) {
			t.Errorf("connection %d: let in %v", n, let)
		}
	}
}
