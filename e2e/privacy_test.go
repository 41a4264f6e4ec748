//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Words that are planted where nothing may be captured. Each is typed once and
// must be found nowhere afterwards.
const (
	unmatched = "quibble zephyr marmalade turnstile"
	password  = "gooseberry-planted-9931"
	echoOff   = "tambourine-planted-4417"
	shiftTab  = "cucumber-planted-2250"
	altTab    = "porcupine-planted-7716"
	clicked   = "bagpipes-planted-3308"
	inTmux    = "wheelbarrow-planted-6184"
	unlocking = "thimble-planted-5529"
)

// The page has a text field, a password field that fills its lower half, and a
// text field again.
const page = `<!doctype html><title>Class portal</title><form>
<label>Essay <input id="essay" autofocus></label>
<label>Password <input type="password" style="position: fixed; left: 0; bottom: 0; width: 100%; height: 40%"></label>
<label>Comment <input></label></form>`

// TestNothingElseLeaves types secrets beside phrases that are flagged, in an
// editor, a web page and a terminal, and then searches all that both programs
// wrote: files, logs, the network, every system call that carries bytes out of
// the agent's two processes, and the store unsealed.
func TestNothingElseLeaves(t *testing.T) {
	f := takeOff(t)
	calls := f.traceWrites(t)
	packets := f.recordNetwork(t)
	dsl := f.signIn(t, "DSL")
	dsl.open(t, "/cases")

	f.focus(t, "mousepad")
	f.typeText(t, unmatched+"\n")
	f.typeText(t, phrase+"\n")
	dsl.await(t, "what was typed in the editor", shows(phrase))

	f.openPage(t)
	f.typeUntil(t, dsl, "in my essay")
	f.typeText(t, "and so on")
	// At once, as somebody who knows the page does: the role must be known
	// before the first key, not after it.
	f.key(t, "Tab")
	f.typeText(t, password+" i want to kill myself in secret")
	f.key(t, "Tab")
	f.typeUntil(t, dsl, "in a comment")

	const more = " i want to kill myself in secret"
	f.key(t, "shift+Tab")
	f.typeText(t, shiftTab+more)
	f.key(t, "alt+Tab")
	f.awaitTitle(t, "Mousepad")
	f.key(t, "alt+Tab") // back into the password
	f.awaitTitle(t, "Class portal")
	f.typeText(t, altTab+more)
	f.key(t, "shift+Tab")
	f.clickPassword(t)
	f.typeText(t, clicked+more)

	f.openSilentPrompt(t)
	f.typeText(t, echoOff+" i want to kill myself by saxophone\n")
	f.openSilentTmux(t)
	f.typeText(t, inTmux+more+"\n")
	for _, locker := range []string{"i3lock", "xscreensaver"} {
		f.lockAndUnlock(t, locker, unlocking+more)
	}
	f.focus(t, "mousepad")
	f.typeText(t, "and at last i want to kill myself\n")
	dsl.await(t, "the last phrase", shows("and at last"))

	var unsealed strings.Builder
	cases := f.cases(t, "search for planted words")
	for _, c := range cases {
		_, body := dsl.status(t, "/cases/"+c.ID)
		unsealed.WriteString(body)
		fmt.Fprintln(&unsealed, c.Excerpt)
	}
	// The search can find something: what was flagged is in the store unsealed,
	// and crosses from the session process to the service.
	sent := calls()
	for _, control := range []string{"in my essay", "in a comment", "and at last"} {
		if !strings.Contains(unsealed.String(), control) {
			t.Errorf("the control %q is not in the store", control)
		}
		if !bytes.Contains(sent, []byte(control)) {
			t.Errorf("the control %q was not seen to cross", control)
		}
	}
	secrets := append(words(unmatched), password, "in secret", echoOff, "saxophone", shiftTab, altTab, clicked, inTmux, unlocking)
	search(t, "the store, unsealed", []byte(unsealed.String()), secrets)
	search(t, "the agent's system calls", sent, secrets)
	search(t, "the network", packets(), secrets)
	f.searchFiles(t, append(secrets, "kill myself"))
	// The lockers' password is one that would have been captured anywhere else.
	f.typeText(t, unlocking+more+"\n")
	dsl.await(t, "the lockers' password, typed in the open", shows(unlocking))
}

// typeUntil types a control, a phrase that is flagged, as slowly as a person
// does, and again if need be: what is typed while a busy browser does not say
// what its field is, is dropped and not taken; and what is typed faster than
// anybody can, in a field that another one takes over within two seconds, is
// taken back, since it may have been the start of that one's password.
func (f *flight) typeUntil(t *testing.T, dsl *person, words string) {
	t.Helper()
	for range 4 {
		if _, err := f.desktop.Run(t.Context(), "xdotool", "type", "--delay", "90", words+" i want to kill myself "); err != nil {
			t.Fatal(err)
		}
		if dsl.soon(t, shows(words)) {
			return
		}
	}
	dsl.await(t, words, shows(words))
}

func words(sentence string) []string { return strings.Fields(sentence) }

func search(t *testing.T, where string, in []byte, secrets []string) {
	t.Helper()
	if len(in) == 0 {
		t.Errorf("%s: nothing was recorded", where)
	}
	for _, s := range secrets {
		if bytes.Contains(in, []byte(s)) {
			t.Errorf("%s: found %q", where, s)
		}
	}
}

// searchFiles searches everything below both programs' folders, logs included.
func (f *flight) searchFiles(t *testing.T, secrets []string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".trace") || strings.HasSuffix(path, ".pcap") {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, s := range secrets {
			if bytes.Contains(content, []byte(s)) {
				t.Errorf("%s: found %q", path, s)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Errorf("only %d files were found below %s", files, f.dir)
	}
}

// openPage shows the page in a Chromium window on the watched desktop.
func (f *flight) openPage(t *testing.T) {
	t.Helper()
	loaded := make(chan struct{}, 16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, page)
		loaded <- struct{}{}
	}))
	t.Cleanup(server.Close)
	_, err := f.desktop.Start("chromium", "--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-quic",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--password-store=basic",
		"--user-data-dir="+t.TempDir(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	<-loaded
	f.focus(t, "chromium")
	f.awaitTitle(t, "Class portal")
}

// awaitTitle waits until the active window has a title with these words.
func (f *flight) awaitTitle(t *testing.T, words string) {
	t.Helper()
	await(t, words+" in the active window's title", func() error {
		title, err := f.desktop.Run(t.Context(), "xdotool", "getactivewindow", "getwindowname")
		if err == nil && !strings.Contains(title, words) {
			err = fmt.Errorf("the window is %q", title)
		}
		return err
	})
}

// openSilentPrompt shows a terminal that reads without an echo, as sudo does.
func (f *flight) openSilentPrompt(t *testing.T) {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready")
	script := fmt.Sprintf("stty -echo; touch %s; read secret; stty echo; sleep 60", ready)
	if _, err := f.desktop.Start("xterm", "-e", "sh", "-c", script); err != nil {
		t.Fatal(err)
	}
	f.focus(t, "xterm")
	await(t, "the silent prompt", func() error {
		_, err := os.Stat(ready)
		return err
	})
}

// openSilentTmux shows the same inside tmux, whose own terminal only says that
// its program draws by itself.
func (f *flight) openSilentTmux(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	ready, socket := filepath.Join(dir, "ready"), filepath.Join(dir, "tmux")
	script := fmt.Sprintf("stty -echo; touch %s; read secret; stty echo; sleep 60", ready)
	if _, err := f.desktop.Start("xterm", "-class", "Multiplexed", "-e", "tmux", "-f", "/dev/null", "-S", socket, "new", script); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("tmux", "-S", socket, "kill-server").CombinedOutput(); err != nil {
			t.Errorf("end tmux: %v: %s", err, out)
		}
	})
	f.focus(t, "Multiplexed")
	await(t, "the silent prompt in tmux", func() error {
		_, err := os.Stat(ready)
		return err
	})
}

// clickPassword clicks into the page's password field.
func (f *flight) clickPassword(t *testing.T) {
	t.Helper()
	_, err := f.desktop.Run(t.Context(), "sh", "-c", `w=$(xdotool getactivewindow) && eval "$(xdotool getwindowgeometry --shell $w)" &&
		xdotool mousemove --window $w $((WIDTH/2)) $((HEIGHT-HEIGHT/10)) click 1`)
	if err != nil {
		t.Fatal(err)
	}
}

// lockAndUnlock locks the screen and opens it with the password, by PAM.
func (f *flight) lockAndUnlock(t *testing.T, locker, password string) {
	t.Helper()
	l, err := f.desktop.Lock(t.Context(), locker, password)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Unlock(t.Context(), password), l.Close()); err != nil {
		t.Fatal(err)
	}
}

// traceWrites records every system call by which the agent's two processes
// send or write bytes. The returned function stops it and gives the record.
func (f *flight) traceWrites(t *testing.T) func() []byte {
	t.Helper()
	path := filepath.Join(f.dir, "agent.trace")
	args := []string{"-f", "-q", "-s", "1000000", "-o", path, "-e", "trace=write,pwrite64,writev,pwritev,sendto,sendmsg,sendmmsg"}
	for _, pid := range append([]int{f.AgentPID()}, children(t, f.AgentPID())...) {
		args = append(args, "-p", strconv.Itoa(pid))
	}
	stop := record(t, exec.Command("strace", args...))
	return func() []byte { stop(); return read(t, path) }
}

// recordNetwork records the packets between agent, collector and browsers.
func (f *flight) recordNetwork(t *testing.T) func() []byte {
	t.Helper()
	path := filepath.Join(f.dir, "network.pcap")
	_, port, _ := strings.Cut(f.AgentsAddress(), ":")
	stop := record(t, exec.Command("tcpdump", "-i", "lo", "-U", "-s", "0", "-w", path, "-Z", "root", "tcp", "port", port))
	await(t, "the packet recorder", func() error {
		_, err := os.Stat(path)
		return err
	})
	return func() []byte { stop(); return read(t, path) }
}

// record starts a recorder; the returned function interrupts it and waits.
func record(t *testing.T, cmd *exec.Cmd) func() {
	t.Helper()
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		// What a recorder says when it is interrupted is of no interest; an empty record is.
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
	}
	t.Cleanup(stop)
	return stop
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
