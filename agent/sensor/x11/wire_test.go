package x11

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// greeting is a server's answer with one screen of 800 by 600.
func greeting() []byte {
	body := make([]byte, 32)
	order.PutUint16(body[16:], 3) // vendor "abc"
	body[20], body[21] = 1, 1     // one screen, one format
	body[26], body[27] = 8, 255
	body = append(body, "abc\x00"...)
	body = append(body, make([]byte, 8)...)
	screen := make([]byte, 40)
	order.PutUint32(screen, 0x123)
	order.PutUint16(screen[20:], 800)
	order.PutUint16(screen[22:], 600)
	body = append(body, screen...)
	head := []byte{1, 0, 11, 0, 0, 0, 0, 0}
	order.PutUint16(head[6:], uint16(len(body)/4))
	return append(head, body...)
}

// serve starts a wire whose server reads the greeting and then does what it is told.
func serve(t *testing.T, server func(conn net.Conn)) *wire {
	t.Helper()
	a, b := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer b.Close()
		hello := make([]byte, 12)
		if _, err := io.ReadFull(b, hello); err != nil {
			return
		}
		if _, err := b.Write(greeting()); err == nil {
			server(b)
		}
	}()
	w, err := newWire(a, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.close(); <-done })
	return w
}

// next returns at least n events, or those before the end.
func next(t *testing.T, w *wire, n int) (events [][]byte, end error) {
	t.Helper()
	for len(events) < n {
		<-w.ready
		for {
			more, err := w.take()
			events = append(events, more...)
			if err != nil {
				return events, err
			}
			if len(more) == 0 {
				break
			}
		}
	}
	return events, nil
}

func packet(kind byte, seq uint16, extra int) []byte {
	p := make([]byte, 32+extra)
	p[0] = kind
	order.PutUint16(p[2:], seq)
	if kind == packetReply || kind == packetGeneric {
		order.PutUint32(p[4:], uint32(extra/4))
	}
	return p
}

func TestRepliesFindTheirRequest(t *testing.T) {
	w := serve(t, func(conn net.Conn) {
		// Four requests: two without reply, one whose reply comes after the
		// errors of both and after two events, one that fails.
		request := make([]byte, 4)
		for range 3 {
			if _, err := io.ReadFull(conn, request); err != nil {
				return
			}
		}
		for _, p := range [][]byte{
			packet(packetError, 1, 0), packet(evMapNotify, 1, 0), packet(packetError, 2, 0),
			packet(packetGeneric, 2, 8), packet(packetReply, 3, 16),
		} {
			if _, err := conn.Write(p); err != nil {
				return
			}
		}
		if _, err := io.ReadFull(conn, request); err == nil {
			p := packet(packetError, 4, 0)
			p[1], p[10] = 3, 99
			_, _ = conn.Write(p)
		}
		_, _ = io.ReadFull(conn, request)
	})
	if w.setup.root != 0x123 || w.setup.width != 800 || w.setup.height != 600 || w.setup.minKey != 8 {
		t.Errorf("setup %+v", w.setup)
	}
	for range 2 {
		if err := w.request([]byte{1, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := w.ask([]byte{2, 0, 0, 0}, 48)
	if err != nil || len(r) != 48 || order.Uint16(r[2:]) != 3 {
		t.Errorf("reply %v, %v", r, err)
	}
	_, err = w.ask([]byte{3, 0, 0, 0}, 32)
	var protocol ProtocolError
	if !errors.As(err, &protocol) || protocol.Code != 3 || protocol.Major != 99 {
		t.Errorf("error %v", err)
	}
	events, err := next(t, w, 2)
	if err != nil || len(events) != 2 || events[0][0] != evMapNotify || events[1][0] != packetGeneric || len(events[1]) != 40 {
		t.Errorf("events %v, %v", events, err)
	}
}

func TestEventsMadeByProgramsAreDropped(t *testing.T) {
	connected := make(chan struct{})
	w := serve(t, func(conn net.Conn) {
		<-connected
		_, _ = conn.Write(packet(evFocusIn|sentByClient, 1, 0))
		_, _ = conn.Write(packet(evFocusOut, 1, 0))
	})
	close(connected)
	events, err := next(t, w, 2)
	if len(events) != 1 || events[0][0] != evFocusOut || !errors.Is(err, ErrClosed) {
		t.Errorf("got events %v, %v", events, err)
	}
}

func TestLostServerEndsEverything(t *testing.T) {
	connected := make(chan struct{})
	w := serve(t, func(net.Conn) { <-connected })
	close(connected)
	<-w.done
	if events, err := w.take(); len(events) != 0 || !errors.Is(err, ErrClosed) {
		t.Errorf("%d events, error %v", len(events), err)
	}
	if _, err := w.ask([]byte{1, 0, 0, 0}, 32); !errors.Is(err, ErrClosed) {
		t.Errorf("ask after the end: %v", err)
	}
}

func TestRefusalIsQuoted(t *testing.T) {
	reason := "No protocol specified"
	body := append([]byte(reason), make([]byte, 3)...)
	head := []byte{0, byte(len(reason)), 11, 0, 0, 0, 0, 0}
	order.PutUint16(head[6:], uint16(len(body)/4))
	_, err := readSetup(bytes.NewReader(append(head, body...)))
	if err == nil || !strings.Contains(err.Error(), reason) {
		t.Errorf("error %v", err)
	}
}

func FuzzReadSetup(f *testing.F) {
	f.Add(greeting())
	f.Add([]byte{0, 255, 11, 0, 0, 0, 1, 0, 'a', 'b', 'c', 'd'})
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = readSetup(bytes.NewReader(b)) })
}

func FuzzDecode(f *testing.F) {
	for _, kind := range []byte{evFocusIn, evFocusOut, evMapNotify, evPropertyNotify, evMappingNotify, 85} {
		f.Add(packet(kind, 1, 0))
	}
	f.Add(packet(packetGeneric, 1, 8))
	f.Fuzz(func(_ *testing.T, b []byte) {
		n, err := packetSize(b)
		if err == nil && n > 0 && n <= len(b) {
			extensions{input: 1, xkbEvent: 85}.decode(b[:n])
		}
	})
}

// However what the server sends is cut, the same events come of it, or the same error.
func FuzzSort(f *testing.F) {
	f.Add(slices.Concat(packet(evFocusIn, 1, 0), packet(packetGeneric, 1, 8), packet(packetReply, 2, 64), packet(evMapNotify, 2, 0)), byte(7))
	f.Add(packet(packetReply, 1, 64)[:40], byte(1))
	f.Fuzz(func(t *testing.T, b []byte, cut byte) {
		whole, pieces := &wire{replies: make(chan []byte, 1)}, &wire{replies: make(chan []byte, 1)}
		want := whole.sort(b)
		var got error
		for p := range slices.Chunk(b, int(cut)+1) {
			if got = pieces.sort(p); got != nil {
				break
			}
		}
		if (want == nil) != (got == nil) || !slices.EqualFunc(whole.events, pieces.events, bytes.Equal) || !bytes.Equal(whole.part, pieces.part) && want == nil {
			t.Errorf("whole: %d events, %v; in pieces: %d, %v", len(whole.events), want, len(pieces.events), got)
		}
	})
}

// The consumer's own look at the socket tells of what the reader has not read,
// and of the end.
func TestTakeReadsTheSocket(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "X0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan net.Conn)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			if _, err := io.ReadFull(conn, make([]byte, 12)); err == nil {
				_, _ = conn.Write(greeting())
			}
		}
		served <- conn
	}()
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	pace := socket.NewPace()
	pace.Hold(false)
	w, err := newWire(conn, nil, pace)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	server := <-served
	for i := range 100 {
		if _, err := server.Write(packet(evMapNotify, uint16(i), 0)); err != nil {
			t.Fatal(err)
		}
		// It is there now, whoever of the two has read it.
		if events, err := w.take(); err != nil || len(events) != 1 || order.Uint16(events[0][2:]) != uint16(i) {
			t.Fatalf("event %d: %v, %v", i, events, err)
		}
	}
	if _, err := server.Write(packet(evMapNotify, 100, 0)); err != nil {
		t.Fatal(err)
	}
	server.Close()
	events, _ := w.take()
	if _, err := w.take(); len(events) != 1 || !errors.Is(err, ErrClosed) {
		t.Errorf("at the end %d events, then %v", len(events), err)
	}
	<-w.done
}

func TestDecode(t *testing.T) {
	x := extensions{input: 131, xkbEvent: 85}
	focus := func(kind, detail, mode byte) []byte {
		p := packet(kind, 1, 0)
		p[1], p[8] = detail, mode
		order.PutUint32(p[4:], 77)
		return p
	}
	raw := func(kind uint16, detail uint32) []byte {
		p := packet(packetGeneric, 1, 8)
		p[1] = 131
		order.PutUint16(p[8:], kind)
		order.PutUint32(p[12:], 5000)
		order.PutUint32(p[16:], detail)
		return p
	}
	state := packet(85, 1, 0)
	state[1], state[9], state[13] = xkbState, 3, 1
	for _, tc := range []struct {
		name string
		p    []byte
		want Event
	}{
		{"key", raw(rawKeyPress, 38), KeyPress{Code: 38, Time: 5000}},
		{"key up", raw(rawKeyRelease, 38), KeyRelease{Code: 38, Time: 5000}},
		{"button", raw(rawButtonPress, 1), ButtonPress{Button: 1}},
		{"key code out of range", raw(rawKeyPress, 256), nil},
		{"pointer", raw(rawMotion, 0), PointerUsed{}},
		{"touch", raw(rawTouchBegin, 70_000), PointerUsed{}},
		{"other raw event", raw(16, 1), nil},
		{"focus left", focus(evFocusOut, 3, 0), FocusOut{Window: 77}},
		{"keyboard taken", focus(evFocusOut, 3, modeGrab), FocusOut{Window: 77, Grabbed: true}},
		{"keyboard given back", focus(evFocusIn, 3, modeUngrab), FocusIn{Window: 77, Ungrabbed: true}},
		{"focus to a child", focus(evFocusOut, detailInferior, 0), nil},
		{"pointer only", focus(evFocusIn, detailPointer, 0), nil},
		{"keyboard state", state, keyboardState{mods: 3, group: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := x.decode(tc.p); got != tc.want {
				t.Errorf("got %#v, want %#v", got, tc.want)
			}
		})
	}
}

func TestParseDisplay(t *testing.T) {
	for _, tc := range []struct {
		in, network, socket string
	}{
		{":0", "unix", "/tmp/.X11-unix/X0"},
		{":99.1", "unix", "/tmp/.X11-unix/X99"},
		{"unix:3", "unix", "/tmp/.X11-unix/X3"},
		{"/tmp/launch/org.x:0", "unix", "/tmp/launch/org.x"},
		{"host.example:1.0", "tcp", "host.example:6001"},
	} {
		a, err := parseDisplay(tc.in)
		if err != nil || a.network != tc.network || a.socket != tc.socket {
			t.Errorf("%q: %+v, %v", tc.in, a, err)
		}
	}
	for _, in := range []string{"", "0", ":", ":x", ":-1", ":99999999", "host"} {
		if a, err := parseDisplay(in); err == nil {
			t.Errorf("%q: %+v", in, a)
		}
	}
}

func entry(family uint16, fields ...string) []byte {
	b := []byte{byte(family >> 8), byte(family)}
	for _, f := range fields {
		b = append(b, byte(len(f)>>8), byte(len(f)))
		b = append(b, f...)
	}
	return b
}

func TestFindCookie(t *testing.T) {
	const right, wrong = "0123456789abcdef", "xxxxxxxxxxxxxxxx"
	local := address{network: "unix", number: "5"}
	for _, tc := range []struct {
		name    string
		entries [][]byte
		want    string
	}{
		{"of this machine and display", [][]byte{
			entry(familyLocal, "other", "5", cookieName, wrong), entry(familyLocal, "me", "4", cookieName, wrong),
			entry(familyLocal, "me", "5", "XDM-AUTHORIZATION-1", wrong), entry(familyLocal, "me", "5", cookieName, right),
		}, right},
		{"for any display", [][]byte{entry(familyWild, "", "", cookieName, right)}, right},
		{"none", nil, ""},
		{"torn file", [][]byte{entry(familyLocal, "me", "5", cookieName, right)[:20]}, ""},
		{"cookie of a wrong size", [][]byte{entry(familyWild, "", "", cookieName, "short")}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := findCookie(bytes.NewReader(slices.Concat(tc.entries...)), "me", local)
			if err != nil || string(got) != tc.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// The path of the cookie's file names a person, and the error goes to a log.
func TestUnreadableCookieNamesNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rosie", ".Xauthority")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, path); err != nil { // a loop: root cannot open it either
		t.Fatal(err)
	}
	_, err := cookie(path, "me", address{network: "unix", number: "5"})
	if err == nil || strings.Contains(err.Error(), "rosie") {
		t.Errorf("error %v", err)
	}
}

func FuzzFindCookie(f *testing.F) {
	f.Add(entry(familyWild, "", "", cookieName, "0123456789abcdef"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := findCookie(bytes.NewReader(b), "me", address{number: "0"}); err != nil || got != nil && len(got) != 16 {
			t.Errorf("got %v, %v", got, err)
		}
	})
}
