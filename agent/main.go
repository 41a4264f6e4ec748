// Command lapwing-agent runs on a school's devices: as a service, which enrols,
// spools and sends, and as one session process in each desktop, which senses
// and matches.
//
// This file and its neighbours in package main only wire packages together and
// turn errors into words and exit codes: 0 done, 1 failed, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/lapwing-schools/lapwing/internal/buildinfo"
)

// cli is the menu; each command lives in a file of its own.
type cli struct {
	Enrol   enrolCmd         `cmd:"" help:"Enrol this device with a school's collector."`
	Run     runCmd           `cmd:"" help:"Run the service: watch, spool and send until told to stop."`
	Status  statusCmd        `cmd:"" help:"Say what this device sees, and whether it reaches its collector."`
	Doctor  doctorCmd        `cmd:"" help:"Check what can go wrong on this device, and say what to do."`
	Service serviceCmd       `cmd:"" help:"Install the service, start and stop it, remove it."`
	Match   matchCmd         `cmd:"" help:"Match lines of text against rules."`
	Notice  noticeCmd        `cmd:"" help:"Show what Lapwing sees on this computer, and where help is."`
	Version versionCmd       `cmd:"" help:"Print the version and the commit."`
	Release kong.VersionFlag `name:"version" help:"Print the version and the commit."`
	Session sessionCmd       `cmd:"" hidden:"" help:"The session process; the service starts it."`
	Tell    tellCmd          `cmd:"" hidden:"" help:"Show the notice; the service starts it."`
}

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// streams are a command's standard input, output and error.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, s streams) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("lapwing-agent"),
		kong.Description("Lapwing's agent: notices what safeguarding rules flag on this device, and sends only that."),
		kong.Writers(s.out, s.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		// Help ends parsing; it must not end a process that this function does not own.
		kong.Exit(func(code int) { exited = code }),
		kong.Vars{"dir": defaultDir(), "version": "lapwing-agent " + buildinfo.Read().String()},
		kong.Bind(&s),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintln(s.err, "lapwing-agent:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(s.err, "lapwing-agent: %v\nTry: lapwing-agent --help\n", err)
		return exitUsage
	}
	if err := command.Run(); err != nil {
		fmt.Fprintln(s.err, "lapwing-agent:", err)
		if _, usage := errors.AsType[usageError](err); usage {
			return exitUsage
		}
		return exitFailed
	}
	return 0
}

// usageError is a command line that cannot mean anything.
type usageError string

func (e usageError) Error() string { return string(e) }

// dirFlag is the agent's directory, as every command names it.
type dirFlag struct {
	Dir string `default:"${dir}" placeholder:"DIR" help:"The agent's directory (default ${dir})."`
}

// maxDir is the longest directory in bytes: the names of sockets in it must fit
// the 103 bytes that macOS gives them (Linux and Windows: 107), "control.sock" too.
const maxDir = 90

// Validate refuses a directory in which the service could not run; kong calls it.
func (d dirFlag) Validate() error {
	if n := len(d.Dir); n > maxDir {
		return fmt.Errorf("--dir: a path of %d bytes, at most %d: the service could make no socket in it", n, maxDir)
	}
	return nil
}

// defaultDir is where the service keeps its data on each system.
func defaultDir() string {
	switch runtime.GOOS {
	case "windows":
		return filepath.Join(os.Getenv("ProgramData"), "Lapwing", "agent")
	case "darwin":
		return "/Library/Application Support/Lapwing/agent"
	}
	return "/var/lib/lapwing-agent"
}

type versionCmd struct{}

func (versionCmd) Run(s *streams) error {
	_, err := fmt.Fprintln(s.out, "lapwing-agent", buildinfo.Read())
	return err
}
