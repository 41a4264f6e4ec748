package dial_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lapwing-schools/lapwing/agent/dial"
)

// TestDeadConnection: the kernel ends a connection whose other end went without
// a word; where a proxy stands between, it cannot know, and gRPC asks.
func TestDeadConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dir := t.TempDir()
	d := dial.Open(dir, func(string) string { return "" })
	address := ln.Addr().String()
	conn, err := d.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var ms int
	if cerr := raw.Control(func(fd uintptr) { ms, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	if want := int(dial.Unanswered.Milliseconds()); ms != want {
		t.Errorf("it ends a dead connection after %d ms, want %d", ms, want)
	}
	if got := d.Probe(address); got != dial.SlowProbe {
		t.Errorf("asks every %v, want %v", got, dial.SlowProbe)
	}
	if err := os.WriteFile(filepath.Join(dir, dial.FileName), []byte("http://proxy.school.example:3128\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := d.Probe(address); got != dial.QuickProbe {
		t.Errorf("through a proxy it asks every %v, want %v", got, dial.QuickProbe)
	}
}
