package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

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

// ErrAbsent says that this system has no such source, so that none is missing.
var ErrAbsent = errors.New("not on this system")

// Bus is one bus that is listened on.
type Bus struct {
	// First is what was true when the listening began, of every source.
	First  []Event
	conn   *dbus.Conn
	events chan Event
}

// Savers listens to the screen savers on the session bus at an address; ctx
// bounds the connecting. The error is ErrAbsent when there is no such bus.
func Savers(ctx context.Context, address string) (*Bus, error) {
	b, err := listen(ctx, address, subscribeSavers)
	if err != nil {
		return nil, fmt.Errorf("listen on session bus: %w", err)
	}
	return b, nil
}

// Logind listens to logind on the system bus at an address. session is logind's
// XDG_SESSION_ID; empty means the session of this process. ctx bounds the
// connecting. The error is ErrAbsent when there is no such bus or no logind.
func Logind(ctx context.Context, address, session string) (*Bus, error) {
	b, err := listen(ctx, address, func(ctx context.Context, c *dbus.Conn) ([]Event, error) {
		return subscribeLogind(ctx, c, session)
	})
	if err != nil {
		return nil, fmt.Errorf("listen on system bus: %w", err)
	}
	return b, nil
}

func listen(ctx context.Context, address string, subscribe func(context.Context, *dbus.Conn) ([]Event, error)) (*Bus, error) {
	conn, first, signals, err := open(ctx, address, subscribe)
	if err != nil {
		return nil, err
	}
	b := &Bus{First: first, conn: conn, events: make(chan Event, 16)}
	go b.run(signals)
	return b, nil
}

// Events is closed when the connection ends.
func (b *Bus) Events() <-chan Event { return b.events }

// Close ends the connection and discards the events that nobody has read.
func (b *Bus) Close() error {
	err := b.conn.Close()
	for range b.events {
	}
	return err
}

func (b *Bus) run(signals <-chan *dbus.Signal) {
	defer close(b.events)
	for s := range signals {
		for _, ev := range eventsOf(s) {
			b.events <- ev
		}
	}
}

func open(ctx context.Context, address string, subscribe func(context.Context, *dbus.Conn) ([]Event, error)) (*dbus.Conn, []Event, <-chan *dbus.Signal, error) {
	if address == "" {
		return nil, nil, nil, ErrAbsent
	}
	conn, err := dbus.Dial(address, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil, ErrAbsent
	}
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
		if call.Store(&active) != nil {
			active = false // not there, so nothing that it once said holds
		}
		first = append(first, Event{Source: name, Locked: active})
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
		var refused dbus.Error
		if errors.As(err, &refused) && refused.Name == "org.freedesktop.DBus.Error.ServiceUnknown" {
			return nil, ErrAbsent
		}
		return nil, fmt.Errorf("find session: %w", err)
	}
	err := c.AddMatchSignalContext(ctx, dbus.WithMatchObjectPath(path),
		dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchMember("PropertiesChanged"))
	if err != nil {
		return nil, fmt.Errorf("add match: %w", err)
	}
	properties := map[string]dbus.Variant{}
	get := c.Object("org.freedesktop.login1", path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.GetAll", 0, logindSession)
	if err := get.Store(&properties); err != nil {
		return nil, fmt.Errorf("read the session's properties: %w", err)
	}
	return hints(properties), nil
}

// eventsOf reads ActiveChanged of a screen saver, and the hints of logind.
// logind's signal Lock is only a request, and is not looked at.
func eventsOf(s *dbus.Signal) []Event {
	if name, ok := strings.CutSuffix(s.Name, ".ActiveChanged"); ok && slices.Contains(savers(), name) && len(s.Body) == 1 {
		if active, ok := s.Body[0].(bool); ok {
			return []Event{{Source: name, Locked: active}}
		}
		return nil
	}
	if s.Name != "org.freedesktop.DBus.Properties.PropertiesChanged" || len(s.Body) < 2 || s.Body[0] != logindSession {
		return nil
	}
	changed, _ := s.Body[1].(map[string]dbus.Variant)
	return hints(changed)
}

// hints reads LockedHint and IdleHint among a session's properties.
func hints(properties map[string]dbus.Variant) (events []Event) {
	if isLocked, ok := properties["LockedHint"].Value().(bool); ok {
		events = append(events, Event{Source: logindSession, Locked: isLocked})
	}
	if away, ok := properties["IdleHint"].Value().(bool); ok {
		since, _ := properties["IdleSinceHint"].Value().(uint64)
		events = append(events, Event{Source: logindSession, Idle: &Idle{Away: away, Since: time.UnixMicro(int64(min(since, 1<<62)))}})
	}
	return events
}
