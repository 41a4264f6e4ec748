package desktop

import (
	"os"
	"strings"
	"testing"
)

func TestStartTypeAndStop(t *testing.T) {
	ctx := t.Context()
	d, err := Start(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop() })
	for _, name := range []string{"DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "HOME"} {
		if d.Getenv(name) == "" {
			t.Errorf("environment lacks %s", name)
		}
	}
	out := d.Dir() + "/typed"
	xterm, err := d.Start("xterm", "-e", "cat > "+out)
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.Window(ctx, "xterm")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Activate(ctx, w); err != nil {
		t.Fatal(err)
	}
	const want = "Hello £5 @home"
	if err := d.Type(ctx, want); err != nil {
		t.Fatal(err)
	}
	if err := d.Key(ctx, "Return", "ctrl+d"); err != nil {
		t.Fatal(err)
	}
	<-xterm.Done()
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(got)) != want {
		t.Errorf("the terminal got %q, want %q", got, want)
	}
	dir := d.Dir()
	if err := d.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("stop left %s behind (%v)", dir, err)
	}
}

func TestMissingProgramIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Start(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "Xvfb") {
		t.Fatalf("error %v does not name the missing program", err)
	}
}
