package desktop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lockerUID is an account that no system has; it exists only for the locker.
const lockerUID = 48213

// Locker is a screen locker that asks PAM for the password of a person who
// exists nowhere else: in a mount namespace of its own the locker finds that
// account in copies of /etc/passwd and /etc/shadow. It needs root.
type Locker struct {
	d    *Desktop
	name string
	env  []string
	dir  string
	proc *Proc
}

// Lock locks the screen with i3lock or xscreensaver, which Unlock opens again.
// It returns when the locker covers the screen.
func (d *Desktop) Lock(ctx context.Context, name, password string) (*Locker, error) {
	l := &Locker{d: d, name: name}
	if err := l.prepare(ctx, password); err != nil {
		return nil, fmt.Errorf("lock with %s: %w", name, errors.Join(err, os.RemoveAll(l.dir)))
	}
	args := []string{"i3lock", "--nofork", "--color=000000"}
	if name == "xscreensaver" {
		args = []string{"xscreensaver", "--no-splash"}
	}
	var err error
	if l.proc, err = d.launch(l.command(context.Background(), args...)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(l.dir))
	}
	if err := l.shut(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("lock with %s (see %s): %w", name, d.logs.Name(), err), l.Close())
	}
	return l, nil
}

// prepare makes the account and its home.
func (l *Locker) prepare(ctx context.Context, password string) (err error) {
	if l.dir, err = os.MkdirTemp("", "lapwing-locker-"); err != nil {
		return err
	}
	hash, err := l.d.Run(ctx, "perl", "-e", `print crypt($ARGV[0], '$6$lapwing$')`, password)
	if err != nil {
		return err
	}
	lines := map[string]string{
		"passwd": fmt.Sprintf("lapwing-locker:x:%d:%d::%s:/bin/sh\n", lockerUID, lockerUID, l.dir),
		"shadow": fmt.Sprintf("lapwing-locker:%s:20000:0:99999:7:::\n", hash),
	}
	for name, line := range lines {
		if err := copyWith("/etc/"+name, filepath.Join(l.dir, name), line); err != nil {
			return err
		}
	}
	const settings = "lock: True\nlockTimeout: 0:00:00\nmode: blank\nfade: False\nunfade: False\nsplash: False\ndpmsEnabled: False\ntimeout: 10:00:00\n"
	if err := os.WriteFile(filepath.Join(l.dir, ".xscreensaver"), []byte(settings), 0o600); err != nil {
		return err
	}
	cookie, err := os.ReadFile(l.d.Getenv("XAUTHORITY"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(l.dir, "cookie"), cookie, 0o600); err != nil {
		return err
	}
	for _, path := range []string{".", "cookie", ".xscreensaver"} {
		if err := os.Chown(filepath.Join(l.dir, path), lockerUID, lockerUID); err != nil {
			return err
		}
	}
	l.env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "DISPLAY=" + l.d.Display(), "HOME=" + l.dir,
		"USER=lapwing-locker", "LOGNAME=lapwing-locker", "XAUTHORITY=" + filepath.Join(l.dir, "cookie")}
	return nil
}

// copyWith copies a file of the system, with a line more, for those who may
// read the original.
func copyWith(from, to, line string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	st, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, append(b, line...), 0o600); err != nil {
		return err
	}
	if err := os.Chown(to, 0, int(st.Sys().(*syscall.Stat_t).Gid)); err != nil {
		return err
	}
	return os.Chmod(to, st.Mode().Perm())
}

// command runs a program as the account.
func (l *Locker) command(ctx context.Context, args ...string) *exec.Cmd {
	id := strconv.Itoa(lockerUID)
	const script = `mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/shadow" /etc/shadow && shift &&
exec setpriv --reuid="$1" --regid="$1" --clear-groups -- "${@:2}"`
	all := append([]string{"--mount", "--propagation", "private", "bash", "-c", script, "locker", l.dir, id}, args...)
	cmd := exec.CommandContext(ctx, "unshare", all...)
	cmd.Env, cmd.Dir = l.env, "/"
	return cmd
}

// shut waits until the screen is locked.
func (l *Locker) shut(ctx context.Context) error {
	if l.name == "i3lock" {
		_, err := l.d.Window(ctx, "i3lock")
		return err
	}
	return poll(ctx, func() error {
		out, err := l.command(ctx, "xscreensaver-command", "-lock").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// Try types a password and Enter, as a person in front of the locked screen.
func (l *Locker) Try(ctx context.Context, password string) error {
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	if l.name == "xscreensaver" {
		// The dialogue, smaller than the screen, comes with the first letter.
		const dialogue = `xwininfo -root -tree | grep -Eq '"XScreenSaver"\)  [0-9]{3}x[0-9]{3}[+]'`
		wake := "until " + dialogue + "; do xdotool key a; sleep 0.5; done; sleep 0.3; for n in 1 2 3 4 5 6 7 8 9; do xdotool key BackSpace; done"
		if _, err := l.d.Run(ctx, "sh", "-c", wake); err != nil {
			return err
		}
	}
	if err := l.d.Type(ctx, password); err != nil {
		return err
	}
	return l.d.Key(ctx, "Return")
}

// Unlock types the right password, again when the locker was still busy with
// one before it, and returns when the screen is open.
func (l *Locker) Unlock(ctx context.Context, password string) error {
	const patience = 8 * time.Second // PAM takes 2 s for a wrong one
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	return poll(ctx, func() error {
		if err := l.Try(ctx, password); err != nil {
			return err
		}
		soon, stop := context.WithTimeout(ctx, patience)
		defer stop()
		return poll(soon, func() error { return l.open(ctx) })
	})
}

// open is nil when the screen is not locked.
func (l *Locker) open(ctx context.Context) error {
	if l.name == "i3lock" {
		select {
		case <-l.proc.Done():
			return nil
		default:
			return errors.New("i3lock has not ended")
		}
	}
	status, err := l.d.Run(ctx, "xprop", "-root", "_SCREENSAVER_STATUS")
	if err == nil && !strings.Contains(status, "= 0,") {
		err = fmt.Errorf("xscreensaver says %q", status)
	}
	return err
}

// Close ends the locker, whether it was unlocked or not.
func (l *Locker) Close() error {
	l.proc.Kill()
	return os.RemoveAll(l.dir)
}

// poll tries until it works or ctx is done.
func poll(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}
