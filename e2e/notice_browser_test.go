//go:build linux

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// portal is the desktop's own way to open an address, as desktops have it on
// the session bus (org.freedesktop.portal.OpenURI).
type portal struct{ opened chan string }

// OpenURI is the method of that name.
func (p portal) OpenURI(_, address string, _ map[string]dbus.Variant) (dbus.ObjectPath, *dbus.Error) {
	p.opened <- address
	return "/org/freedesktop/portal/desktop/request/1", nil
}

func (f *flight) openPortal(t *testing.T) portal {
	t.Helper()
	conn, err := dbus.Connect(f.desktop.Getenv("DBUS_SESSION_BUS_ADDRESS"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p := portal{make(chan string, 8)}
	if err := conn.Export(p, "/org/freedesktop/portal/desktop", "org.freedesktop.portal.OpenURI"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName("org.freedesktop.portal.Desktop", 0); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestNoticeInTheBrowser: where the window cannot write the notice, the desktop
// is asked to open the local page. That it was asked is not enough: nothing is
// captured until a browser has fetched the notice; and the page takes the answer.
func TestNoticeInTheBrowser(t *testing.T) {
	f := flightWithNotice(t)
	p := f.openPortal(t)
	f.prepare(t, "ur-1", "یہ کمپیوٹر")
	f.launch(t, "PATH="+t.TempDir())
	address := <-p.opened
	f.awaitText(t, "off", "notice_unseen")
	f.focus(t, "mousepad")
	f.typeText(t, "marmalade "+phrase+"\n")

	r, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil || !strings.Contains(string(body), "یہ کمپیوٹر") || !strings.Contains(string(body), "I do not agree") {
		t.Fatalf("%v: %s", err, body)
	}
	f.awaitText(t, "ok", "")
	f.typeText(t, "after it "+phrase+"\n")
	only := func(c []caseLine) bool { return len(c) == 1 && c[0].Captures == 1 }
	if c := f.awaitCases(t, "the phrase typed after the notice", only)[0]; !strings.Contains(c.Excerpt, "after it") {
		t.Errorf("kept %q", c.Excerpt)
	}

	form := url.Values{"version": {"ur-1"}, "answer": {"acknowledged"}}
	r, err = http.PostForm(strings.TrimSuffix(address, "notice")+"answer", form)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("the answer: %s", r.Status)
	}
	dsl := f.signIn(t, "DSL")
	await(t, "the answer in the ledger", func() error {
		dsl.open(t, "/acknowledgements?show=acknowledged")
		if n := strings.Count(dsl.text(t), "Has read it"); n < 2 { // the filter, and a row
			return fmt.Errorf("named %d times", n)
		}
		return nil
	})
	f.searchFiles(t, []string{"marmalade"})
}
