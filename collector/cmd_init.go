package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/datadir"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/logging"
)

type initCmd struct {
	dataFlag
	School  string `required:"" placeholder:"NAME" help:"The school's name, for people."`
	Host    string `help:"Name or address by which devices and browsers reach this machine; default its host name."`
	Console string `default:":8443" help:"Where the console will be, for the sign-in link."`
}

func (initCmd) Help() string {
	return `Refuses to touch a directory that holds an installation. The first administrator's one-time
sign-in link is the last line. Example:

  lapwing-collector init --data /var/lib/lapwing --school "Peewit Green School"`
}

func (c *initCmd) Run(ctx context.Context, o *output) error {
	if strings.TrimSpace(c.School) == "" {
		return usageError("--school is empty; give the school's name, 1 to 200 characters")
	}
	made, err := initialise(ctx, c.Data, c.School, c.Console, c.Host, o.err)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "Made %s for %s.\nThe first administrator's sign-in link is good once, until %s:\n%s\n",
		c.Data, made.School.Name, made.LinkExpires.Format("2 January 15:04"), made.Link)
	return nil
}

// maxSocketPath is the longest path of a control socket, in bytes; macOS has 104
// with the final zero, Linux 108.
const maxSocketPath = 99

func initialise(ctx context.Context, dir, school, console, host string, logTo io.Writer) (datadir.Installed, error) {
	// The server could not open its socket there (unix(7): 108 bytes, of which
	// a temporary suffix takes some), so a school must not be made there either.
	if n := len(datadir.SocketPath(dir)); n > maxSocketPath {
		return datadir.Installed{}, usageError(fmt.Sprintf("--data is too long by %d bytes: the path of its control socket may have %d", n-maxSocketPath, maxSocketPath))
	}
	address, err := advertised("console", console, host)
	if err != nil {
		return datadir.Installed{}, err
	}
	options := datadir.Options{
		School: school, Console: "https://" + address, Now: time.Now,
		OpenStore: func(_ context.Context, dir string) (store.Store, error) {
			return openStore(dir, logging.New(logTo, logging.Options{}))
		},
	}
	if host != "" {
		options.Hosts = []string{host}
	}
	return datadir.Init(ctx, dir, options)
}
