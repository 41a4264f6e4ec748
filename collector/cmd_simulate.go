package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/collector/datadir"
	"github.com/lapwing-schools/lapwing/collector/simulate"
	"github.com/lapwing-schools/lapwing/internal/logging"
)

type simulateCmd struct {
	dataFlag
	Devices int    `default:"600" help:"How many devices, up to 100,000."`
	Groups  int    `help:"How many groups; 0 chooses by the number of devices."`
	Weeks   int    `default:"8" help:"How many weeks of figures before this one."`
	Seed    uint64 `default:"1" help:"The same seed gives the same fleet."`
	School  string `default:"Peewit Green School (demo)" help:"Name of the invented school."`
}

func (simulateCmd) Help() string {
	return `Makes a data directory with an invented school, or takes one that this command or demo made, and fills it with
devices that were never there: their checks, faults, test phrases, media and weeks. The collector must be stopped. Not for a real
school: a directory that holds another school is refused. Example:

  lapwing-collector simulate --data .demo/collector --devices 600
  lapwing-collector demo --data .demo/collector`
}

func (c *simulateCmd) Run(ctx context.Context, o *output) (err error) {
	if c.Devices < 1 || c.Devices > 100_000 || c.Groups < 0 || c.Groups > 1000 || c.Weeks < 0 || c.Weeks > 52 {
		return usageError("simulate takes 1 to 100,000 devices, up to 1,000 groups and up to 52 weeks")
	}
	if _, err = initialise(ctx, c.Data, c.School, "127.0.0.1:8443", "", o.err); err != nil && !errors.Is(err, datadir.ErrInstalled) {
		return err
	}
	s, err := openStore(datadir.StorePath(c.Data), logging.New(o.err, logging.Options{}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	schools, err := s.Schools(ctx)
	if err != nil {
		return err
	}
	if len(schools) != 1 || schools[0].Name != c.School {
		return fmt.Errorf("%s holds a real school, or several: nothing was added", c.Data)
	}
	tenant, err := s.School(ctx, schools[0].ID)
	if err != nil {
		return err
	}
	begin := time.Now()
	err = simulate.Fill(ctx, tenant, simulate.Options{
		Devices: c.Devices, Groups: c.Groups, Weeks: c.Weeks, Seed: c.Seed, Now: time.Now(), Details: true,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%d devices in %s, in %.0f s\n", c.Devices, c.School, time.Since(begin).Seconds())
	return nil
}
