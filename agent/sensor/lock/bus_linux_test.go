package lock

import (
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

// saver plays a desktop's screen saver on a real session bus.
type saver struct{}

// GetActive is the method that Listen asks for the state at its start.
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
	b, err := Listen(t.Context(), Places{SessionBus: address, SystemBus: "unix:path=" + t.TempDir() + "/none"})
	if err == nil {
		t.Error("a missing system bus was not told")
	}
	defer func() { _ = b.Close() }()
	if b.Count() != 1 {
		t.Fatalf("listens on %d buses", b.Count())
	}
	if ev := <-b.Events(); ev != (Event{name, true}) {
		t.Errorf("at the start: %+v", ev)
	}
	for _, active := range []bool{false, true} {
		if err := gnome.Emit(path, name+".ActiveChanged", active); err != nil {
			t.Fatal(err)
		}
		if ev := <-b.Events(); ev != (Event{name, active}) {
			t.Errorf("got %+v, want %v", ev, active)
		}
	}
}
