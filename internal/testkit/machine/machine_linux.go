package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Machine is a running machine. Its methods are safe for concurrent use.
type Machine struct {
	dir    string
	nspawn *exec.Cmd
	ended  chan struct{}
	leader string // the process id of its systemd, seen from outside
}

// Start boots a machine and returns once systemd says that it is running. ctx
// bounds the boot only. On an error nothing is left running.
func Start(ctx context.Context, o Options) (*Machine, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("start machine: only root can; run the tests as root, for example in the CI image")
	}
	m := &Machine{dir: o.Dir, ended: make(chan struct{})}
	if err := m.makeRoot(o.Accounts); err != nil {
		return nil, fmt.Errorf("start machine: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, bootBound)
	defer cancel()
	if err := m.boot(ctx); err != nil {
		console, _ := os.ReadFile(m.console())
		return nil, fmt.Errorf("start machine: %w; its console said: %s", errors.Join(err, m.Stop()), console)
	}
	return m, nil
}

// Root is the machine's root directory, seen from outside. /usr is empty there.
func (m *Machine) Root() string { return filepath.Join(m.dir, "root") }

func (m *Machine) console() string { return filepath.Join(m.dir, "console.log") }

func (m *Machine) boot(ctx context.Context) error {
	log, err := os.Create(m.console())
	if err != nil {
		return err
	}
	defer log.Close()
	m.nspawn = exec.Command("systemd-nspawn", "--quiet", "--directory="+m.Root(), "--bind-ro=/usr", "--tmpfs=/usr/local/share:mode=0755",
		"--register=no", "--keep-unit", "--link-journal=no", "--console=pipe", "--boot")
	m.nspawn.Stdout, m.nspawn.Stderr = log, log
	// Not the variables of a service manager outside.
	m.nspawn.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"}
	if err := m.nspawn.Start(); err != nil {
		m.nspawn = nil
		return fmt.Errorf("run systemd-nspawn (Debian package systemd-container): %w", err)
	}
	go func() {
		defer close(m.ended)
		_ = m.nspawn.Wait() // how it ended is in its console's log
	}()
	return m.awaitRunning(ctx)
}

// findLeader finds nspawn's child, which is the machine's first process once
// the children that prepare it are gone.
func (m *Machine) findLeader() error {
	pid := strconv.Itoa(m.nspawn.Process.Pid)
	list, err := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
	if err != nil {
		return err
	}
	fields := strings.Fields(string(list))
	if len(fields) != 1 {
		return fmt.Errorf("children of systemd-nspawn: %q", fields)
	}
	m.leader = fields[0]
	return nil
}

// awaitRunning waits for the end of the boot. "degraded" is enough: a container
// lacks devices that some unit may want.
func (m *Machine) awaitRunning(ctx context.Context) error {
	return m.poll(ctx, func() error {
		if err := m.findLeader(); err != nil {
			return err
		}
		out, err := m.Run(ctx, "systemctl", "is-system-running")
		if state := strings.TrimSpace(out); state == "running" || state == "degraded" {
			return nil
		}
		return fmt.Errorf("not booted: %q (%w)", strings.TrimSpace(out), err)
	})
}

func (m *Machine) poll(ctx context.Context, ready func() error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-m.ended:
			return errors.New("systemd-nspawn ended")
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// Command is a program in the machine, as root.
func (m *Machine) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--target", m.leader, "--all", "--", name}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root"}
	return cmd
}

// Run runs a program in the machine and returns what it printed.
func (m *Machine) Run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := m.Command(ctx, name, args...)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(problems.String()))
	}
	return string(out), nil
}

// Stop powers the machine off, the hard way if it takes too long.
func (m *Machine) Stop() error {
	if m.nspawn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopBound)
	defer cancel()
	if m.leader != "" {
		// At once, and so without an answer: nothing in it is worth a farewell, and
		// a browser takes a minute and a half over one.
		_, _ = m.Run(ctx, "systemctl", "poweroff", "--force", "--force")
	}
	select {
	case <-m.ended:
		return nil
	case <-ctx.Done():
		_ = m.nspawn.Process.Kill() // its first process goes with it
		<-m.ended
		return errors.New("stop machine: it did not power off and was killed")
	}
}
