package lock

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

// saver plays a desktop's screen saver on a real session bus.
type saver struct{}

// GetActive is the method that Savers asks for the state at its start.
func (saver) GetActive() (bool, *dbus.Error) { return true, nil }

func TestScreenSaverOnARealBus(t *testing.T) {
	d, err := desktop.Start(t.Context(), desktop.Options{NoWindowManager: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop() })
	address := d.Getenv("DBUS_SESSION_BUS_ADDRESS")
	gnome, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer gnome.Close()
	const name, path = "org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"
	if err := gnome.Export(saver{}, path, name); err != nil {
		t.Fatal(err)
	}
	if reply, err := gnome.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	b, err := Savers(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	// One that is not there is told too: it may have been, before a connection
	// was lost.
	if len(b.First) != len(savers()) {
		t.Errorf("at the start: %+v", b.First)
	}
	for _, ev := range b.First {
		if ev.Locked != (ev.Source == name) {
			t.Errorf("at the start: %+v", ev)
		}
	}
	for _, active := range []bool{false, true} {
		if err := gnome.Emit(path, name+".ActiveChanged", active); err != nil {
			t.Fatal(err)
		}
		if ev := <-b.Events(); ev != (Event{Source: name, Locked: active}) {
			t.Errorf("got %+v, want %v", ev, active)
		}
	}
	// A bus without logind misses none.
	if _, err := Logind(t.Context(), address, ""); !errors.Is(err, ErrAbsent) {
		t.Errorf("logind where there is none: %v", err)
	}
}

// TestSilentBusIsNotAbsent: a bus that accepts and says nothing is given up
// when its own bound ends, and is missed.
func TestSilentBusIsNotAbsent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Savers(ctx, "unix:path="+path); err == nil || errors.Is(err, ErrAbsent) {
		t.Errorf("error %v", err)
	}
}
