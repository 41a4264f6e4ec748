package session

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/agent/sensor/lock"
	testdesktop "github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

const saverName, saverPath = "org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"

// activeSaver is a desktop's screen saver that has locked.
type activeSaver struct{}

// GetActive says so.
func (activeSaver) GetActive() (bool, *dbus.Error) { return true, nil }

// TestStartedBehindALock: only the session bus knows of this lock.
func TestStartedBehindALock(t *testing.T) {
	e := newEyes(t, testdesktop.Options{})
	gnome, err := dbus.Connect(e.d.Getenv("DBUS_SESSION_BUS_ADDRESS"))
	e.must(err)
	defer gnome.Close()
	e.must(gnome.Export(activeSaver{}, saverPath, saverName))
	_, err = gnome.RequestName(saverName, dbus.NameFlagDoNotQueue)
	e.must(err)
	e.open("xterm", "xterm", "-e", "cat")
	e.start()
	e.typed("letmein9")
	e.keys("Return")
	e.awaitStatus(sensor.Lock, "COVERAGE_STATE_OK", "")
	e.typed("letmein9")
	e.keys("Return")
	e.must(gnome.Emit(saverPath, saverName+".ActiveChanged", false))
	e.await("the end of the lock", func() bool { return len(e.inputs) > 0 && !e.isLocked() })
	e.awaitRole("xterm", capture.RoleNone)
	e.typed("after")
	e.awaitText("after")
	e.never("l")
}

// TestNothingUntilTheBusesAnswer: a bus that accepts and says nothing may know
// of a lock.
func TestNothingUntilTheBusesAnswer(t *testing.T) {
	e := newEyes(t, testdesktop.Options{})
	path := filepath.Join(t.TempDir(), "system")
	listener, err := net.Listen("unix", path)
	e.must(err)
	defer listener.Close()
	e.systemBus = "unix:path=" + path
	e.open("xterm", "xterm", "-e", "cat")
	e.start()
	silent, err := listener.Accept()
	e.must(err)
	e.awaitRole("xterm", capture.RoleNone)
	e.typed("letmein9")
	e.keys("Return")
	e.must(silent.Close())
	e.awaitStatus(sensor.Lock, "COVERAGE_STATE_LIMITED", "lock_source_missing")
	e.await("the end of the wait", func() bool { return !e.isLocked() })
	e.typed("after")
	e.awaitText("after")
	e.never("l")
}

// TestLostLockBusIsTriedAgain: it is missed meanwhile, and heard again.
func TestLostLockBusIsTriedAgain(t *testing.T) {
	d, err := testdesktop.Start(t.Context(), testdesktop.Options{NoWindowManager: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop() })
	address := d.Getenv("DBUS_SESSION_BUS_ADDRESS")
	l := newLocks(Desktop{})
	l.retry = time.Millisecond
	opened := make(chan *lock.Bus, 16)
	refused := false // of the goroutine that asks for the bus
	l.buses = map[string]func(context.Context) (*lock.Bus, error){
		"session": func(ctx context.Context) (*lock.Bus, error) {
			if !refused {
				refused = true
				return nil, errors.New("refused")
			}
			b, err := lock.Savers(ctx, address)
			opened <- b
			return b, err
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	l.start(ctx)
	defer l.wait()
	defer cancel()
	var states []lockState
	for len(states) < 4 {
		ev := <-l.events
		if ev.bus == "" {
			continue
		}
		states = append(states, ev.state)
		if len(states) == 2 {
			// The connection ends, as when the bus is killed.
			if err := (<-opened).Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if want := []lockState{lockMissing, lockListening, lockMissing, lockListening}; !slices.Equal(states, want) {
		t.Errorf("states %v, want %v", states, want)
	}
}

func TestLockStatus(t *testing.T) {
	limited := sensor.Status{State: sensor.Limited, Code: "lock_source_missing"}
	for _, tc := range []struct {
		name            string
		session, system lockState
		want            sensor.Status
	}{
		{"both", lockListening, lockListening, sensor.Status{State: sensor.OK}},
		{"a container", lockListening, lockAbsent, sensor.Status{State: sensor.OK}},
		{"no session bus", lockAbsent, lockListening, sensor.Status{State: sensor.OK}},
		{"one of two", lockListening, lockMissing, limited},
		{"nothing", lockAbsent, lockAbsent, limited},
	} {
		if got := lockStatus(map[string]lockState{"session": tc.session, "system": tc.system}); got != tc.want {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}
