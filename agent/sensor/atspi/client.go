package atspi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
)

// Client is a connection to one accessibility bus. Its methods are safe for
// concurrent use.
type Client struct {
	conn   *dbus.Conn
	text   *dbus.Conn // what tells of text; may be conn
	events chan Event
	// changes of text, when they have a connection of their own.
	changes chan Event
	quit    chan struct{}
	once    sync.Once

	// mu guards pids: the process behind each unique name on the bus.
	mu   sync.Mutex
	pids map[string]uint32
}

// Connect finds the accessibility bus, and asks every application on it for
// its focus changes and what changes in its texts. It returns an error that
// wraps ErrNoBus when the session has none. ctx bounds the connecting, not the
// connection.
//
// With a pace, changes of text come at it, over a connection of their own, and
// all others at once. So the order of the two is lost, which is no harm where keys
// are heard too: Changed names the object that it belongs to. Without a pace
// everything comes in the bus's order.
func Connect(ctx context.Context, places Places, pace *socket.Pace) (*Client, error) {
	address, err := places.find(ctx)
	if err != nil {
		return nil, err
	}
	c := &Client{events: make(chan Event, 64), changes: make(chan Event, 64), quit: make(chan struct{}), pids: map[string]uint32{}}
	c.conn, err = connect(ctx, address, nil, nil, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err != nil {
		return nil, fmt.Errorf("connect to accessibility bus: %w: %w", ErrNoBus, err)
	}
	c.text = c.conn
	if pace != nil {
		c.text, err = connect(ctx, address, pace, c.changed)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connect to accessibility bus: %w: %w", ErrNoBus, err), c.conn.Close())
		}
	}
	signals := make(chan *dbus.Signal, 64)
	c.conn.Signal(signals)
	if err := c.subscribe(ctx); err != nil {
		return nil, fmt.Errorf("watch accessibility bus: %w", errors.Join(err, c.Close()))
	}
	go c.run(signals)
	return c, nil
}

// wantedEvents are what applications are asked to send. Each costs them work, so
// there are no more: focus tells which field has the keys, changes what appears
// in it.
var wantedEvents = []string{"object:state-changed:focused", "object:text-changed"}

func (c *Client) subscribe(ctx context.Context) error {
	matches := []struct {
		conn *dbus.Conn
		what []dbus.MatchOption
	}{
		{c.conn, []dbus.MatchOption{dbus.WithMatchInterface("org.a11y.atspi.Event.Object"), dbus.WithMatchMember("StateChanged"), dbus.WithMatchArg(0, "focused")}},
		{c.text, []dbus.MatchOption{dbus.WithMatchInterface("org.a11y.atspi.Event.Object"), dbus.WithMatchMember("TextChanged")}},
		{c.conn, []dbus.MatchOption{dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged")}},
	}
	for _, m := range matches {
		if err := m.conn.AddMatchSignalContext(ctx, m.what...); err != nil {
			return fmt.Errorf("add match: %w", err)
		}
	}
	registry := c.conn.Object("org.a11y.atspi.Registry", "/org/a11y/atspi/registry")
	for _, event := range wantedEvents {
		if err := registry.CallWithContext(ctx, "org.a11y.atspi.Registry.RegisterEvent", 0, event).Err; err != nil {
			return fmt.Errorf("register for events: %w", err)
		}
	}
	var names []string
	if err := c.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil {
		return fmt.Errorf("list names: %w", err)
	}
	for _, name := range names {
		if name != "" && name[0] == ':' && name != c.conn.Names()[0] && name != c.text.Names()[0] {
			c.learn(ctx, name)
		}
	}
	return nil
}

// learn asks the bus, which asks the kernel, for the process behind a name.
func (c *Client) learn(ctx context.Context, name string) (uint32, bool) {
	c.mu.Lock()
	pid, known := c.pids[name]
	c.mu.Unlock()
	if known {
		return pid, true
	}
	if err := c.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionUnixProcessID", 0, name).Store(&pid); err != nil {
		return 0, false // it has left again
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pids[name] = pid
	return pid, true
}

// Events is closed when the bus has gone, or Close was called.
func (c *Client) Events() <-chan Event { return c.events }

// Has reports whether a process is on the bus, that is, whether its windows
// are accessible.
func (c *Client) Has(pid uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pids {
		if p == pid {
			return true
		}
	}
	return false
}

// Close ends the connections; Events is closed soon after.
func (c *Client) Close() error {
	c.once.Do(func() { close(c.quit) })
	err := c.conn.Close()
	if c.text != nil && c.text != c.conn {
		err = errors.Join(err, c.text.Close())
	}
	return err
}

// run turns signals into events until a connection has ended; then both do.
func (c *Client) run(signals <-chan *dbus.Signal) {
	defer close(c.events)
	defer func() { _ = c.Close() }()
	for {
		var ev Event
		select {
		case s, ok := <-signals:
			if !ok {
				return
			}
			ev = c.event(s)
		case ev = <-c.changes:
		case <-c.text.Context().Done():
			return
		}
		if ev == nil {
			continue
		}
		select {
		case c.events <- ev:
		case <-c.quit:
			return
		}
	}
}

// changed takes a change of text from the connection for those.
func (c *Client) changed(sender string, ev Changed) {
	pid, known := c.learn(c.conn.Context(), sender)
	if !known {
		return
	}
	ev.PID = pid
	select {
	case c.changes <- ev:
	case <-c.quit:
	}
}

func (c *Client) event(s *dbus.Signal) Event {
	switch s.Name {
	case "org.freedesktop.DBus.NameOwnerChanged":
		return c.nameOwnerChanged(s)
	case "org.a11y.atspi.Event.Object.StateChanged":
		what, on, ok := stateChanged(s.Body)
		if !ok || what != "focused" {
			return nil
		}
		pid, known := c.learn(c.conn.Context(), s.Sender)
		if !known {
			return nil
		}
		ref := Ref{Sender: s.Sender, Path: string(s.Path)}
		if on {
			return Focused{Ref: ref, PID: pid}
		}
		return Blurred{Ref: ref, PID: pid}
	case "org.a11y.atspi.Event.Object.TextChanged":
		ev, ok := textChanged(s.Body)
		if !ok {
			return nil
		}
		if ev.PID, ok = c.learn(c.conn.Context(), s.Sender); !ok {
			return nil
		}
		ev.Ref = Ref{Sender: s.Sender, Path: string(s.Path)}
		return ev
	}
	return nil
}

// textChanged reads the body (what, offset, length, text, …) of a TextChanged
// event; what may have a detail behind a slash or colon ("insert/system").
func textChanged(body []any) (ev Changed, ok bool) {
	if len(body) < 4 {
		return ev, false
	}
	what, ok1 := body[0].(string)
	offset, ok2 := body[1].(int32)
	length, ok3 := body[2].(int32)
	text, ok4 := body[3].(dbus.Variant)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return ev, false
	}
	words, ok := text.Value().(string)
	if !ok && strings.HasPrefix(what, "insert") {
		return ev, false
	}
	return change(what, offset, length, words)
}

// lines: Qt ends paragraphs and lines with characters of their own.
var lines = strings.NewReplacer("\u2029", "\n", "\u2028", "\n")

// change is an event's values as a change; false if they are none.
func change(what string, offset, length int32, text string) (ev Changed, ok bool) {
	ev = Changed{Offset: int(offset), Length: int(length), Text: lines.Replace(text)}
	switch {
	case length < 0:
	case strings.HasPrefix(what, "insert"):
		ev.Inserted = true
		// GTK 4.8 tells of a paste at its length too far to the left.
		ev.Offset = max(ev.Offset, 0)
		return ev, text != ""
	case strings.HasPrefix(what, "delete"):
		return ev, offset >= 0
	}
	return Changed{}, false
}

// stateChanged reads the body (state, on, …) of a StateChanged event. The rest
// differs between versions of at-spi2 and does not matter.
func stateChanged(body []any) (what string, on, ok bool) {
	if len(body) < 2 {
		return "", false, false
	}
	what, ok1 := body[0].(string)
	detail, ok2 := body[1].(int32)
	return what, detail != 0, ok1 && ok2
}

func (c *Client) nameOwnerChanged(s *dbus.Signal) Event {
	if len(s.Body) < 3 {
		return nil
	}
	name, ok1 := s.Body[0].(string)
	owner, ok2 := s.Body[2].(string)
	if !ok1 || !ok2 || name == "" || name[0] != ':' {
		return nil
	}
	if owner == "" {
		c.mu.Lock()
		delete(c.pids, name)
		c.mu.Unlock()
		return nil
	}
	if pid, ok := c.learn(c.conn.Context(), name); ok {
		return Joined{PID: pid}
	}
	return nil
}
