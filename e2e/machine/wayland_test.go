//go:build linux

package machine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/conditions"
)

// Phrases typed on the Wayland desktop; the third is a password.
const (
	editorPhrase = "i want to kill myself tonight"
	pagePhrase   = "i am going to end my life"
	secretPhrase = "i am going to kill myself tomorrow"
	titlePhrase  = "how to kill myself"
)

// page moves the focus by itself on Enter: the tool that types on Wayland has no Tab.
const page = `<!doctype html><title>Form</title>
<input id=name autofocus onkeydown="if (event.key == 'Enter') secret.focus()">
<input id=secret type=password onkeydown="if (event.key == 'Enter') { document.title = '` + titlePhrase + `'; essay.focus() }">
<textarea id=essay></textarea>`

// TestWayland: a real Wayland session (sway), found through logind, with an
// editor that speaks Wayland itself.
func TestWayland(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	w.agent("service", "install")
	w.agent("service", "start")
	w.swayLogOn()
	w.awaitWatchers("pupil")
	w.awaitCoverage("ok", "")
	w.await("the text sensor", func() error { return w.covered("text", "limited", conditions.WaylandNoKeys) })

	w.sway("exec env GTK_MODULES=gail:atk-bridge mousepad --disable-server")
	w.awaitFront("mousepad")
	w.typesWayland("mousepad", editorPhrase)
}

// TestWaylandBrowser: what is typed into a page arrives, what is typed into its
// password field does not.
func TestWaylandBrowser(t *testing.T) {
	w := newWorld(t)
	w.enrol()
	w.agent("service", "install")
	w.agent("service", "start")
	w.swayLogOn()
	w.awaitWatchers("pupil")
	w.await("the text sensor", func() error { return w.covered("text", "limited", conditions.WaylandNoKeys) })
	w.sway("exec chromium --no-sandbox --ozone-platform=wayland --no-first-run --disable-gpu --disable-background-networking --user-data-dir=/home/pupil/profile file:///home/pupil/page.html")
	w.awaitFront("chromium")
	w.typesWayland("chromium", pagePhrase)
	w.wtype("-k", "End", "-k", "Return") // the first key may be the lost one
	w.wtype(". " + secretPhrase)
	w.wtype("-k", "End", "-k", "Return") // the first key may be the lost one
	// The page's new title says that the password was typed and left.
	w.awaitEvent("pupil", titlePhrase)
	for _, e := range w.captures() {
		c := e.GetCapture()
		if strings.Contains(c.GetExcerpt()+c.GetTitle(), "tomorrow") {
			t.Errorf("the password field was captured: %q", c.GetExcerpt())
		}
	}
}

// swayLogOn opens a Wayland session through PAM.
func (w *world) swayLogOn() {
	w.t.Helper()
	home := filepath.Join(w.m.Root(), "home/pupil")
	for name, text := range map[string]string{
		"page.html": page,
		"sway.conf": "exec sh -c 'echo $WAYLAND_DISPLAY $SWAYSOCK > ~/display.new && mv ~/display.new ~/display'\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	w.run("systemd-run", "--quiet", "--unit=desktop-pupil", "-p", "PAMName=login", "-p", "User=pupil", "-p", "WorkingDirectory=/home/pupil",
		"-p", "Environment=XDG_SESSION_TYPE=wayland XDG_SEAT=seat0 XDG_SESSION_CLASS=user",
		"-p", "Environment=WLR_BACKENDS=headless WLR_LIBINPUT_NO_DEVICES=1 WLR_RENDERER=pixman",
		"sway", "-c", "/home/pupil/sway.conf")
	w.await("sway", func() error {
		_, err := w.m.Run(w.t.Context(), "test", "-s", "/home/pupil/display")
		return err
	})
}

// pupilRuns runs a program on the Wayland desktop.
func (w *world) pupilRuns(script string, args ...string) (string, error) {
	set := `read WAYLAND_DISPLAY SWAYSOCK < /home/pupil/display; export WAYLAND_DISPLAY SWAYSOCK XDG_RUNTIME_DIR=/run/user/2001 HOME=/home/pupil; ` + script
	return w.m.Run(w.t.Context(), "setpriv", append([]string{"--reuid=pupil", "--regid=pupil", "--clear-groups", "sh", "-c", set, "sh"}, args...)...)
}

func (w *world) sway(command string) {
	w.t.Helper()
	if _, err := w.pupilRuns(`swaymsg "$1"`, command); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wtype(args ...string) {
	w.t.Helper()
	if _, err := w.pupilRuns(`wtype -d 20 "$@"`, args...); err != nil {
		w.t.Fatal(err)
	}
}

// awaitFront waits until sway has a program's window in front.
func (w *world) awaitFront(app string) {
	w.t.Helper()
	w.await(app+" in front", func() error {
		out, err := w.pupilRuns(`swaymsg -t get_tree`)
		if err != nil {
			return err
		}
		// Of the tree, only the window with the focus has both in this order.
		for part := range strings.SplitSeq(out, `"focused": `) {
			if strings.HasPrefix(part, "true") && strings.Contains(strings.ToLower(part), `"app_id": "`) {
				_, rest, _ := strings.Cut(strings.ToLower(part), `"app_id": "`)
				if strings.Contains(strings.SplitN(rest, `"`, 2)[0], app) {
					return nil
				}
			}
		}
		return errNotYet
	})
}

// typesWayland types until the text has been seen: the tool loses letters while
// a program makes up its mind about the keyboard.
func (w *world) typesWayland(app, text string) {
	w.t.Helper()
	w.await("the text in "+app, func() error {
		w.wtype(". " + text + " ") // the first letter may be the lost one
		for _, e := range w.captures() {
			if strings.Contains(e.GetCapture().GetExcerpt(), text) && e.GetCapture().GetApp() == app {
				return nil
			}
		}
		return errNotYet
	})
}
