package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lapwing-schools/lapwing/agent/app"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal records what happened, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s)
}

// obedient is an actor that stops when asked.
func obedient(j *journal, name string) app.Actor {
	up := make(chan struct{})
	return app.Actor{Name: name,
		Run: func(ctx context.Context) error {
			j.add("start " + name)
			close(up)
			<-ctx.Done()
			j.add("stop " + name)
			return ctx.Err()
		},
		Ready: func(ctx context.Context) error { <-up; return nil },
	}
}

func TestStartsInOrderAndStopsInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		var g app.Group
		for _, name := range []string{"spool", "uplink", "session"} {
			g.Add(obedient(&j, name))
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		want := []string{"start spool", "start uplink", "start session", "stop session", "stop uplink", "stop spool"}
		if !slices.Equal(j.lines, want) {
			t.Errorf("got  %q\nwant %q", j.lines, want)
		}
	})
}

func TestTheCulpritIsNamed(t *testing.T) {
	boom := errors.New("boom")
	for name, tc := range map[string]struct {
		run  func(context.Context) error
		want error
	}{
		"error":  {func(context.Context) error { return boom }, boom},
		"panic":  {func(context.Context) error { panic("at the disco") }, app.ErrPanicked},
		"return": {func(context.Context) error { return nil }, app.ErrStopped},
	} {
		t.Run(name, func(t *testing.T) {
			var j journal
			var log bytes.Buffer
			g := app.Group{Log: slog.New(slog.NewTextHandler(&log, nil))}
			g.Add(obedient(&j, "spool"))
			g.Add(app.Actor{Name: "culprit", Run: tc.run})
			err := g.Run(t.Context())
			var ae *app.ActorError
			if !errors.As(err, &ae) || ae.Name != "culprit" || !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v of the culprit", err, tc.want)
			}
			if !slices.Contains(j.lines, "stop spool") {
				t.Error("the others were not stopped")
			}
			if !strings.Contains(log.String(), "culprit") {
				t.Error("the log does not name the culprit")
			}
		})
	}
}

// An actor that fails before it is ready must not leave the start hanging.
func TestFailureBeforeReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var later journal
		var g app.Group
		boom := errors.New("no such display")
		g.Add(app.Actor{Name: "early",
			Run:   func(context.Context) error { return boom },
			Ready: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		})
		g.Add(obedient(&later, "late"))
		if err := g.Run(t.Context()); !errors.Is(err, boom) {
			t.Errorf("got %v, want %v", err, boom)
		}
		if len(later.lines) != 0 {
			t.Error("an actor was started after the failure")
		}
	})
}

func TestAnActorThatWillNotStopIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		var g app.Group
		release := make(chan struct{})
		g.Add(obedient(&j, "spool"))
		g.Add(app.Actor{Name: "mule", Run: func(context.Context) error { <-release; return nil }})
		g.Add(obedient(&j, "session"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		err := g.Run(ctx)
		var stuck *app.StuckError
		if !errors.As(err, &stuck) || !slices.Equal(stuck.Names, []string{"mule"}) {
			t.Errorf("got %v, want the mule to be stuck", err)
		}
		if took := time.Since(begin); took != app.StopPatience+app.StopGrace {
			t.Errorf("took %v, want %v", took, app.StopPatience+app.StopGrace)
		}
		if !slices.Contains(j.lines, "stop spool") {
			t.Error("the actors before the mule were not told to stop")
		}
		close(release)
	})
}
