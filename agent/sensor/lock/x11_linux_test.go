package lock

import (
	"testing"

	"github.com/lapwing-schools/lapwing/agent/sensor/x11"
)

const statusAtom x11.Atom = 9

// fake is a display of 1000 by 800 with some windows.
type fake struct {
	classes map[x11.Window]string
	sizes   map[x11.Window][2]int
	status  uint32
}

func (*fake) Root() x11.Window { return 1 }
func (*fake) Size() (int, int) { return 1000, 800 }
func (*fake) Is(a x11.Atom, name string) bool {
	return a == statusAtom && name == x11.ScreenSaverStatus
}
func (f *fake) Class(w x11.Window) (string, string, error) {
	return f.classes[w], f.classes[w], nil
}
func (f *fake) Geometry(w x11.Window) (int, int, error) {
	return f.sizes[w][0], f.sizes[w][1], nil
}
func (f *fake) Cardinal(x11.Window, string) (uint32, bool, error) { return f.status, true, nil }
func (f *fake) OverrideRedirects() ([]x11.Window, error) {
	var all []x11.Window
	for w := range f.classes {
		all = append(all, w)
	}
	return all, nil
}

func TestLockersThatCoverTheScreen(t *testing.T) {
	f := &fake{
		classes: map[x11.Window]string{5: "i3lock", 6: "Tooltip", 7: "slock"},
		sizes:   map[x11.Window][2]int{5: {1000, 800}, 6: {1000, 800}, 7: {100, 50}},
	}
	s := &Screen{x: f}
	check := func(name string, ev x11.Event, want *Event) {
		t.Helper()
		got, err := s.Handle(ev)
		if err != nil {
			t.Fatal(err)
		}
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	check("tooltip as large as the screen", x11.Mapped{Window: 6, OverrideRedirect: true}, nil)
	check("small window of a locker", x11.Mapped{Window: 7, OverrideRedirect: true}, nil)
	check("managed window with a locker's class", x11.Mapped{Window: 5}, nil)
	check("locker", x11.Mapped{Window: 5, OverrideRedirect: true}, &Event{Source: sourceCover, Locked: true})
	check("another window goes", x11.Unmapped{Window: 6}, nil)
	check("locker goes", x11.Unmapped{Window: 5}, &Event{Source: sourceCover, Locked: false})
	check("it goes once", x11.Unmapped{Window: 5}, nil)
	f.status = 1278164308
	check("xscreensaver", x11.PropertyChanged{Window: 1, Atom: statusAtom}, &Event{Source: sourceScreenSaver, Locked: true})
	f.status = 0
	check("xscreensaver ends", x11.PropertyChanged{Window: 1, Atom: statusAtom}, &Event{Source: sourceScreenSaver, Locked: false})
	check("other property", x11.PropertyChanged{Window: 1, Atom: 3}, nil)
}

func TestLockedAtTheStart(t *testing.T) {
	f := &fake{classes: map[x11.Window]string{5: "i3lock"}, sizes: map[x11.Window][2]int{5: {1000, 800}}}
	events, err := (&Screen{x: f}).Look()
	if err != nil {
		t.Fatal(err)
	}
	var s State
	for _, ev := range events {
		s.Set(ev.Source, ev.Locked)
	}
	if !s.Locked() {
		t.Errorf("not locked after %+v", events)
	}
}
