package wayland

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// compositor plays one on a socket: it answers the registry with these globals.
func compositor(t *testing.T, globals []string, then func(conn net.Conn)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "wayland-1")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		for range 2 { // get_registry and sync
			if _, err := read(r); err != nil {
				return
			}
		}
		for i, name := range globals {
			conn.Write(request(registry, registryGlobal, uint32(i+1), name, uint32(3)))
		}
		conn.Write(request(callback, 0, uint32(0)))
		if then != nil {
			if _, err := read(r); err == nil { // bind
				then(conn)
			}
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return path
}

func TestFollowsTheWindowInFront(t *testing.T) {
	const a, b = serverIDs, serverIDs + 1
	activated := func(id uint32) []byte {
		m := request(id, toplevelState, uint32(4), uint32(stateActivated))
		return m
	}
	path := compositor(t, []string{"wl_compositor", managerInterface}, func(conn net.Conn) {
		for _, m := range [][]byte{
			request(manager, managerToplevel, uint32(a)), request(manager, managerToplevel, uint32(b)),
			request(a, toplevelTitle, "Essay – ünï"), request(a, toplevelApp, "mousepad"), activated(a), request(a, toplevelDone),
			request(b, toplevelTitle, "other"), request(b, toplevelApp, "foot"), request(b, toplevelState, uint32(0)), request(b, toplevelDone),
			request(a, toplevelState, uint32(0)), activated(b), request(b, toplevelDone),
			request(b, toplevelTitle, "renamed"), request(b, toplevelDone),
			request(b, toplevelClosed),
		} {
			conn.Write(m)
		}
		_, _ = read(bufio.NewReader(conn)) // destroy
	})
	c, err := Connect(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, want := range []Front{{"mousepad", "Essay – ünï"}, {"foot", "other"}, {"foot", "renamed"}, {}} {
		if got := <-c.Events(); got != want {
			t.Errorf("in front %+v, want %+v", got, want)
		}
	}
	if _, ok := <-c.Events(); ok {
		t.Error("the events go on after the end")
	}
}

func TestNoProtocolIsSaid(t *testing.T) {
	if _, err := Connect(t.Context(), compositor(t, []string{"wl_compositor", "xdg_wm_base"}, nil)); !errors.Is(err, ErrNoToplevels) {
		t.Errorf("error %v", err)
	}
}

// FuzzEvents: whatever a compositor sends, the client ends or goes on.
func FuzzEvents(f *testing.F) {
	f.Add(append(request(manager, managerToplevel, uint32(serverIDs)), request(serverIDs, toplevelTitle, "x")...))
	f.Add(request(display, displayError, uint32(1), uint32(2), "no"))
	f.Add([]byte{0, 0, 0, 255, 4, 0, 16, 0, 255, 255, 255, 255, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		near, far := net.Pipe()
		defer far.Close()
		defer near.Close()
		go func() { _, _ = bytes.NewBuffer(nil).ReadFrom(far) }()
		c := &Toplevels{conn: near, windows: map[uint32]*toplevel{}}
		for r := bytes.NewReader(b); ; {
			m, err := read(r)
			if err != nil {
				return
			}
			if _, _, err := c.take(m); err != nil {
				return
			}
		}
	})
}
