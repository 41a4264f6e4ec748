package session

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/agent/sensor/atspi"
	"github.com/lapwing-schools/lapwing/agent/sensor/lock"
	testdesktop "github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

// startDesktop is start for one desktop, into which the test can put events of
// the buses.
func (e *eyes) startDesktop() *desktop {
	e.t.Helper()
	cfg := Config{Desktop: DesktopOf(e.d.Getenv), Log: slog.New(slog.DiscardHandler), Now: time.Now}
	ctx, cancel := context.WithCancel(context.Background())
	inputs := make(chan capture.Input, maxInputs)
	d, err := openDesktop(ctx, cfg, e.board, inputs)
	if err != nil {
		cancel()
		e.t.Fatal(err)
	}
	d.there = e.there
	var wg sync.WaitGroup
	wg.Go(func() { _ = d.run(ctx); _ = d.close() })
	wg.Go(func() { e.feed(ctx, inputs) })
	e.t.Cleanup(func() { cancel(); wg.Wait() })
	e.awaitStatus(sensor.Window, "COVERAGE_STATE_OK", "")
	e.await("the lock sources", func() bool { return !e.isLocked() && e.inputs != nil })
	return d
}

// typedSince is what was sensed after the first n inputs.
func (e *eyes) typedSince(n int) (runes string) {
	for _, in := range e.inputs[n:] {
		if in.Kind == capture.Typed {
			runes += string(in.Rune)
		}
	}
	return runes
}

func (e *eyes) seen() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.inputs)
}

// Keys that were pressed before the screen was unlocked are those of its
// password, though the sensor rested meanwhile and has not read them yet: an
// event of another source is acted on after them.
func TestUnreadKeysComeBeforeTheUnlock(t *testing.T) {
	e := newEyes(t, testdesktop.Options{})
	d := e.startDesktop()
	e.open("mousepad", "mousepad")
	e.awaitRole("mousepad", capture.RoleText)
	e.typed("open")
	e.awaitText("open")
	for round := range 12 {
		d.locks.events <- lockEvent{Event: lock.Event{Source: "test", Locked: true}}
		e.await("the lock", e.isLocked)
		n := e.seen()
		e.typed("zq")
		d.locks.events <- lockEvent{Event: lock.Event{Source: "test"}}
		e.await("the unlock", func() bool { return !e.isLocked() })
		e.awaitRole("mousepad", capture.RoleText)
		e.typed("m")
		e.await("what is typed after it", func() bool { return e.typedSince(n) != "" })
		if got := e.typedSince(n); got != "m" {
			t.Fatalf("round %d: of what was typed into the lock %q was sensed", round, got)
		}
	}
}

// leftText reports whether the field is one that is not known as text. The word
// that the field of before has another title is none: an editor's says, when it
// gets to it, that there is something to save.
func leftText(in capture.Input) bool {
	return in.Kind == capture.FieldChanged && in.Field.Role != capture.RoleText
}

// Keys that were pressed before the focus moved belong to the field before.
func TestUnreadKeysComeBeforeTheFocus(t *testing.T) {
	e := newEyes(t, testdesktop.Options{})
	d := e.startDesktop()
	p, _ := e.open("mousepad", "mousepad")
	e.awaitRole("mousepad", capture.RoleText)
	e.typed("open")
	e.awaitText("open")
	for round := range 12 {
		n := e.seen()
		e.typed("zq")
		// Of an object that does not exist: nothing is text until it is asked again.
		d.bus.events <- busEvent{event: atspi.Focused{Ref: atspi.Ref{Sender: ":1.0", Path: "/none"}, PID: uint32(p.PID())}}
		e.await("the change of focus", func() bool { return slices.ContainsFunc(e.inputs[n:], leftText) })
		e.mu.Lock()
		at := n + slices.IndexFunc(e.inputs[n:], leftText)
		got := ""
		for _, in := range e.inputs[n:at] {
			if in.Kind == capture.Typed {
				got += string(in.Rune)
			}
		}
		e.mu.Unlock()
		if got != "zq" {
			t.Fatalf("round %d: %q came before the change of focus, want zq", round, got)
		}
		d.bus.events <- busEvent{down: true}
		d.bus.events <- busEvent{up: true}
		e.awaitRole("mousepad", capture.RoleText)
		e.keys("BackSpace", "BackSpace")
	}
}
