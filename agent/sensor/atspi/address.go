package atspi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/godbus/dbus/v5"
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
	conn, err := connect(ctx, session)
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

// connect dials and greets a bus; ctx bounds the greeting, not the connection.
func connect(ctx context.Context, address string, opts ...dbus.ConnOption) (*dbus.Conn, error) {
	conn, err := dbus.Dial(address, opts...)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
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
