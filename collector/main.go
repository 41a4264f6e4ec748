// Command lapwing-collector takes what enrolled devices flag, queues it for the
// school's safeguarding lead, and serves the console.
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
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/lapwing-schools/lapwing/internal/buildinfo"
)

// cli is the menu; each command lives in a file of its own.
type cli struct {
	Init      initCmd      `cmd:"" help:"Make a data directory: keys, first school, first administrator."`
	Serve     serveCmd     `cmd:"" help:"Serve agents and the console."`
	Demo      demoCmd      `cmd:"" help:"Make a demo school if there is none, and serve it."`
	User      userCmd      `cmd:"" help:"People with a console account."`
	Token     tokenCmd     `cmd:"" help:"Tokens that let devices enrol."`
	Rules     rulesCmd     `cmd:"" help:"Rule packs."`
	Policy    policyCmd    `cmd:"" help:"The policy that devices obey."`
	Cases     casesCmd     `cmd:"" help:"Cases, for scripts; reading content needs a reason and is recorded."`
	Devices   devicesCmd   `cmd:"" help:"Enrolled devices."`
	Directory directoryCmd `cmd:"" help:"The school's list of people."`
	Simulate  simulateCmd  `cmd:"" help:"Fill an invented school with devices that were never there."`
	Audit     auditCmd     `cmd:"" help:"The ledger of acts and reads."`
	Version   versionCmd   `cmd:"" help:"Print the version and the commit."`

	Release kong.VersionFlag `name:"version" help:"Print the version and the commit."`
}

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("lapwing-collector"),
		kong.Description("Lapwing's collector: takes flagged events from school devices and queues them for the DSL."),
		kong.Writers(stdout, stderr),
		kong.Vars{"roles": roleWords()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		// Help ends parsing; it must not end a process that this function does not own.
		kong.Exit(func(code int) { exited = code }),
		kong.Bind(&output{stdout, stderr}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintln(stderr, "lapwing-collector:", err)
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
		fmt.Fprintf(stderr, "lapwing-collector: %v\nTry: lapwing-collector --help\n", err)
		return exitUsage
	}
	err = command.Run()
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "lapwing-collector:", err)
		return exitUsage
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintln(stderr, "lapwing-collector:", err)
	}
	return exitFailed
}

// output is where a command writes.
type output struct{ out, err io.Writer }

// usageError is a command line that cannot mean anything.
type usageError string

func (e usageError) Error() string { return string(e) }

// errReported says that a command has already written what is wrong.
var errReported = errors.New("reported")

type versionCmd struct{}

func (versionCmd) Run(o *output) error {
	_, err := fmt.Fprintln(o.out, "lapwing-collector", buildinfo.Read())
	return err
}
