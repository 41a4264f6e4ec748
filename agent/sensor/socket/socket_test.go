package socket_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair is a connected pair of unix sockets.
func pair(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if ours, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if theirs, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

func listen(t *testing.T, conn net.Conn, pace *socket.Pace) *socket.Listener {
	t.Helper()
	l, err := socket.Listen(conn, pace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func stream(t *testing.T, conn net.Conn, pace *socket.Pace) *socket.Stream {
	t.Helper()
	s, err := socket.NewStream(conn, pace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func say(t *testing.T, conn net.Conn, words ...string) {
	t.Helper()
	for _, w := range words {
		if _, err := io.WriteString(conn, w); err != nil {
			t.Fatal(err)
		}
	}
}

// hear takes what is there.
func hear(t *testing.T, l *socket.Listener) string {
	t.Helper()
	b := make([]byte, 100)
	n, err := l.Take(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// resting is a pace that lets listeners rest.
func resting() *socket.Pace {
	p := socket.NewPace()
	p.Hold(false)
	return p
}

// Everything arrives in order, however it is cut and whatever the pace, and then the end.
func TestStreamReadsAll(t *testing.T) {
	for name, pace := range map[string]*socket.Pace{"no pace": nil, "held": socket.NewPace(), "resting": resting()} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := pair(t)
			sent := make([]byte, 1<<19)
			if _, err := rand.Read(sent); err != nil {
				t.Fatal(err)
			}
			failed := make(chan error, 1)
			go func() {
				for rest := sent; len(rest) > 0; {
					n := min(len(rest), 1+int(rest[0])*400)
					if _, err := theirs.Write(rest[:n]); err != nil {
						failed <- err
						return
					}
					rest = rest[n:]
				}
				failed <- theirs.Close()
			}()
			got, err := io.ReadAll(stream(t, ours, pace))
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d bytes of %d, %v", len(got), len(sent), err)
			}
			if err := <-failed; err != nil {
				t.Error(err)
			}
		})
	}
}

// What came while a listener rested is there after it, and by Take at once.
func TestRest(t *testing.T) {
	ours, theirs := pair(t)
	l := listen(t, ours, resting())
	say(t, theirs, "a")
	if err := l.Wait(false); err != nil || hear(t, l) != "a" {
		t.Fatalf("the first word does not come: %v", err)
	}
	say(t, theirs, "b")
	if got := hear(t, l); got != "b" {
		t.Errorf("taken at once: %q", got)
	}
	say(t, theirs, "c", "d")
	if err := l.Wait(true); err != nil || hear(t, l) != "cd" {
		t.Errorf("after the rest: %v", err)
	}
	if err := l.Wait(true); err != nil || hear(t, l) != "" {
		t.Errorf("after a rest in which nothing came: %v", err)
	}
	// Said while nobody waits, and told as soon as somebody does.
	say(t, theirs, "e")
	if err := l.Wait(false); err != nil || hear(t, l) != "e" {
		t.Errorf("what was there before the waiting: %v", err)
	}
}

// ends has Wait wait or rest, does something, and expects it to end.
func ends(t *testing.T, l *socket.Listener, rest bool, want error, do func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- l.Wait(rest) }()
	do()
	if err := <-done; !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestWaitEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		rest bool
		want error
		do   func(l *socket.Listener, p *socket.Pace, theirs net.Conn)
	}{
		"by Hurry":           {true, nil, func(l *socket.Listener, _ *socket.Pace, _ net.Conn) { l.Hurry() }},
		"by Hold and a word": {true, nil, func(_ *socket.Listener, p *socket.Pace, theirs net.Conn) { p.Hold(true); say(t, theirs, "x") }},
		"by Close":           {false, net.ErrClosed, func(l *socket.Listener, _ *socket.Pace, _ net.Conn) { l.Close() }},
		"by their end":       {false, nil, func(_ *socket.Listener, _ *socket.Pace, theirs net.Conn) { theirs.Close() }},
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := pair(t)
			p := resting()
			l := listen(t, ours, p)
			ends(t, l, tc.rest, tc.want, func() { tc.do(l, p, theirs) })
		})
	}
}

// A Stream can be written to while it is read.
func TestStreamWrites(t *testing.T) {
	ours, theirs := pair(t)
	s := stream(t, ours, resting())
	heard := make(chan string, 1)
	go func() {
		b := make([]byte, 4)
		_, _ = io.ReadFull(s, b)
		heard <- string(b)
	}()
	if _, err := io.WriteString(s, "ask"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3)
	if _, err := io.ReadFull(theirs, b); err != nil || string(b) != "ask" {
		t.Errorf("%q, %v", b, err)
	}
	say(t, theirs, "an", "sw")
	if got := <-heard; got != "answ" {
		t.Errorf("%q", got)
	}
}

// Everything that is written arrives, also when the peer is slow to read, and a
// peer that has gone is an error and no signal.
func TestWrite(t *testing.T) {
	ours, theirs := pair(t)
	l := listen(t, ours, nil)
	sent := make([]byte, 4<<20)
	if _, err := rand.Read(sent); err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte, 1)
	go func() {
		b := make([]byte, len(sent))
		_, _ = io.ReadFull(theirs, b)
		theirs.Close()
		got <- b
	}()
	if n, err := l.Write(sent); n != len(sent) || err != nil {
		t.Errorf("%d of %d written, %v", n, len(sent), err)
	}
	if !bytes.Equal(<-got, sent) {
		t.Error("something else arrived")
	}
	if _, err := l.Write(sent); err == nil {
		t.Error("no error for a peer that has gone")
	}
	l.Close()
	if _, err := l.Write(sent); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestTakeTellsTheEnd(t *testing.T) {
	ours, theirs := pair(t)
	l := listen(t, ours, nil)
	say(t, theirs, "last")
	theirs.Close()
	if got := hear(t, l); got != "last" {
		t.Errorf("%q", got)
	}
	if n, err := l.Take(make([]byte, 10)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d, %v", n, err)
	}
	l.Close()
	if _, err := l.Take(make([]byte, 10)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := l.Wait(false); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Wait after Close: %v", err)
	}
}

// Listeners of one pace that begin to rest at different times end with the same step.
func TestStepsAreCommon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, p := time.Now(), resting()
		var ended [2]time.Duration
		var running sync.WaitGroup
		for i := range ended {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			l := listen(t, ours, p)
			time.Sleep(40 * time.Millisecond)
			running.Go(func() {
				if err := l.Wait(true); err != nil {
					t.Error(err)
				}
				ended[i] = time.Since(begin)
			})
		}
		running.Wait()
		if ended != [2]time.Duration{socket.Step, socket.Step} {
			t.Errorf("ended at %v", ended)
		}
	})
}

// What has no descriptor is read by waiting for it.
func TestPipe(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		_, _ = theirs.Write([]byte("key"))
		_ = theirs.Close()
	}()
	s := stream(t, ours, nil)
	if n, err := s.Take(make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("before anything was waited for: %d, %v", n, err)
	}
	if got, err := io.ReadAll(s); err != nil || string(got) != "key" {
		t.Errorf("%q, %v", got, err)
	}
}
