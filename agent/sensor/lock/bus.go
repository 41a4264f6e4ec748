package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Places are the buses on which desktops tell that they lock.
type Places struct {
	// SessionBus is the address of the session bus, empty when there is none.
	SessionBus string
	// SystemBus is the address of the system bus; logind is there.
	SystemBus string
	// SessionID is logind's XDG_SESSION_ID; empty means: the session of this process.
	SessionID string
}

// DefaultSystemBus is where the system bus is unless DBUS_SYSTEM_BUS_ADDRESS says otherwise.
const DefaultSystemBus = "unix:path=/run/dbus/system_bus_socket"

// savers are the names under which desktops offer the screen saver's interface
// of the same name, with the signal ActiveChanged(b) and the method GetActive.
func savers() []string {
	return []string{
		"org.gnome.ScreenSaver", "org.freedesktop.ScreenSaver", "org.cinnamon.ScreenSaver",
		"org.mate.ScreenSaver", "org.xfce.ScreenSaver", "org.kde.screensaver",
	}
}

// Buses listens on both buses. Its events end when both connections have.
type Buses struct {
	conns  []*dbus.Conn
	events chan Event
}

// Listen connects to whatever of the two buses there is. It returns an error,
// and still a usable Buses, when either is missing; both missing is an empty
// one. ctx bounds the connecting.
func Listen(ctx context.Context, p Places) (*Buses, error) {
	b := &Buses{events: make(chan Event, 16)}
	var errs []error
	running := make(chan struct{})
	start := func(name, address string, subscribe func(context.Context, *dbus.Conn) ([]Event, error)) {
		conn, first, signals, err := open(ctx, address, subscribe)
		if err != nil {
			errs = append(errs, fmt.Errorf("listen on %s: %w", name, err))
			return
		}
		b.conns = append(b.conns, conn)
		go b.run(first, signals, running)
	}
	start("session bus", p.SessionBus, subscribeSavers)
	start("system bus", p.SystemBus, func(ctx context.Context, c *dbus.Conn) ([]Event, error) {
		return subscribeLogind(ctx, c, p.SessionID)
	})
	n := len(b.conns)
	go func() {
		for range n {
			<-running
		}
		close(b.events)
	}()
	return b, errors.Join(errs...)
}

// Events is closed when no bus is left.
func (b *Buses) Events() <-chan Event { return b.events }

// Count says how many buses are listened on.
func (b *Buses) Count() int { return len(b.conns) }

// Close ends the connections; read Events until it is closed, or the last
// events are waited with for ever.
func (b *Buses) Close() error {
	var errs []error
	for _, c := range b.conns {
		errs = append(errs, c.Close())
	}
	for range b.events {
	}
	return errors.Join(errs...)
}

func (b *Buses) run(first []Event, signals <-chan *dbus.Signal, done chan<- struct{}) {
	defer func() { done <- struct{}{} }()
	for _, ev := range first {
		b.events <- ev
	}
	for s := range signals {
		if ev, ok := eventOf(s); ok {
			b.events <- ev
		}
	}
}

func open(ctx context.Context, address string, subscribe func(context.Context, *dbus.Conn) ([]Event, error)) (*dbus.Conn, []Event, <-chan *dbus.Signal, error) {
	if address == "" {
		return nil, nil, nil, errors.New("no address")
	}
	conn, err := dbus.Dial(address, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("dial: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	greet := func() ([]Event, error) {
		if err := conn.Auth(nil); err != nil {
			return nil, fmt.Errorf("authenticate: %w", err)
		}
		if err := conn.Hello(); err != nil {
			return nil, fmt.Errorf("greet: %w", err)
		}
		return subscribe(ctx, conn)
	}
	first, err := greet()
	if err != nil {
		return nil, nil, nil, errors.Join(err, conn.Close())
	}
	return conn, first, signals, nil
}

func subscribeSavers(ctx context.Context, c *dbus.Conn) ([]Event, error) {
	var first []Event
	for _, name := range savers() {
		if err := c.AddMatchSignalContext(ctx, dbus.WithMatchInterface(name), dbus.WithMatchMember("ActiveChanged")); err != nil {
			return nil, fmt.Errorf("add match: %w", err)
		}
		path := dbus.ObjectPath("/" + strings.ReplaceAll(name, ".", "/"))
		var active bool
		// Ask without starting what does not run; most of them are not there.
		call := c.Object(name, path).CallWithContext(ctx, name+".GetActive", dbus.FlagNoAutoStart)
		if call.Store(&active) == nil && active {
			first = append(first, Event{Source: name, Locked: true})
		}
	}
	return first, nil
}

const logindSession = "org.freedesktop.login1.Session"

func subscribeLogind(ctx context.Context, c *dbus.Conn, id string) ([]Event, error) {
	manager := c.Object("org.freedesktop.login1", "/org/freedesktop/login1")
	call := manager.CallWithContext(ctx, "org.freedesktop.login1.Manager.GetSessionByPID", 0, uint32(os.Getpid()))
	if id != "" {
		call = manager.CallWithContext(ctx, "org.freedesktop.login1.Manager.GetSession", 0, id)
	}
	var path dbus.ObjectPath
	if err := call.Store(&path); err != nil {
		return nil, fmt.Errorf("find session: %w", err)
	}
	err := c.AddMatchSignalContext(ctx, dbus.WithMatchObjectPath(path),
		dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchMember("PropertiesChanged"))
	if err != nil {
		return nil, fmt.Errorf("add match: %w", err)
	}
	hint, err := c.Object("org.freedesktop.login1", path).GetProperty(logindSession + ".LockedHint")
	if err != nil {
		return nil, fmt.Errorf("read LockedHint: %w", err)
	}
	locked, _ := hint.Value().(bool)
	return []Event{{Source: logindSession, Locked: locked}}, nil
}

// eventOf reads ActiveChanged of a screen saver and LockedHint of logind.
// logind's signal Lock is only a request, and is not looked at.
func eventOf(s *dbus.Signal) (Event, bool) {
	if name, ok := strings.CutSuffix(s.Name, ".ActiveChanged"); ok && slices.Contains(savers(), name) && len(s.Body) == 1 {
		active, ok := s.Body[0].(bool)
		return Event{Source: name, Locked: active}, ok
	}
	if s.Name != "org.freedesktop.DBus.Properties.PropertiesChanged" || len(s.Body) < 2 || s.Body[0] != logindSession {
		return Event{}, false
	}
	changed, ok := s.Body[1].(map[string]dbus.Variant)
	if !ok {
		return Event{}, false
	}
	hint, ok := changed["LockedHint"]
	if !ok {
		return Event{}, false
	}
	locked, ok := hint.Value().(bool)
	return Event{Source: logindSession, Locked: locked}, ok
}
