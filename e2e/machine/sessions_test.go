//go:build linux

package machine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/conditions"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Phrases that the shipped rules flag as critical, one for each person.
const (
	pupilPhrase  = "i want to kill myself tonight"
	otherPhrase  = "i am going to end my life"
	unseenPhrase = "i am going to kill myself tomorrow"
)

// TestSessions: two people share a laptop. Each is watched while in front, as
// himself, and nobody is after logging out.
func TestSessions(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	w.agent("service", "install")
	w.agent("service", "start")
	w.logOn("greeter", "greeter")
	pupil := w.logOn("pupil", "user")
	w.awaitWatchers("pupil")
	w.awaitCoverage("ok", "")
	w.unprivileged()
	w.types(pupil, pupilPhrase)
	w.awaitEvent("pupil", pupilPhrase)

	// Somebody else logs on: on a seat without consoles that comes to the front.
	other := w.logOn("other", "user")
	w.awaitWatchers("other")
	w.types(pupil, unseenPhrase)
	w.types(other, otherPhrase)
	w.awaitEvent("other", otherPhrase)
	w.run("loginctl", "activate", w.session("greeter"))
	w.awaitWatchers()
	w.awaitCoverage("off", conditions.SessionAway)
	w.run("loginctl", "activate", w.session("pupil"))
	w.awaitWatchers("pupil")

	w.tamper()

	w.logOff(pupil)
	w.awaitWatchers()
	w.logOff(other)
	w.awaitCoverage("off", conditions.NoSession)
	for _, e := range w.captures() {
		if strings.Contains(e.GetCapture().GetExcerpt(), "tomorrow") {
			t.Error("captured from a desktop that was not in front")
		}
		if e.Session == "" || e.Account != "pupil" && e.Account != "other" {
			t.Errorf("an event of account %q, session %q", e.Account, e.Session)
		}
	}
}

// person is somebody who is logged on.
type person struct{ name, unit, display string }

// logOn opens a graphical session through PAM, as a display manager does, with
// a server, a window manager and a terminal in it.
func (w *world) logOn(name, class string) person {
	w.t.Helper()
	p := person{name: name, unit: "desktop-" + name}
	home := "/home/" + name
	// The display's number is known when the server has started, and told to
	// nobody but the programs of the session.
	script := `mkfifo ~/number; (Xvfb -displayfd 3 -screen 0 800x600x24 -nolisten tcp 3>~/number) & read n < ~/number; export DISPLAY=:$n
openbox --sm-disable & until xprop -root _NET_SUPPORTING_WM_CHECK | grep -q 0x; do sleep 0.1; done
xterm -e sh -c 'cat > ~/typed' & until xdotool search --sync --onlyvisible --class xterm windowactivate --sync; do sleep 0.1; done
echo $n > ~/display; exec sleep infinity`
	w.run("systemd-run", "--quiet", "--unit="+p.unit, "-p", "PAMName=login", "-p", "User="+name, "-p", "WorkingDirectory="+home,
		"-p", "Environment=XDG_SESSION_TYPE=x11 XDG_SEAT=seat0 XDG_SESSION_CLASS="+class, "sh", "-c", script)
	w.await("the desktop of "+name, func() error {
		out, err := w.m.Run(w.t.Context(), "cat", home+"/display")
		p.display = strings.TrimSpace(out)
		if err == nil && p.display == "" {
			err = errors.New("no display yet")
		}
		return err
	})
	return p
}

func (w *world) logOff(p person) {
	w.t.Helper()
	w.run("systemctl", "stop", p.unit)
}

// session is logind's id of somebody's session.
func (w *world) session(name string) string {
	w.t.Helper()
	for line := range strings.Lines(w.run("loginctl", "list-sessions", "--no-legend")) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == name {
			return f[0]
		}
	}
	w.t.Fatalf("no session of %s", name)
	return ""
}

// types presses keys on somebody's keyboard, and waits until they have arrived.
func (w *world) types(p person, text string) {
	w.t.Helper()
	w.run("setpriv", "--reuid="+p.name, "--regid="+p.name, "--clear-groups", "env", "DISPLAY=:"+p.display, "HOME=/home/"+p.name,
		"xdotool", "type", "--delay", "20", text+"\n")
	w.await("the text in the terminal", func() error {
		out, err := w.m.Run(w.t.Context(), "cat", "/home/"+p.name+"/typed")
		if err == nil && !strings.Contains(out, text) {
			err = fmt.Errorf("it has %q", out)
		}
		return err
	})
}

// captures are the events with a capture that the collector has.
func (w *world) captures() []*lapwingv1.Event {
	return slices.DeleteFunc(w.collector.Events(), func(e *lapwingv1.Event) bool { return e.GetCapture() == nil })
}

func (w *world) awaitEvent(account, text string) {
	w.t.Helper()
	w.await("the phrase of "+account, func() error {
		var seen []string
		for _, e := range w.captures() {
			seen = append(seen, e.Account+": "+e.GetCapture().GetExcerpt())
			if e.Account == account && strings.Contains(e.GetCapture().GetExcerpt(), text) {
				return nil
			}
		}
		return fmt.Errorf("captures %q", seen)
	})
}

// awaitCoverage waits for the window sensor's word, which needs no bus.
func (w *world) awaitCoverage(state, code string) {
	w.t.Helper()
	w.await("coverage "+state+" "+code, func() error { return w.covered("window", state, code) })
}

// covered is nil when a sensor says this of itself.
func (w *world) covered(sensor, state, code string) error {
	w.t.Helper()
	if c := w.status().Coverage[sensor]; c.State != state || c.Code != code {
		return fmt.Errorf("%s is %s %s", sensor, c.State, c.Code)
	}
	return nil
}

// unprivileged: the session process has no rights that its person has not.
func (w *world) unprivileged() {
	w.t.Helper()
	pid := w.run("pgrep", "-f", program+" session")
	status := w.run("cat", "/proc/"+pid+"/status")
	for _, want := range []string{"CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "NoNewPrivs:\t1", "Groups:\t \n"} {
		if !strings.Contains(status+"\n", want) {
			w.t.Errorf("the session process lacks %q:\n%s", want, status)
		}
	}
}

// tamper: whoever kills his session process again and again is reported.
func (w *world) tamper() {
	w.t.Helper()
	var last string
	for range 3 {
		w.await("a session process", func() error {
			out, err := w.m.Run(w.t.Context(), "pgrep", "-f", program+" session")
			pid := strings.TrimSpace(out)
			if err != nil || pid == last || strings.Contains(pid, "\n") || w.status().Sessions != 1 {
				return fmt.Errorf("processes %q, the last was %s (%w)", pid, last, err)
			}
			last = pid
			return nil
		})
		w.run("setpriv", "--reuid=pupil", "--regid=pupil", "--clear-groups", "kill", "-9", last)
	}
	w.await("the report of tampering", func() error {
		for _, e := range w.collector.Events() {
			if k := e.GetTamper(); k != nil && k.Code == conditions.SessionDown && k.Count == 3 {
				return nil
			}
		}
		return errors.New("none")
	})
	w.awaitWatchers("pupil")
}
