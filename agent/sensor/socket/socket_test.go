package socket_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor/socket"
)

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

// Everything arrives in order, however it is cut, and then the end.
func TestReadsAll(t *testing.T) {
	ours, theirs := pair(t)
	sent := make([]byte, 1<<20)
	if _, err := rand.Read(sent); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		for rest := sent; len(rest) > 0; {
			n := min(len(rest), 1+int(rest[0])*64)
			if _, err := theirs.Write(rest[:n]); err != nil {
				failed <- err
				return
			}
			rest = rest[n:]
		}
		failed <- theirs.Close()
	}()
	got, err := io.ReadAll(socket.Reader(ours))
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d, %v", len(got), len(sent), err)
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

func TestReadEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(net.Conn) error
		want error
	}{
		"closed here": {func(c net.Conn) error { return c.Close() }, net.ErrClosed},
		"deadline":    {func(c net.Conn) error { return c.SetReadDeadline(time.Now()) }, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			ours, _ := pair(t)
			done := make(chan error, 1)
			go func() {
				_, err := socket.Buffered(ours).Read(make([]byte, 16))
				done <- err
			}()
			if err := tc.end(ours); err != nil {
				t.Fatal(err)
			}
			if err := <-done; !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

// What has no descriptor is read as it is.
func TestPipe(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		_, _ = theirs.Write([]byte("key"))
		_ = theirs.Close()
	}()
	if got, err := io.ReadAll(socket.Buffered(ours)); err != nil || string(got) != "key" {
		t.Errorf("%q, %v", got, err)
	}
}
