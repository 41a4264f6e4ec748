//go:build linux

// Command demo is behind `make run`: a demo school on this machine, with a
// collector, an agent that watches this desktop, and a virtual desktop with an
// editor in it where there is none.
//
// It knows both programs from outside only, through internal/testkit/stack.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
	"github.com/lapwing-schools/lapwing/internal/testkit/stack"
)

func main() {
	bin := flag.String("bin", "bin", "folder of the built programs")
	dir := flag.String("dir", ".demo", "folder for the demo school's data; kept between runs")
	console := flag.String("console", "127.0.0.1:8443", "address of the console")
	agents := flag.String("agents", "127.0.0.1:9443", "address that agents dial")
	flag.Parse()
	// What this thread starts ends with it (Pdeathsig is of the thread, not of the process).
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := run(ctx, *bin, *dir, *console, *agents)
	switch {
	case errors.Is(err, context.Canceled): // stopped while it was starting
	case err != nil:
		fmt.Fprintln(os.Stderr, "make run:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bin, dir, console, agents string) (err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := stack.Available(ctx, console, agents); err != nil {
		return fmt.Errorf("%w\n(make run RUN_FLAGS='--console HOST:PORT --agents HOST:PORT' chooses others)", err)
	}
	screen, err := findDesktop(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, screen.stop()) }()
	s, err := stack.Start(ctx, stack.Options{Bin: bin, Dir: dir, Console: console, Agents: agents, Env: screen.env, Out: os.Stdout})
	if err != nil {
		return err
	}
	defer func() {
		fmt.Println("Stopping; the demo school's data stay in", dir)
		err = errors.Join(err, s.Stop())
	}()
	explain(s, screen, dir)
	select {
	case <-ctx.Done():
		return nil
	case <-s.Ended():
		return errors.New("a program ended by itself")
	}
}

// lock keeps a second demo out of the same folder: two desktops in it would
// take each other's sockets away.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("a demo school runs from %s already: stop it with Ctrl-C where it was started", dir)
	}
	return func() { file.Close() }, nil
}

func explain(s *stack.Stack, screen screen, dir string) {
	fmt.Printf(`
Open a link above in a browser on this machine. The browser warns about the certificate, because the demo
school signs its own: no authority can vouch for %s. Compare the fingerprint, then go on.

`, s.ConsoleURL())
	if screen.virtual != nil {
		fmt.Printf(`This machine has no desktop (DISPLAY is not set), so a virtual one runs, with an editor in it. The notice that
the computer is monitored stands on its screen: nothing is captured before that. It waits for an answer and
never takes the keyboard. Type something into the editor, for example:

  DISPLAY=%s XAUTHORITY='%s' xdotool type --delay 40 "%s "

`, screen.virtual.Display(), strings.ReplaceAll(screen.virtual.Getenv("XAUTHORITY"), "'", `'\''`), Sentence)
	} else {
		fmt.Printf("The agent watches this desktop. It shows a notice first that the computer is monitored, and captures nothing before.\n"+
			"Type something, for example into an editor: %s\n\n", Sentence)
	}
	fmt.Printf("It appears in the DSL's queue. Nothing that does not match a rule leaves the agent. Logs: %s\nCtrl-C stops everything.\n", dir)
}

// Sentence is one that the rules are sure to flag.
const Sentence = "i want to kill myself tonight"

// screen is the desktop that the agent watches.
type screen struct {
	env     []string
	virtual *desktop.Desktop // nil: the one this program was started on
}

func (s screen) stop() error {
	if s.virtual == nil {
		return nil
	}
	return s.virtual.Stop()
}

func findDesktop(ctx context.Context, dir string) (screen, error) {
	if os.Getenv("DISPLAY") != "" {
		return screen{env: os.Environ()}, nil
	}
	fmt.Println("No desktop here (DISPLAY is not set): a virtual one will be started.")
	packages := exec.CommandContext(ctx, "tools/packages.sh", "desktop")
	packages.Stdout, packages.Stderr = os.Stdout, os.Stderr
	if err := packages.Run(); err != nil {
		return screen{}, fmt.Errorf("a virtual desktop needs some packages: %w", err)
	}
	d, err := desktop.Start(ctx, desktop.Options{Dir: filepath.Join(dir, "desktop")})
	if err != nil {
		return screen{}, err
	}
	if err := openEditor(ctx, d); err != nil {
		return screen{}, errors.Join(err, d.Stop())
	}
	return screen{env: d.Env(), virtual: d}, nil
}

func openEditor(ctx context.Context, d *desktop.Desktop) error {
	if _, err := d.Start("mousepad"); err != nil {
		return err
	}
	window, err := d.Window(ctx, "mousepad")
	if err != nil {
		return err
	}
	return d.Activate(ctx, window)
}
