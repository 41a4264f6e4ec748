package window

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

// screen is a real X server and window manager, with one notice on it.
type screen struct {
	t      *testing.T
	d      *desktop.Desktop
	events chan Event
	done   chan error
}

func show(t *testing.T, d *desktop.Desktop, text Text) *screen {
	t.Helper()
	t.Setenv("XAUTHORITY", d.Getenv("XAUTHORITY"))
	s := &screen{t: t, d: d, events: make(chan Event, 8), done: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { s.done <- Show(ctx, d.Display(), text, func(e Event) { s.events <- e }) }()
	return s
}

func (s *screen) expect(want Event) {
	s.t.Helper()
	select {
	case got := <-s.events:
		if got != want {
			s.t.Fatalf("event %d, want %d", got, want)
		}
	case err := <-s.done:
		if len(s.events) > 0 && <-s.events == want {
			s.done <- err // it ended by this event
			return
		}
		s.t.Fatalf("ended before event %d: %v", want, err)
	}
}

func (s *screen) ended() {
	s.t.Helper()
	if err := <-s.done; err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) keys(keys ...string) {
	s.t.Helper()
	if err := s.d.Key(s.t.Context(), keys...); err != nil {
		s.t.Fatal(err)
	}
}

// take gives the notice the focus, as Alt and Tab do.
func (s *screen) take() {
	s.t.Helper()
	id, err := s.d.Window(s.t.Context(), Class)
	if err == nil {
		err = s.d.Activate(s.t.Context(), id)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) active() string {
	s.t.Helper()
	out, err := s.d.Run(s.t.Context(), "xdotool", "getactivewindow")
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// TestByKeysAlone: the notice takes no focus from whoever is typing; once a
// person goes to it, keys are enough for every button, and no key but Tab and
// then Enter answers it.
func TestByKeysAlone(t *testing.T) {
	d, err := desktop.Start(t.Context(), desktop.Options{NoAccessibility: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop() })
	if _, err := d.Start("xterm"); err != nil {
		t.Fatal(err)
	}
	term, err := d.Window(t.Context(), "xterm")
	if err == nil {
		err = d.Activate(t.Context(), term)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := show(t, d, example("en"))
	s.expect(Shown)
	before := s.active()
	s.keys("a", "space", "Return") // somebody is typing
	if after := s.active(); after != before {
		t.Errorf("the notice took the focus: %s, before %s", after, before)
	}
	s.take()
	s.keys("Return", "space", "Escape", "Down", "Page_Down", "Tab", "Tab", "Tab", "Return")
	s.expect(Help)
	s.keys("Tab", "Return")
	s.expect(Read)
	s.ended()

	s = show(t, d, example("cy"))
	s.expect(Shown)
	s.take()
	s.keys("Tab", "Tab", "space")
	s.expect(Declined)
	s.ended()

	s = show(t, d, example("en"))
	s.expect(Shown)
	s.take()
	if _, err := d.Run(t.Context(), "xdotool", "getactivewindow", "windowclose"); err != nil { // closed unanswered
		t.Fatal(err)
	}
	<-s.done
	if len(s.events) > 0 {
		t.Errorf("closing it said %d", <-s.events)
	}
}

// TestCannotBeShown: what cannot be drawn is said before anything is on the
// screen, so that the browser is opened instead.
func TestCannotBeShown(t *testing.T) {
	told := func(e Event) { t.Errorf("event %d", e) }
	if err := Show(t.Context(), "", example("en"), told); err == nil {
		t.Error("shown without a display")
	}
	if err := Show(t.Context(), ":59999", example("en"), told); err == nil {
		t.Error("shown on a display that is not there")
	}
	d, err := desktop.Start(t.Context(), desktop.Options{NoAccessibility: true, NoWindowManager: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop() })
	if err := os.Setenv("XAUTHORITY", d.Getenv("XAUTHORITY")); err != nil {
		t.Fatal(err)
	}
	text := example("ur")
	text.Title = "یہ کمپیوٹر"
	if err := Show(t.Context(), d.Display(), text, told); !errors.Is(err, ErrCannotWrite) {
		t.Errorf("letters that the font has not: %v", err)
	}
}
