//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestProvedMonitored: a technician asks a device for a test phrase. It is typed
// on the display while nobody uses it, goes the whole way, proves the device,
// and is no case.
func TestProvedMonitored(t *testing.T) {
	f := takeOff(t)
	f.closeWindows(t)
	technician := f.signIn(t, "technician")
	path := "/devices/" + f.devices(t)[0].ID
	technician.open(t, path)
	technician.says(t, "Not proved")
	technician.press(t, "Ask for a test phrase now")
	technician.await(t, "the request to be confirmed", `document.body.innerText.includes("1 connected device is asked for a test phrase")`)
	eventually(t, "the proof", func() bool {
		_, body := technician.status(t, path)
		return strings.Contains(body, "Proved monitored")
	})
	technician.open(t, path)
	technician.says(t, "Proved monitored", "reached the collector")
	if c := f.cases(t, "look for what a test phrase left"); len(c) != 0 {
		t.Errorf("the test phrase made %d cases", len(c))
	}
	dsl := f.signIn(t, "DSL")
	dsl.open(t, "/cases")
	dsl.says(t, "1 of 1 device is proved monitored")
}

// eventually waits for what nothing announces. Only something broken takes as
// long as it allows: a canary waits 20 seconds for quiet, and looks every ten.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !ok(); time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// closeWindows leaves the desktop empty.
func (f *flight) closeWindows(t *testing.T) {
	t.Helper()
	if _, err := f.desktop.Run(t.Context(), "sh", "-c", "xdotool search --onlyvisible --class mousepad | xargs -r -n1 xdotool windowkill"); err != nil {
		t.Fatal(err)
	}
}
