package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/lapwing-schools/lapwing/agent/dial"
	"github.com/lapwing-schools/lapwing/agent/doctor"
	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/install"
	"github.com/lapwing-schools/lapwing/agent/status"
	"github.com/lapwing-schools/lapwing/internal/buildinfo"
)

type serviceCmd struct {
	Install   serviceInstallCmd   `cmd:"" help:"Register the service and have it started at boot."`
	Uninstall serviceUninstallCmd `cmd:"" help:"Tell the collector, stop the service and remove it with its data."`
	Start     serviceStartCmd     `cmd:"" help:"Start the service."`
	Stop      serviceStopCmd      `cmd:"" help:"Stop the service until the next boot or start."`
	Restart   serviceRestartCmd   `cmd:"" help:"Stop and start the service."`
	Status    serviceStatusCmd    `cmd:"" help:"Say whether the service runs: running, starting, failing, stopped, not installed."`
}

func (serviceCmd) Help() string {
	return `Needs the machine's administrator (root). Examples:

  lapwing-agent service install
  lapwing-agent service status`
}

var errNotAdministrator = errors.New("only the machine's administrator may do this: run it as root")

// control returns the service of this program and a directory.
func control(dir string, o install.Options) (*install.Service, error) {
	// Windows has no user ids; there the service manager refuses by itself.
	if id := os.Geteuid(); id > 0 {
		return nil, errNotAdministrator
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("find the agent's directory: %w", err)
	}
	return install.New(program, dir, o)
}

type serviceInstallCmd struct {
	dirFlag
	BlockMedia bool `help:"Let the service block USB media, where the policy asks for it."`
}

func (serviceInstallCmd) Help() string {
	return `The program stays where it is; only root may be able to change it. Example:

  install -D lapwing-agent /opt/lapwing/lapwing-agent
  /opt/lapwing/lapwing-agent service install

With --block-media the service may write below /sys/devices, which it may not otherwise; installing again without it takes that back.`
}

func (c *serviceInstallCmd) Run(s *streams) error {
	svc, err := control(c.Dir, install.Options{BlockMedia: c.BlockMedia})
	if err != nil {
		return err
	}
	// It becomes 0700, which would lock everybody out of /home.
	if err := checkOurs(c.Dir, "nothing was installed: name an empty one or a new one with --dir"); err != nil {
		return err
	}
	if err := svc.Install(); err != nil {
		return err
	}
	if err := svc.AddLauncher(); err != nil {
		fmt.Fprintf(s.err, "The menus have no entry for the page that tells people what is seen (lapwing-agent notice): %v\n", err)
	}
	next := "Start it: lapwing-agent service start"
	if _, err := identity.Load(c.Dir); err != nil {
		next = "Enrol this device, then start it: lapwing-agent enrol STRING && lapwing-agent service start"
	}
	_, err = fmt.Fprintln(s.out, "Installed.", next)
	return err
}

type serviceStartCmd struct{ dirFlag }

func (serviceStartCmd) Help() string {
	return "Example:\n\n  lapwing-agent service start"
}

func (c *serviceStartCmd) Run(s *streams) error {
	svc, err := control(c.Dir, install.Options{})
	if err != nil {
		return err
	}
	// The service manager would skip it without a word.
	if _, err := identity.Load(c.Dir); errors.Is(err, identity.ErrNotEnrolled) {
		return identity.ErrNotEnrolled
	}
	if err := installed(svc); err != nil {
		return err
	}
	if err := svc.Start(); err != nil {
		return why(err)
	}
	return said(s, "Started.")
}

// why adds where a service that does not start says why.
func why(err error) error {
	if runtime.GOOS != "linux" {
		return err
	}
	return fmt.Errorf("%w; see: journalctl -u %s", err, install.Name)
}

func said(s *streams, words string) error {
	_, err := fmt.Fprintln(s.out, words)
	return err
}

// errNotInstalled says what to do.
var errNotInstalled = errors.New("the service is not installed; install it with: lapwing-agent service install")

func installed(svc *install.Service) error {
	if state, err := svc.State(); err == nil && state == install.NotInstalled {
		return errNotInstalled
	}
	return nil // one that failed can be started
}

type serviceStopCmd struct{ dirFlag }

func (serviceStopCmd) Help() string {
	return "The collector is told that the device goes silent. Example:\n\n  lapwing-agent service stop"
}

func (c *serviceStopCmd) Run(s *streams) error {
	svc, err := control(c.Dir, install.Options{})
	if err != nil {
		return err
	}
	if err := installed(svc); err != nil {
		return err
	}
	if err := svc.Stop(); err != nil {
		return err
	}
	return said(s, "Stopped.")
}

type serviceRestartCmd struct{ dirFlag }

func (serviceRestartCmd) Help() string {
	return "Example:\n\n  lapwing-agent service restart"
}

func (c *serviceRestartCmd) Run(s *streams) error {
	svc, err := control(c.Dir, install.Options{})
	if err != nil {
		return err
	}
	if err := installed(svc); err != nil {
		return err
	}
	if err := install.Leave(c.Dir, install.ToRestart); err != nil {
		return err
	}
	if err := svc.Restart(); err != nil {
		// It may run on, and must not call its next stop a restart.
		return errors.Join(why(err), install.Left(c.Dir))
	}
	return said(s, "Restarted.")
}

type serviceStatusCmd struct{ dirFlag }

func (serviceStatusCmd) Help() string {
	return `Exit code 0 when it runs, else 1. What the device sees is told by lapwing-agent status. Example:

  lapwing-agent service status`
}

func (c *serviceStatusCmd) Run(s *streams) error {
	svc, err := control(c.Dir, install.Options{})
	if err != nil {
		return err
	}
	state, err := svc.State()
	if err != nil {
		return err
	}
	switch state {
	case install.Running:
		return said(s, string(state))
	case install.Failing:
		return why(errors.New("the service is failing: it ends by itself, and is started again"))
	case install.Masked:
		return fmt.Errorf("the service is masked, so it does not start; to allow it: systemctl unmask %s", install.Name)
	case install.NotInstalled:
		return errNotInstalled
	}
	return fmt.Errorf("the service is %s", state)
}

type serviceUninstallCmd struct {
	dirFlag
	KeepData   bool `help:"Leave the agent's directory, with this device's identity, where it is."`
	Unreported bool `help:"Also when the collector cannot be told, or has not taken everything yet."`
}

func (serviceUninstallCmd) Help() string {
	return `The collector is told first, and shows that the device was uninstalled. Example:

  lapwing-agent service uninstall`
}

func (c *serviceUninstallCmd) Run(ctx context.Context, s *streams) error {
	svc, err := control(c.Dir, install.Options{})
	if err != nil {
		return err
	}
	state, err := svc.State()
	if err != nil && !c.Unreported {
		return err
	}
	if state == install.NotInstalled {
		return errNotInstalled
	}
	if !c.KeepData {
		if err := checkOurs(c.Dir, "nothing was removed or stopped: name the right one with --dir, or use --keep-data"); err != nil {
			return err
		}
	}
	if err := c.report(ctx, svc, state); err != nil {
		return err
	}
	if err := svc.Remove(); err != nil {
		return err
	}
	if c.KeepData {
		return said(s, "Uninstalled. The data stay in "+c.Dir+".")
	}
	if err := os.RemoveAll(c.Dir); err != nil {
		return fmt.Errorf("remove the agent's directory: %w", err)
	}
	return said(s, "Uninstalled.")
}

// checkOurs refuses to have a directory taken over or removed that is not plainly
// an agent's: one wrong word behind --dir, as root, on 600 laptops. One that was
// never enrolled holds next to nothing. so says what did not happen, and what to do.
func checkOurs(dir, so string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the agent's directory: %w", err)
	}
	strange := ""
	for _, e := range entries {
		switch e.Name() {
		case "identity", "identity.replaced":
			if e.IsDir() {
				return nil
			}
		case ownerFile: // its identity was removed by hand
			return nil
		case "identity.new", dial.FileName, doctor.LogDir:
			continue
		}
		strange = e.Name()
	}
	if strange == "" {
		return nil
	}
	return fmt.Errorf("%s is no directory of an agent (it holds %s and no identity), so %s", dir, strange, so)
}

// delivered says whether anything would go with the data that the collector has
// not got. A service that is too slow to answer has not said that nothing would.
func delivered(r status.Report) error {
	if r.Spool == nil {
		return fmt.Errorf("what waits for the collector is not known (%s): look again in a minute, or use --unreported", r.Problem)
	}
	if n := r.Spool.Urgent + r.Spool.Routine; n > 0 {
		return fmt.Errorf("%d events have not reached the collector yet: wait until lapwing-agent status shows none, or use --unreported", n)
	}
	return nil
}

// report stops the service so that the collector hears why. When it does not,
// the service runs on as before, unless the person wants to go without.
func (c *serviceUninstallCmd) report(ctx context.Context, svc *install.Service, state install.State) error {
	if !c.Unreported {
		if state != install.Running {
			return fmt.Errorf("the service is %s, so the collector cannot be told: start it first, or use --unreported", state)
		}
		if err := delivered(status.Read(ctx, c.Dir, buildinfo.Read().String())); err != nil {
			return err
		}
	}
	if err := install.Leave(c.Dir, install.ToUninstall); err != nil && !c.Unreported {
		return err
	}
	if err := svc.Stop(); err != nil {
		return errors.Join(err, install.Left(c.Dir)) // it runs on, and its next stop is none of ours
	}
	if c.Unreported || install.Leaving(c.Dir) == "" {
		return nil
	}
	unheard := errors.New("the collector could not be told, so the service was started again: " +
		"make sure that the device reaches it (lapwing-agent status), or use --unreported")
	return errors.Join(unheard, install.Left(c.Dir), svc.Start())
}
