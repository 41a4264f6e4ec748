package session

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	testdesktop "github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

// silentCompositor plays a compositor that tells nobody of its windows, as those
// of GNOME and KDE: it has globals, but not the one that is looked for.
func silentCompositor(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "wayland-0")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadFull(conn, make([]byte, 2*12)) // get_registry and sync
			const registry, callback = 2, 3
			words := []uint32{registry, 28 << 16, 1, 7} // global 1, a name of 7 bytes
			var b []byte
			for _, w := range words {
				b = binary.LittleEndian.AppendUint32(b, w)
			}
			b = append(b, "wl_shm\x00\x00"...)
			for _, w := range []uint32{1, callback, 12 << 16, 0} { // its version; done
				b = binary.LittleEndian.AppendUint32(b, w)
			}
			_, _ = conn.Write(b)
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return socket
}

// TestWithheldTitles: where the compositor tells of no windows and of no keys,
// coverage says both, and text and titles come from the accessibility bus. The
// editor is on an X server here; nothing is asked of that.
func TestWithheldTitles(t *testing.T) {
	e := newEyes(t, testdesktop.Options{})
	cfg := Config{Desktop: DesktopOf(e.d.Getenv), Log: slog.New(slog.DiscardHandler), Now: time.Now}
	cfg.Desktop.Kind, cfg.Desktop.Wayland = "wayland", silentCompositor(t)
	ctx, cancel := context.WithCancel(context.Background())
	inputs := make(chan capture.Input, maxInputs)
	var wg sync.WaitGroup
	wg.Go(func() { watch(ctx, cfg, e.there, e.board, inputs, nil) })
	wg.Go(func() { e.feed(ctx, inputs) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	e.awaitStatus(sensor.Window, "COVERAGE_STATE_LIMITED", conditions.WaylandNoTitles)
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_LIMITED", conditions.WaylandNoKeys)
	e.await("the lock sources", func() bool { return !e.isLocked() && e.inputs != nil })
	e.open("mousepad", "mousepad")
	e.awaitRole("mousepad", capture.RoleText)
	e.typed("peewit")
	e.awaitText("peewit")
}
