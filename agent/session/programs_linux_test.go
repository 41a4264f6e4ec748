//go:build programs

// Programs that are too large to install for every run of the tests: `make
// test-programs` installs them and runs these.
package session

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/agent/capture"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	testdesktop "github.com/lapwing-schools/lapwing/internal/testkit/desktop"
)

// openFirefox opens a page in a new profile that asks nothing at its first start.
func (e *eyes) openFirefox(page string, prefs ...string) {
	e.t.Helper()
	profile := filepath.Join(e.d.Dir(), "profile")
	e.must(os.MkdirAll(profile, 0o700))
	prefs = append(prefs, `"browser.shell.checkDefaultBrowser", false`, `"browser.aboutwelcome.enabled", false`,
		`"datareporting.policy.dataSubmissionEnabled", false`, `"browser.startup.homepage_override.mstone", "ignore"`,
		`"termsofuse.bypassNotification", true`, `"signon.rememberSignons", false`)
	e.must(os.WriteFile(filepath.Join(profile, "user.js"), []byte("user_pref("+strings.Join(prefs, ");\nuser_pref(")+");\n"), 0o600))
	e.open("firefox-esr", "firefox-esr", "--no-remote", "--profile", profile, page)
}

func (e *eyes) openWriter() {
	e.t.Helper()
	e.open("libreoffice", "soffice", "--norestore", "--nologo", "--writer")
}

// secret is a password that takes as long to type as people need: Firefox does not
// know at once where a field stands, and one that was left before that makes the
// next field a password as well.
const secret = "qjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqjqj"

// onPage waits for the page's text field with its address.
func (e *eyes) onPage(address string) {
	e.t.Helper()
	e.awaitField("the text field of "+address, func(f capture.Field) bool {
		return f.App == "firefox-esr" && f.Role == capture.RoleText && strings.HasSuffix(f.Address, address)
	})
}

func TestPrograms(t *testing.T) {
	for _, tc := range []struct {
		app  string
		open func(e *eyes)
	}{
		{"firefox-esr", func(e *eyes) { e.openFirefox("file://" + testdata(e.t, "essay.html")) }},
		{"soffice.bin", (*eyes).openWriter},
		{"kwrite", func(e *eyes) {
			e.must(os.WriteFile(filepath.Join(e.d.Dir(), "essay.txt"), nil, 0o600))
			p, _ := e.open("kwrite", "kwrite", filepath.Join(e.d.Dir(), "essay.txt"))
			e.t.Cleanup(p.Kill) // or it asks whether to save
		}},
	} {
		t.Run(tc.app, func(t *testing.T) {
			e := startEyes(t, testdesktop.Options{})
			e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
			tc.open(e)
			e.awaitRole(tc.app, capture.RoleText)
			e.seesEachTextOnce()
		})
	}
}

func TestFirefoxPasswordIsNeverText(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
	e.openFirefox("file://" + testdata(t, "big.html"))
	e.onPage("big.html")
	e.typed("pupil")
	e.awaitText("pupil")
	// Without a pause: the password's first key follows Tab at once.
	e.keys("Tab", "q", "w", "v", "y", "j")
	e.awaitRole("firefox-esr", capture.RolePassword)
	e.typed("hunter2" + secret)
	e.paste("hunter3")
	e.keys("Tab")
	e.awaitRole("firefox-esr", capture.RoleText)
	e.typed("Essay text")
	e.awaitText("Essay text")
	// And by the mouse: the password field is the page's lower half.
	e.clickLow("q", "w", "v")
	e.awaitRole("firefox-esr", capture.RolePassword)
	e.typed("hunter2")
	for _, secret := range []string{"q", "w", "j", "hunt", "2", "•"} {
		e.never(secret)
	}
}

// clickLow clicks near the lower end of the window in front, and types keys at once.
func (e *eyes) clickLow(keys ...string) {
	e.t.Helper()
	_, err := e.d.Run(e.t.Context(), "sh", "-c", `w=$(xdotool getactivewindow) && eval "$(xdotool getwindowgeometry --shell $w)" &&
		xdotool mousemove --window $w $((WIDTH/2)) $((HEIGHT-HEIGHT/10)) click 1 key --delay 12 `+strings.Join(keys, " "))
	e.must(err)
}

// TestShownPasswordInFirefox: as in Chromium, neither a field of another type nor
// another element in its place opens anything.
func TestShownPasswordInFirefox(t *testing.T) {
	for _, key := range []string{"F8", "F9", "click"} {
		t.Run(key, func(t *testing.T) {
			e := startEyes(t, testdesktop.Options{})
			e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
			e.openFirefox("file://" + testdata(t, "show.html"))
			e.onPage("show.html")
			e.typed("pupil")
			e.awaitText("pupil")
			e.keys("Tab")
			e.awaitRole("firefox-esr", capture.RolePassword)
			e.typed(secret)
			if key == "click" {
				e.clickLow("q", "j", "q", "j")
			} else {
				e.keys(key)
			}
			e.typed("qjqjqj")
			e.awaitRole("firefox-esr", capture.RolePassword)
			e.typed(secret)
			e.keys("Tab")
			e.awaitRole("firefox-esr", capture.RoleText)
			e.typed("after")
			e.awaitText("after")
			e.never("q")
			e.never("j")
		})
	}
}

// TestHarboursInFirefox: what is typed at a helpline's page is not looked at, by
// the page's address; what is typed at another page is.
func TestHarboursInFirefox(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/private" {
			if _, _, ok := r.BasicAuth(); !ok {
				w.Header().Set("WWW-Authenticate", `Basic realm="Staff"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
		}
		fmt.Fprint(w, "<!doctype html><title>A page</title><textarea autofocus></textarea>")
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	proxy := []string{`"network.proxy.type", 1`, `"network.proxy.http", "127.0.0.1"`, `"network.proxy.http_port", ` + port,
		`"dom.security.https_first", false`, `"network.proxy.allow_hijacking_localhost", true`}
	for _, tc := range []struct {
		host string
		seen bool
	}{{"pages.giveusashout.org", false}, {"pages.giveusashout.org.example", true}} {
		t.Run(tc.host, func(t *testing.T) {
			e := startEyes(t, testdesktop.Options{})
			e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
			e.openFirefox("http://"+tc.host+"/", proxy...)
			e.onPage("//" + tc.host + "/")
			e.typed("please listen")
			if tc.seen {
				e.awaitText("please listen")
			}
			e.await("the keys", func() bool { return strings.HasSuffix(e.reported(), "listen") })
			if !tc.seen {
				e.never("p")
			}
		})
	}
	t.Run("prompt", func(t *testing.T) {
		e := startEyes(t, testdesktop.Options{})
		e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
		e.openFirefox("http://school.example/private", proxy...)
		e.awaitRole("firefox-esr", capture.RoleText)
		e.typed("pupil")
		e.awaitText("pupil")
		e.keys("Tab", "q", "w", "j")
		e.awaitRole("firefox-esr", capture.RolePassword)
		e.typed(secret)
		e.keys("Return")
		// What follows within ten seconds is taken for the password, shown: the
		// prompt does not say where its fields stand (docs/sensors.md).
		e.await("the page", func() bool {
			return slices.ContainsFunc(e.inputs, func(in capture.Input) bool {
				return in.Kind == capture.TitleShown && strings.HasPrefix(in.Text, "A page")
			})
		})
		for _, secret := range []string{"q", "w", "j"} {
			e.never(secret)
		}
	})
}

// TestFirefoxBeforeTheAgent: a Firefox that was started while nobody wanted
// accessibility names its page, not the field, as what has the focus. So nothing
// typed there is seen, which coverage says, until the focus moves once.
func TestFirefoxBeforeTheAgent(t *testing.T) {
	e := newEyes(t, testdesktop.Options{})
	e.openFirefox("file://" + testdata(t, "page.html"))
	_, err := e.d.Run(t.Context(), "xdotool", "search", "--sync", "--name", "Form")
	e.must(err)
	e.start()
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
	e.awaitField("the page", func(f capture.Field) bool { return strings.HasSuffix(f.Address, "page.html") })
	e.typed("not seen and not hidden")
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_LIMITED", "role_unavailable")
	e.keys("Tab", "q", "j")
	e.awaitRole("firefox-esr", capture.RolePassword)
	e.typed(secret)
	e.keys("Tab")
	e.awaitRole("firefox-esr", capture.RoleText)
	e.typed("seen")
	e.awaitText("seen")
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
	e.never("not")
	e.never("q")
}

// TestWriterBeforeTheAgent: LibreOffice is asked, and names three objects.
func TestWriterBeforeTheAgent(t *testing.T) {
	e := newEyes(t, testdesktop.Options{})
	e.openWriter()
	_, err := e.d.Run(t.Context(), "xdotool", "search", "--sync", "--name", "LibreOffice Writer")
	e.must(err)
	e.start()
	e.awaitRole("soffice.bin", capture.RoleText)
	e.typed("Seen")
	e.awaitText("Seen")
}

func TestWritersPasswordIsNeverText(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
	e.openWriter()
	e.awaitRole("soffice.bin", capture.RoleText)
	e.typed("Essay")
	e.awaitText("Essay")
	e.keys("ctrl+shift+s")
	e.awaitField("the dialog", func(f capture.Field) bool { return f.Title == "Save" && f.Role == capture.RoleText })
	e.keys("alt+w") // "Save with password"
	e.awaitField("the box", func(f capture.Field) bool { return f.Title == "Save" && f.Role == capture.RoleDenied })
	e.keys("alt+n")
	e.awaitField("the name", func(f capture.Field) bool { return f.Title == "Save" && f.Role == capture.RoleText })
	e.typed("essay")
	e.keys("Return")
	e.awaitField("the password", func(f capture.Field) bool { return f.Title == "Set Password" && f.Role == capture.RolePassword })
	e.keys("q", "j", "q", "j", "Tab", "q", "j", "q", "j")
	e.awaitRole("soffice.bin", capture.RolePassword)
	e.keys("Return")
	// Back in the document, after whatever else it asks.
	e.awaitField("the document", func(f capture.Field) bool {
		return strings.HasPrefix(f.Title, "essay") && f.Role == capture.RoleText
	})
	e.typed(" after")
	e.awaitText(" after")
	e.never("q")
	e.never("j")
}

// TestWriterCorrects: LibreOffice writes the first letter of a sentence large by
// taking the word out and putting another in.
func TestWriterCorrects(t *testing.T) {
	e := startEyes(t, testdesktop.Options{})
	e.awaitStatus(sensor.Text, "COVERAGE_STATE_OK", "")
	e.openWriter()
	e.awaitRole("soffice.bin", capture.RoleText)
	for _, text := range []string{"pupil one writes. he said hello there. ", "i dont. and so on"} {
		e.typed(text)
	}
	e.awaitText("pupil one writes. he said hello there. i dont. and so on")
	e.mu.Lock()
	defer e.mu.Unlock()
	if got := e.fragments(); len(got) != 1 {
		t.Errorf("captured %q", got)
	}
}
