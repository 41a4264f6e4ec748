//go:build unix

package sdnotify

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestFind(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
		want time.Duration
	}{
		{"no manager", nil, 0},
		{"no watchdog", map[string]string{"NOTIFY_SOCKET": "/x"}, 0},
		{"ours", map[string]string{"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, time.Minute},
		{"without a process", map[string]string{"WATCHDOG_USEC": "1000000"}, time.Second},
		{"another process's", map[string]string{"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, 0},
		{"no number", map[string]string{"WATCHDOG_USEC": "soon"}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if m := Find(func(n string) string { return tc.env[n] }, 7); m.Every != tc.want {
				t.Errorf("every %v, want %v", m.Every, tc.want)
			}
		})
	}
}

func TestWatchSpeaksAfterAnAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	hear := func() string {
		b := make([]byte, 64)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	m := Find(func(n string) string {
		return map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": strconv.Itoa(20_000)}[n]
	}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan struct{}, 64)
	done := make(chan error, 1)
	go func() { done <- m.Watch(ctx, func() { answered <- struct{}{} }) }()
	for _, want := range []string{Ready, Alive, Alive} {
		if got := hear(); got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
		<-answered // before each word
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for got := hear(); got != Stopping; got = hear() {
		if got != Alive {
			t.Errorf("heard %q at the end", got)
		}
	}
}

func TestNoManagerIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		calls := 0
		if err := (Manager{}).Watch(ctx, func() { calls++ }); !errors.Is(err, context.DeadlineExceeded) || calls != 1 {
			t.Errorf("%v after %d answers", err, calls)
		}
	})
}
