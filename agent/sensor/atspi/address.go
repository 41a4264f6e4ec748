package atspi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
)

// ErrNoBus says that this session has no accessibility bus that can be reached.
var ErrNoBus = errors.New("no accessibility bus")

// Places to look for the accessibility bus, in this order.
type Places struct {
	// SessionBus is DBUS_SESSION_BUS_ADDRESS of the session.
	SessionBus string
	// RuntimeDir is XDG_RUNTIME_DIR of the session; its bus is RuntimeDir/bus.
	RuntimeDir string
	// RootProperty is the property AT_SPI_BUS of the X root window.
	RootProperty string
}

// sessionBus returns the session bus's address, empty when there is none.
func (p Places) sessionBus() string {
	if p.SessionBus != "" {
		return p.SessionBus
	}
	if p.RuntimeDir == "" {
		return ""
	}
	path := filepath.Join(p.RuntimeDir, "bus")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return "unix:path=" + dbus.EscapeBusAddressValue(path)
}

// find returns the accessibility bus's address and tells applications that
// accessibility is wanted.
func (p Places) find(ctx context.Context) (string, error) {
	errs := []error{ErrNoBus}
	if session := p.sessionBus(); session != "" {
		address, err := enable(ctx, session)
		if err == nil {
			return address, nil
		}
		errs = append(errs, err)
	}
	if p.RootProperty != "" {
		return p.RootProperty, nil
	}
	return "", errors.Join(errs...)
}

// enable asks the session bus for the accessibility bus, which starts it, and
// sets IsEnabled, which is enough for Chromium. ScreenReaderEnabled is left
// alone: it would persist in the person's settings.
func enable(ctx context.Context, session string) (string, error) {
	conn, err := connect(ctx, session, nil, nil)
	if err != nil {
		return "", fmt.Errorf("connect to session bus: %w", err)
	}
	defer conn.Close()
	bus := conn.Object("org.a11y.Bus", "/org/a11y/bus")
	var address string
	if err := bus.CallWithContext(ctx, "org.a11y.Bus.GetAddress", 0).Store(&address); err != nil {
		return "", fmt.Errorf("get address of accessibility bus: %w", err)
	}
	set := bus.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Set", 0, "org.a11y.Status", "IsEnabled", dbus.MakeVariant(true))
	if set.Err != nil {
		return "", fmt.Errorf("enable accessibility: %w", set.Err)
	}
	return address, nil
}

// connect dials and greets a bus, whose messages are read at pace; ctx bounds
// the greeting, not the connection. With changed, the bus's changes of text go
// there and not to the connection.
func connect(ctx context.Context, address string, pace *socket.Pace, changed func(string, Changed), opts ...dbus.ConnOption) (*dbus.Conn, error) {
	stream, err := dial(ctx, address, pace)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	var transport io.ReadWriteCloser = stream
	if changed != nil {
		transport = &filter{Stream: stream, changed: changed}
	}
	conn, err := dbus.NewConn(transport, opts...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dial: %w", err), stream.Close())
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := conn.Auth(nil); err != nil {
		conn.Close()
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	if err := conn.Hello(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("greet: %w", err)
	}
	return conn, nil
}

// dial connects to the first address of a list that answers. The buses of a
// session are unix sockets, and no message here carries a file descriptor.
func dial(ctx context.Context, addresses string, pace *socket.Pace) (*socket.Stream, error) {
	err := errors.New("no unix socket in the bus address")
	for address := range strings.SplitSeq(addresses, ";") {
		keys, ok := strings.CutPrefix(address, "unix:")
		if !ok {
			continue
		}
		name := key(keys, "path")
		if abstract := key(keys, "abstract"); abstract != "" {
			name = "@" + abstract
		}
		if name == "" {
			continue
		}
		var d net.Dialer
		var conn net.Conn
		if conn, err = d.DialContext(ctx, "unix", name); err != nil {
			continue
		}
		stream, err := socket.NewStream(conn, pace)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return stream, nil
	}
	return nil, err
}

// key is a value of a bus address, unescaped; empty if it is not there.
func key(keys, name string) string {
	for pair := range strings.SplitSeq(keys, ",") {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			if v, err := dbus.UnescapeBusAddressValue(v); err == nil {
				return v
			}
		}
	}
	return ""
}
