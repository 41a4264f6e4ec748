package desktop

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Desktop is a running desktop. Its methods are safe for concurrent use.
type Desktop struct {
	dir     string
	ownsDir bool
	env     []string
	display string
	logs    *os.File

	mu sync.Mutex
	// procs in the order of their start; Stop ends them backwards.
	procs   []*Proc
	stopped bool
}

// Start starts a desktop and returns once its window manager and its
// accessibility bus answer. ctx bounds the start only; the desktop then lives
// until Stop. On an error nothing is left running.
func Start(ctx context.Context, o Options) (*Desktop, error) {
	o = o.withDefaults()
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	d := &Desktop{dir: o.Dir}
	if err := d.prepare(); err != nil {
		return nil, fmt.Errorf("start desktop: %w", err)
	}
	if err := d.start(ctx, o); err != nil {
		return nil, fmt.Errorf("start desktop: %w", errors.Join(err, d.Stop()))
	}
	return d, nil
}

func (d *Desktop) prepare() error {
	if d.dir == "" {
		dir, err := os.MkdirTemp("", "lapwing-desktop-")
		if err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		d.dir, d.ownsDir = dir, true
	}
	for _, sub := range []string{"home", "run"} {
		if err := os.MkdirAll(filepath.Join(d.dir, sub), 0o700); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
	}
	logs, err := os.OpenFile(filepath.Join(d.dir, "desktop.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	d.logs = logs
	cookie := filepath.Join(d.dir, "Xauthority")
	if err := writeCookie(cookie); err != nil {
		return err
	}
	d.env = append(inherited(),
		"XAUTHORITY="+cookie,
		"HOME="+filepath.Join(d.dir, "home"),
		"XDG_RUNTIME_DIR="+filepath.Join(d.dir, "run"),
		"LANG=C.UTF-8",
		// No desktop sets these here, and GTK 3 joins the accessibility bus only when asked.
		"GTK_MODULES=gail:atk-bridge",
		"GSETTINGS_BACKEND=memory",
		"NO_AT_BRIDGE=0",
	)
	return nil
}

// inherited returns the environment without what belongs to another desktop.
func inherited() []string {
	ours := []string{
		"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
		"XDG_CACHE_HOME", "XDG_SESSION_ID", "DBUS_SESSION_BUS_ADDRESS", "AT_SPI_BUS_ADDRESS", "LANG", "LC_ALL",
		"GTK_MODULES", "GSETTINGS_BACKEND", "NO_AT_BRIDGE",
	}
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(ours, name)
	})
}

// writeCookie writes an Xauthority file with one random cookie that is good
// for any display (family "wild", no number): the display's number is not
// known before the server runs. Format: Xau library, Xauth(3).
func writeCookie(path string) error {
	var secret [16]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return fmt.Errorf("make cookie: %w", err)
	}
	const familyWild = 0xffff
	b := binary.BigEndian.AppendUint16(nil, familyWild)
	for _, field := range []string{"", "", "MIT-MAGIC-COOKIE-1", string(secret[:])} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(field)))
		b = append(b, field...)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return fmt.Errorf("write cookie: %w", err)
	}
	return nil
}

func (d *Desktop) start(ctx context.Context, o Options) error {
	if err := d.startX(ctx, o); err != nil {
		return err
	}
	if !o.NoAccessibility {
		if err := d.startBus(ctx); err != nil {
			return err
		}
	}
	if !o.NoWindowManager {
		if _, err := d.Start("openbox", "--sm-disable"); err != nil {
			return err
		}
		// openbox is up once it has named itself on the root window.
		if _, err := d.Run(ctx, "sh", "-c", `until xprop -root _NET_SUPPORTING_WM_CHECK 2>/dev/null | grep -q 0x; do sleep 0.05; done`); err != nil {
			return fmt.Errorf("wait for the window manager: %w", err)
		}
	}
	if _, err := d.Run(ctx, "setxkbmap", "-layout", o.Layout); err != nil {
		return err
	}
	return nil
}

func (d *Desktop) startX(ctx context.Context, o Options) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	defer r.Close()
	screen := fmt.Sprintf("%dx%dx24", o.Width, o.Height)
	cmd := d.command(context.Background(), "Xvfb", "-displayfd", "3", "-screen", "0", screen,
		"-nolisten", "tcp", "-noreset", "-auth", filepath.Join(d.dir, "Xauthority"))
	cmd.ExtraFiles = []*os.File{w}
	_, err = d.launch(cmd)
	w.Close()
	if err != nil {
		return err
	}
	number, err := readLine(ctx, r)
	if err != nil {
		return fmt.Errorf("wait for Xvfb (see %s): %w", d.logs.Name(), err)
	}
	d.display = ":" + number
	d.env = append(d.env, "DISPLAY="+d.display)
	return nil
}

func (d *Desktop) startBus(ctx context.Context) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	defer r.Close()
	address := "unix:path=" + escapeAddress(filepath.Join(d.dir, "run", "bus"))
	cmd := d.command(context.Background(), "dbus-daemon", "--session", "--nofork", "--nopidfile", "--address="+address, "--print-address=3")
	cmd.ExtraFiles = []*os.File{w}
	_, err = d.launch(cmd)
	w.Close()
	if err != nil {
		return err
	}
	if _, err := readLine(ctx, r); err != nil {
		return fmt.Errorf("wait for dbus-daemon (see %s): %w", d.logs.Name(), err)
	}
	d.env = append(d.env, "DBUS_SESSION_BUS_ADDRESS="+address)
	// Asking for the address starts the accessibility bus (D-Bus activation).
	if _, err := d.Run(ctx, "dbus-send", "--session", "--print-reply", "--dest=org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus.GetAddress"); err != nil {
		return fmt.Errorf("wait for the accessibility bus: %w", err)
	}
	return nil
}

// escapeAddress writes a path as a D-Bus address wants it: everything but
// plain characters as %XX (D-Bus specification, "Server Addresses").
func escapeAddress(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_/.*", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// readLine reads one line, and gives up when ctx is done.
func readLine(ctx context.Context, r *os.File) (string, error) {
	stop := context.AfterFunc(ctx, func() { r.Close() })
	defer stop()
	line, err := bufio.NewReader(r).ReadString('\n')
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if errors.Is(err, io.EOF) {
		return "", errors.New("it ended before it was ready")
	}
	return strings.TrimSpace(line), err
}

// Display returns the display's name, for example ":99".
func (d *Desktop) Display() string { return d.display }

// Dir returns the folder of the desktop; its log is desktop.log there.
func (d *Desktop) Dir() string { return d.dir }

// Env returns the whole environment for a program on this desktop.
func (d *Desktop) Env() []string { return slices.Clone(d.env) }

// Getenv returns one variable of Env, empty when unset.
func (d *Desktop) Getenv(name string) string {
	for _, kv := range slices.Backward(d.env) {
		if n, v, _ := strings.Cut(kv, "="); n == name {
			return v
		}
	}
	return ""
}

func (d *Desktop) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = d.Env()
	cmd.Dir = d.dir
	return cmd
}
