package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lapwing-schools/lapwing/agent/dial"
	"github.com/lapwing-schools/lapwing/agent/doctor"
	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/status"
	"github.com/lapwing-schools/lapwing/internal/boot"
	"github.com/lapwing-schools/lapwing/internal/buildinfo"
)

type doctorCmd struct {
	dirFlag
	JSON   bool   `help:"Print one JSON object."`
	Bundle string `placeholder:"FILE" help:"Also write a zip for whoever helps: checks, status, logs; no captured text and no key."`
}

func (doctorCmd) Help() string {
	return `Checks rights, certificate, DNS, proxy, connection, clock, sessions, spool, disk and the last test phrase, and says
what to do. The exit code is 1 if a check failed. Examples:

  lapwing-agent doctor
  lapwing-agent doctor --bundle /tmp/lapwing-doctor.zip`
}

// errUnwell makes the exit code; the checks have said why.
var errUnwell = errors.New("a check failed")

func (c *doctorCmd) Run(ctx context.Context, s *streams) error {
	env := doctor.Env{
		Dir: c.Dir, Status: status.Read(ctx, c.Dir, buildinfo.Read().String()),
		Clock:  identity.NewClock(c.Dir, buildinfo.Read().Time, time.Now, boot.Elapsed).Now,
		Dialer: dial.Open(c.Dir, os.Getenv), Now: time.Now(),
	}
	env.ID, env.IDErr = identity.Load(c.Dir)
	report := doctor.Run(ctx, env)
	var err error
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(report)
	} else {
		err = doctor.Write(s.out, report)
	}
	// After the report: a disk that is full must not keep it back.
	if err == nil && c.Bundle != "" {
		if err := writeBundle(c.Bundle, env, report); err != nil {
			return fmt.Errorf("write the bundle: %w", err)
		}
		fmt.Fprintln(s.err, "The bundle is in", c.Bundle)
	}
	if err == nil && !report.OK {
		err = errUnwell
	}
	return err
}

// writeBundle makes a file of our own: another's is not overwritten.
func writeBundle(name string, env doctor.Env, r doctor.Report) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(doctor.Bundle(f, env, r), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name)) // half a zip helps nobody
	}
	return nil
}
