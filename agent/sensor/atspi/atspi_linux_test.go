package atspi

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStateChanged(t *testing.T) {
	for _, tc := range []struct {
		name     string
		body     []any
		what     string
		on, isOK bool
	}{
		{"gained", []any{"focused", int32(1), int32(0), "rest"}, "focused", true, true},
		{"lost", []any{"focused", int32(0)}, "focused", false, true},
		{"short", []any{"focused"}, "", false, false},
		{"wrong types", []any{1, "x"}, "", true, false},
		{"empty", nil, "", false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			what, on, ok := stateChanged(tc.body)
			if ok != tc.isOK || ok && (what != tc.what || on != tc.on) {
				t.Errorf("got %q, %v, %v", what, on, ok)
			}
		})
	}
}

func TestStates(t *testing.T) {
	o := Object{}.WithStates(StateEditable, 34)
	if !o.Has(StateEditable) || !o.Has(34) || o.Has(StateFocused) || (Object{}).Has(StateActive) {
		t.Errorf("states %v", o.states)
	}
}

// A place that is not known is apart from none: what stands there may be the same
// field, a password that is shown now.
func TestApart(t *testing.T) {
	here := Place{X: 200, Y: 112, Width: 190, Height: 23}
	for _, tc := range []struct {
		name string
		q    Place
		want bool
	}{
		{"the same", here, false},
		{"wider by a button", Place{X: 200, Y: 112, Width: 220, Height: 23}, false},
		{"below", Place{X: 200, Y: 150, Width: 190, Height: 23}, true},
		{"beside", Place{X: 400, Y: 112, Width: 190, Height: 23}, true},
		{"nothing said", Place{}, false},
		{"not laid out yet", Place{X: -1, Y: -1, Width: -1, Height: -1}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := here.Apart(tc.q); got != tc.want {
				t.Errorf("apart %v", got)
			}
			if got := tc.q.Apart(here); got != tc.want {
				t.Errorf("apart %v the other way round", got)
			}
		})
	}
}

func TestRuntimeDirIsWhereTheBusIs(t *testing.T) {
	if got := (Places{RuntimeDir: t.TempDir()}).sessionBus(); got != "" {
		t.Errorf("found %q where there is no bus", got)
	}
	if got := (Places{SessionBus: "unix:path=/x", RuntimeDir: "/y"}).sessionBus(); got != "unix:path=/x" {
		t.Errorf("got %q", got)
	}
}

func TestNoBus(t *testing.T) {
	_, err := Connect(t.Context(), Places{SessionBus: "unix:path=" + t.TempDir() + "/none"}, nil)
	if !errors.Is(err, ErrNoBus) {
		t.Errorf("error %v", err)
	}
}

// TestRealApplication finds the focus of an editor that had it before anyone
// listened, both through the session bus and through the root window's property.
func TestRealApplication(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d, err := desktop.Start(ctx, desktop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop() })
	p, err := d.Start("mousepad", "--disable-server")
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.Window(ctx, "mousepad")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Activate(ctx, w); err != nil {
		t.Fatal(err)
	}
	property, err := d.Run(ctx, "sh", "-c", `until xprop -root AT_SPI_BUS | grep -q unix; do sleep 0.05; done; xprop -root AT_SPI_BUS | cut -d'"' -f2`)
	if err != nil {
		t.Fatal(err)
	}
	pace := socket.NewPace()
	pace.Hold(false)
	for name, tc := range map[string]struct {
		places Places
		pace   *socket.Pace
	}{
		"session bus":   {Places{SessionBus: d.Getenv("DBUS_SESSION_BUS_ADDRESS")}, nil},
		"runtime dir":   {Places{RuntimeDir: d.Getenv("XDG_RUNTIME_DIR")}, pace},
		"root property": {Places{RootProperty: property}, pace},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Connect(ctx, tc.places, tc.pace)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = c.Close()
				for range c.Events() {
				}
			}()
			pid := uint32(p.PID())
			if !c.Has(pid) {
				t.Fatalf("process %s is not on the bus", strconv.Itoa(p.PID()))
			}
			ref, err := c.FindFocus(ctx, pid)
			if err != nil {
				t.Fatal(err)
			}
			o, err := c.Describe(ctx, ref)
			if err != nil || !o.Has(StateEditable) || !o.Has(StateFocused) || o.Password {
				t.Errorf("object %+v, %v", o, err)
			}
			if address, err := c.Address(ctx, ref); err != nil || address != "" {
				t.Errorf("address %q, %v of an editor", address, err)
			}
			if _, err := c.FindFocus(ctx, 1); !errors.Is(err, ErrNoFocus) {
				t.Errorf("focus of a process that is not on the bus: %v", err)
			}
		})
	}
}

// TestFocusAmongSeveral: in a Qt editor the text has the focus, and so say its
// tab, and the frame inside it.
func TestFocusAmongSeveral(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d, err := desktop.Start(ctx, desktop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop() })
	c, err := Connect(ctx, Places{SessionBus: d.Getenv("DBUS_SESSION_BUS_ADDRESS")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	focused := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ev := range c.Events() {
			if _, ok := ev.(Focused); ok {
				select {
				case focused <- struct{}{}:
				default:
				}
			}
		}
	}()
	defer func() { _ = c.Close(); <-ended }()
	p, err := d.Start("featherpad")
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.Window(ctx, "featherpad")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Activate(ctx, w); err != nil {
		t.Fatal(err)
	}
	select {
	case <-focused:
	case <-ctx.Done():
		t.Fatal("the editor tells of no focus")
	}
	ref, err := c.FindFocus(ctx, uint32(p.PID()))
	if err != nil {
		t.Fatal(err)
	}
	if o, err := c.Describe(ctx, ref); err != nil || !o.Has(StateEditable) || !o.Has(StateFocused) {
		t.Errorf("object %+v, %v", o, err)
	}
}
