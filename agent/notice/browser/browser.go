// Package browser opens an address in the person's own browser, and tells
// whether the desktop has a screen reader on.
//
// A program that the service started has the service's bounds: no browser works
// in them. So the desktop is asked first to start it itself, by the portal
// (org.freedesktop.portal.OpenURI), and xdg-open only where there is none.
//
// It may import godbus and the standard library.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/godbus/dbus/v5"
)

// bound of one question to the desktop; a portal that starts for it included.
const bound = 10 * time.Second

// ErrNone says that nothing on this desktop opens addresses.
var ErrNone = errors.New("no browser could be opened on this desktop")

// Open has the desktop open url. nil means that it took it, not that anybody sees it.
func Open(ctx context.Context, getenv func(string) string, url string) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	if byPortal(ctx, getenv, url) == nil {
		return nil
	}
	program, err := exec.LookPath("xdg-open")
	if err != nil {
		return ErrNone
	}
	if err := exec.CommandContext(ctx, program, url).Run(); err != nil {
		return ErrNone
	}
	return nil
}

func byPortal(ctx context.Context, getenv func(string) string, url string) error {
	conn, err := sessionBus(ctx, getenv)
	if err != nil {
		return err
	}
	defer conn.Close()
	portal := conn.Object("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop")
	return portal.CallWithContext(ctx, "org.freedesktop.portal.OpenURI.OpenURI", 0, "", url, map[string]dbus.Variant{}).Err
}

// ScreenReader reports whether the desktop says that one is on.
func ScreenReader(ctx context.Context, getenv func(string) string) bool {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	conn, err := sessionBus(ctx, getenv)
	if err != nil {
		return false
	}
	defer conn.Close()
	var on dbus.Variant
	err = conn.Object("org.a11y.Bus", "/org/a11y/bus").CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
		"org.a11y.Status", "ScreenReaderEnabled").Store(&on)
	is, ok := on.Value().(bool)
	return err == nil && ok && is
}

// sessionBus never starts a bus: one that the desktop has not is no way to it.
func sessionBus(ctx context.Context, getenv func(string) string) (*dbus.Conn, error) {
	address := getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" && getenv("XDG_RUNTIME_DIR") != "" {
		address = "unix:path=" + filepath.Join(getenv("XDG_RUNTIME_DIR"), "bus")
	}
	if address == "" {
		return nil, ErrNone
	}
	conn, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("ask the desktop: %w", err)
	}
	return conn, nil
}
