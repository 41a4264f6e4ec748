package wayland

import (
	"bufio"
	"context"
	"fmt"
	"net"
)

// Objects of this client; the compositor's own have numbers from serverIDs on.
const (
	display   = 1
	registry  = 2
	callback  = 3
	manager   = 4
	serverIDs = 0xff000000
)

// Numbers of requests and events (wayland.xml,
// wlr-foreign-toplevel-management-unstable-v1.xml).
const (
	displaySync, displayRegistry            = 0, 1
	displayError                            = 0
	registryBind                            = 0
	registryGlobal                          = 0
	managerToplevel, managerFinished        = 0, 1
	toplevelTitle, toplevelApp              = 0, 1
	toplevelState, toplevelDone             = 4, 5
	toplevelClosed, toplevelDestroy         = 6, 7
	stateActivated                          = 2
	managerVersion                   uint32 = 3
)

const managerInterface = "zwlr_foreign_toplevel_manager_v1"

// maxToplevels bounds what is remembered of a compositor that forgets to close.
const maxToplevels = 1024

// Toplevels is a connection to a compositor.
type Toplevels struct {
	conn   net.Conn
	events chan Front
	quit   chan struct{}

	windows map[uint32]*toplevel
	front   Front
}

type toplevel struct {
	Front
	active bool
}

// Connect connects to the compositor at a socket and asks for its windows; ctx
// bounds the connecting. The error wraps ErrNoToplevels when it does not tell.
func Connect(ctx context.Context, socket string) (*Toplevels, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("connect to compositor: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	t := &Toplevels{conn: conn, events: make(chan Front, 16), quit: make(chan struct{}), windows: map[uint32]*toplevel{}}
	r := bufio.NewReaderSize(conn, 4096)
	if err := t.bind(r); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to compositor: %w", err)
	}
	go t.run(r)
	return t, nil
}

// Events tells the window in front whenever it, or its title, changes. It is
// closed when the connection has ended.
func (t *Toplevels) Events() <-chan Front { return t.events }

// Close ends the connection. Call it once.
func (t *Toplevels) Close() error {
	close(t.quit)
	return t.conn.Close()
}

// bind finds the manager among the compositor's globals and binds it.
func (t *Toplevels) bind(r *bufio.Reader) error {
	hello := append(request(display, displayRegistry, uint32(registry)), request(display, displaySync, uint32(callback))...)
	if _, err := t.conn.Write(hello); err != nil {
		return err
	}
	bound := false
	for {
		m, err := read(r)
		if err != nil {
			return err
		}
		switch {
		case m.object == display && m.opcode == displayError:
			return errorOf(m)
		case m.object == callback:
			if !bound {
				return ErrNoToplevels
			}
			return nil
		case m.object == registry && m.opcode == registryGlobal:
			number, err1 := m.uint()
			name, err2 := m.string()
			version, err3 := m.uint()
			if err1 != nil || err2 != nil || err3 != nil {
				return errTruncated
			}
			if name != managerInterface || bound {
				continue
			}
			bound = true
			ask := request(registry, registryBind, number, name, min(version, managerVersion), uint32(manager))
			if _, err := t.conn.Write(ask); err != nil {
				return err
			}
		}
	}
}

// errorOf reads the compositor's last words. They hold no title.
func errorOf(m message) error {
	if _, err := m.uint(); err != nil {
		return err
	}
	code, err := m.uint()
	if err != nil {
		return err
	}
	return fmt.Errorf("the compositor refused with code %d", code)
}

func (t *Toplevels) run(r *bufio.Reader) {
	defer close(t.events)
	for {
		m, err := read(r)
		if err != nil {
			return
		}
		front, changed, err := t.take(m)
		if err != nil {
			t.conn.Close()
			return
		}
		if !changed {
			continue
		}
		select {
		case t.events <- front:
		case <-t.quit:
			return
		}
	}
}

// take takes one event; changed says that the window in front is another, or
// has another title.
func (t *Toplevels) take(m message) (front Front, changed bool, err error) {
	switch {
	case m.object == display && m.opcode == displayError:
		return Front{}, false, errorOf(m)
	case m.object == manager && m.opcode == managerToplevel:
		id, err := m.uint()
		if err != nil || id < serverIDs || len(t.windows) >= maxToplevels {
			return Front{}, false, fmt.Errorf("a window numbered %d (%w)", id, err)
		}
		t.windows[id] = &toplevel{}
	case m.object == manager && m.opcode == managerFinished:
		return Front{}, false, ErrNoToplevels
	case t.windows[m.object] != nil:
		return t.window(t.windows[m.object], m)
	}
	return Front{}, false, nil
}

func (t *Toplevels) window(w *toplevel, m message) (front Front, changed bool, err error) {
	switch m.opcode {
	case toplevelTitle:
		w.Title, err = m.string()
	case toplevelApp:
		w.App, err = m.string()
	case toplevelState:
		var states []byte
		states, err = m.bytes()
		w.active = false
		for ; len(states) >= 4; states = states[4:] {
			w.active = w.active || order.Uint32(states) == stateActivated
		}
	case toplevelClosed:
		delete(t.windows, m.object)
		if _, err := t.conn.Write(request(m.object, toplevelDestroy)); err != nil {
			return Front{}, false, err
		}
		front, changed = t.changed()
	case toplevelDone:
		front, changed = t.changed()
	}
	return front, changed, err
}

func (t *Toplevels) changed() (Front, bool) {
	var now Front
	for _, w := range t.windows {
		if w.active {
			now = w.Front
		}
	}
	changed := now != t.front
	t.front = now
	return now, changed
}
