package window

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lapwing-schools/lapwing/agent/sensor/text"
	"github.com/lapwing-schools/lapwing/agent/sensor/x11"
)

// Atoms of the fake.
const (
	atomActive x11.Atom = iota + 1
	atomName
	atomOldName
	atomClass
	atomPID
)

type fakeWindow struct {
	title, instance, class, machine string
	pid                             uint32
}

type fake struct {
	active  x11.Window
	windows map[x11.Window]*fakeWindow
	watched map[x11.Window]uint32
}

func (*fake) Root() x11.Window { return 1 }
func (*fake) Is(a x11.Atom, name string) bool {
	return map[x11.Atom]string{
		atomActive: x11.NetActiveWindow, atomName: x11.NetWMName, atomOldName: x11.WMName, atomClass: x11.WMClass, atomPID: x11.NetWMPID,
	}[a] == name
}
func (f *fake) Watch(w x11.Window, mask uint32) error {
	f.watched[w] = mask
	return nil
}
func (f *fake) ActiveWindow() (x11.Window, error) { return f.active, nil }
func (f *fake) get(w x11.Window) *fakeWindow {
	if found := f.windows[w]; found != nil {
		return found
	}
	return &fakeWindow{} // it has gone: all its properties are empty
}
func (f *fake) Title(w x11.Window) (string, error) { return f.get(w).title, nil }
func (f *fake) Class(w x11.Window) (string, string, error) {
	return f.get(w).instance, f.get(w).class, nil
}
func (f *fake) PID(w x11.Window) (uint32, error)            { return f.get(w).pid, nil }
func (f *fake) Text(w x11.Window, _ string) (string, error) { return f.get(w).machine, nil }
func (f *fake) Cardinal(x11.Window, string) (uint32, bool, error) {
	return 1, true, nil
}

func TestFollowsTheActiveWindow(t *testing.T) {
	f := &fake{watched: map[x11.Window]uint32{}, windows: map[x11.Window]*fakeWindow{
		10: {title: "one", instance: "chromium (/home/p/profile)", class: "Chromium", machine: "here", pid: 100},
		11: {title: "two", instance: "xterm", class: "XTerm", machine: "there", pid: 101},
	}}
	w := &Watcher{x: f, proc: t.TempDir(), hostname: "here.example.org"}
	step := func(name string, ev x11.Event, change Change, want text.Window) {
		t.Helper()
		got, err := w.Handle(ev)
		if err != nil {
			t.Fatal(err)
		}
		if got != change || w.Current() != want {
			t.Errorf("%s: change %d, window %+v; want %d, %+v", name, got, w.Current(), change, want)
		}
	}
	active := x11.PropertyChanged{Window: 1, Atom: atomActive}
	one := text.Window{ID: 10, PID: 100, App: "chromium", Class: "Chromium", Title: "one"}
	step("none yet", active, Nothing, text.Window{})
	f.active = 10
	step("a window comes", active, Activated, one)
	step("said again", active, Nothing, one)
	f.windows[10].title, one.Title = "renamed", "renamed"
	step("renamed", x11.PropertyChanged{Window: 10, Atom: atomName}, Renamed, one)
	step("renamed to the same", x11.PropertyChanged{Window: 10, Atom: atomOldName}, Nothing, one)
	step("another window's title", x11.PropertyChanged{Window: 11, Atom: atomName}, Nothing, one)
	f.windows[10].pid, one.PID = 102, 102
	step("its process known later", x11.PropertyChanged{Window: 10, Atom: atomPID}, Activated, one)
	f.active = 11
	step("a window of another machine", active, Activated, text.Window{ID: 11, App: "xterm", Class: "XTerm", Title: "two", Remote: true})
	if f.watched[10] != 0 || f.watched[11] == 0 {
		t.Errorf("watched %v", f.watched)
	}
	f.active = 12
	step("one that has gone already", active, Activated, text.Window{ID: 12})
	f.active = 0
	step("none any more", active, Activated, text.Window{})
}

func TestAppIsTheProgramsFile(t *testing.T) {
	proc := t.TempDir()
	for pid, exe := range map[string]string{
		"1": "/usr/bin/mousepad", "2": "/usr/bin/python3.11", "3": "/usr/lib/chromium/chromium (deleted)", "4": "/usr/bin/shotwell",
	} {
		if err := os.Mkdir(filepath.Join(proc, pid), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(exe, filepath.Join(proc, pid, "exe")); err != nil {
			t.Fatal(err)
		}
	}
	w := &Watcher{proc: proc}
	for _, tc := range []struct {
		pid             uint32
		instance, class string
		want            string
	}{
		{1, "firefox", "Firefox", "mousepad"},
		{2, "form.py", "Form.py", "form.py"},
		{3, "chromium", "Chromium", "chromium"},
		{4, "shotwell", "Shotwell", "shotwell"},
		{9, "Gone (profile)", "Gone", "gone"},
		{0, "", "XEyes", "xeyes"},
		{0, "", "", ""},
	} {
		if got := w.app(tc.pid, tc.instance, tc.class); got != tc.want {
			t.Errorf("%+v: %q", tc, got)
		}
	}
}

func TestPlainIsCertain(t *testing.T) {
	proc := t.TempDir()
	for pid, maps := range map[string]string{
		"1": "7f00-7f01 r-xp 0 08:01 1 /usr/lib/x86_64-linux-gnu/libX11.so.6\n",
		"2": "7f00-7f01 r-xp 0 08:01 1 /usr/lib/x86_64-linux-gnu/libgtk-3.so.0.2406.32\n",
		"3": "",
	} {
		if err := os.Mkdir(filepath.Join(proc, pid), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(proc, pid, "maps"), []byte(maps), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := &Watcher{proc: proc}
	for pid, want := range map[uint32]bool{0: false, 1: true, 2: false, 3: false, 4: false} {
		if got := w.plain(pid); got != want {
			t.Errorf("process %d: %v", pid, got)
		}
	}
}
