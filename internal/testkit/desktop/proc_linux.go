package desktop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Proc is a program running on a desktop.
type Proc struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// PID returns the process id.
func (p *Proc) PID() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Proc) Done() <-chan struct{} { return p.done }

// Kill ends the program and its process group at once and waits for it.
func (p *Proc) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// signal reaches the whole process group: a browser is many processes.
func (p *Proc) signal(s syscall.Signal) {
	// ESRCH means that it ended by itself, which is what we want.
	_ = syscall.Kill(-p.cmd.Process.Pid, s)
}

// Start starts a program that runs until it ends, is killed, or Stop is
// called. Its output goes to the desktop's log.
func (d *Desktop) Start(name string, args ...string) (*Proc, error) {
	return d.launch(d.command(context.Background(), name, args...))
}

func (d *Desktop) launch(cmd *exec.Cmd) (*Proc, error) {
	if cmd.Stdout == nil {
		cmd.Stdout, cmd.Stderr = d.logs, d.logs
	}
	// A group of its own, so that Ctrl-C in the caller's terminal does not
	// take the X server away before the caller has stopped its own parts.
	// And when the caller is killed, nothing of the desktop outlives it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return nil, fmt.Errorf("start %s: the desktop is stopped", cmd.Args[0])
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Args[0], err)
	}
	p := &Proc{cmd: cmd, done: make(chan struct{})}
	d.procs = append(d.procs, p)
	go func() {
		defer close(p.done)
		// How it ended is for whoever waits; most end by our own signal.
		_ = cmd.Wait()
	}()
	return p, nil
}

// Run runs a program to its end and returns its standard output, trimmed. A
// failure carries the program's own last words.
func (d *Desktop) Run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := d.command(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("run %s: %w: %s", name, err, bytes.TrimSpace(errs.Bytes()))
	}
	return strings.TrimSpace(out.String()), nil
}

// Type types text with real key events (XTEST), 12 ms a key.
func (d *Desktop) Type(ctx context.Context, text string) error {
	_, err := d.Run(ctx, "xdotool", "type", "--delay", "12", "--", text)
	return err
}

// Key presses keys or combinations one after another, for example "ctrl+a", "Return".
func (d *Desktop) Key(ctx context.Context, keys ...string) error {
	_, err := d.Run(ctx, "xdotool", append([]string{"key", "--delay", "12", "--"}, keys...)...)
	return err
}

// Click presses the left mouse button at a point of the screen, in pixels.
func (d *Desktop) Click(ctx context.Context, x, y int) error {
	_, err := d.Run(ctx, "xdotool", "mousemove", fmt.Sprint(x), fmt.Sprint(y), "click", "1")
	return err
}

// Window waits until a window with this class is visible and returns its id.
func (d *Desktop) Window(ctx context.Context, class string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	for {
		out, err := d.Run(ctx, "xdotool", "search", "--sync", "--onlyvisible", "--class", class)
		if ids := strings.Fields(out); err == nil && len(ids) > 0 {
			return ids[len(ids)-1], nil
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("wait for window %s (see %s): %w", class, d.logs.Name(), errors.Join(ctx.Err(), err))
		}
		// A window that closed while xdotool looked at it makes it fail: again.
	}
}

// Activate brings a window to the front and waits until it has the focus.
func (d *Desktop) Activate(ctx context.Context, window string) error {
	_, err := d.Run(ctx, "xdotool", "windowactivate", "--sync", window)
	return err
}

// Stop ends every program of the desktop, last started first, and removes the
// folder if Start made it. It returns within a few seconds, is safe to call
// twice, and names what had to be killed.
func (d *Desktop) Stop() error {
	d.mu.Lock()
	if d.stopped {
		d.mu.Unlock()
		return nil
	}
	d.stopped = true
	procs := slices.Clone(d.procs)
	d.mu.Unlock()

	var errs []error
	for _, p := range slices.Backward(procs) {
		select {
		case <-p.done:
			// The rest of its group may have outlived it.
			p.signal(syscall.SIGKILL)
			continue
		default:
		}
		p.signal(syscall.SIGTERM)
		select {
		case <-p.done:
			p.signal(syscall.SIGKILL)
		case <-time.After(stopBound):
			p.Kill()
			errs = append(errs, fmt.Errorf("stop %s: it did not end in %v and was killed", p.cmd.Args[0], stopBound))
		}
	}
	errs = append(errs, d.logs.Close())
	if d.ownsDir {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}
