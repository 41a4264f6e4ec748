// Package install makes the agent a service of the operating system: it
// installs, starts, stops and removes it, through kardianos/service with a
// systemd unit of our own (unit_linux.go says why each line is there), and puts
// an entry in the desktops' menus for the person at the keyboard.
//
// It also owns the word that the program leaves for the running service before
// it stops it (Leave), so that the collector hears why the device falls silent.
//
// It may import kardianos/service and the standard library. It is the only
// part of the agent that starts programs of the system (systemctl and the like).
package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kardianos/service"
)

// Name of the service, and of its unit.
const Name = "lapwing-agent"

// State of the service.
type State string

// States, as `service status` prints them.
const (
	Running      State = "running"
	Starting     State = "starting"
	Failing      State = "failing" // it ended by itself; it is started again
	Stopping     State = "stopping"
	Stopped      State = "stopped"
	Masked       State = "masked" // an administrator keeps it from starting
	NotInstalled State = "not installed"
)

// Service is the agent as the operating system's service manager knows it.
type Service struct {
	svc     service.Service
	program string
	dir     string
}

// noProgram satisfies kardianos/service, which here only controls: the service
// itself is the command "run", which stops on SIGTERM.
type noProgram struct{}

func (noProgram) Start(service.Service) error { return nil }
func (noProgram) Stop(service.Service) error  { return nil }

// Options of an installation.
type Options struct {
	// BlockMedia lets the service switch off USB devices, where the policy asks
	// for that; it may then write below /sys/devices. Linux only.
	BlockMedia bool
}

// New describes the service of a program (absolute, as the system will start
// it) that keeps its data in dir.
func New(program, dir string, o Options) (*Service, error) {
	if !filepath.IsAbs(program) || !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("describe the service: %q and %q must be absolute paths", program, dir)
	}
	if err := managed("/"); err != nil {
		return nil, err
	}
	options, err := optionsOf(program, dir, o)
	if err != nil {
		return nil, fmt.Errorf("describe the service: %w", err)
	}
	svc, err := service.New(noProgram{}, &service.Config{
		Name: Name, DisplayName: "Lapwing agent", Description: description,
		Executable: program, Arguments: []string{"run", "--dir", dir}, Option: options,
	})
	if err != nil {
		return nil, fmt.Errorf("describe the service: %w", err)
	}
	return &Service{svc: svc, program: program, dir: dir}, nil
}

const description = "Lapwing safeguarding agent"

// Install registers the service and has it started at boot. A second time it
// changes nothing but what this version would write otherwise.
func (s *Service) Install() error {
	if err := checkProgram(s.program); err != nil {
		return err
	}
	if err := makePrivate(s.dir); err != nil {
		return err
	}
	// One whose state cannot be told is there too.
	if state, err := s.State(); err != nil || state != NotInstalled {
		if err := s.svc.Uninstall(); err != nil {
			return fmt.Errorf("replace the service: %w", err)
		}
	}
	if err := s.svc.Install(); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	return nil
}

// AddLauncher puts the page into the desktops' menus. A system whose /usr/local
// cannot be written has its own way; the service does not depend on it.
func (s *Service) AddLauncher() error { return addLauncher("", s.program, s.dir) }

// makePrivate makes the data directory, for its owner only.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory private: %w", err)
	}
	return nil
}

// Start starts the service and returns when it is up.
func (s *Service) Start() error { return named("start", s.svc.Start()) }

// Stop stops the service and returns when it has stopped.
func (s *Service) Stop() error { return named("stop", s.svc.Stop()) }

// Restart stops and starts it.
func (s *Service) Restart() error { return named("restart", s.svc.Restart()) }

// Remove unregisters a service that has stopped. Its data stay.
func (s *Service) Remove() error {
	return errors.Join(named("uninstall", s.svc.Uninstall()), removeLauncher(""))
}

func named(verb string, err error) error {
	if err != nil {
		return fmt.Errorf("%s the service: %w", verb, err)
	}
	return nil
}
