package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/lapwing-schools/lapwing/agent/status"
	"github.com/lapwing-schools/lapwing/internal/buildinfo"
)

type statusCmd struct {
	dirFlag
	JSON bool `help:"Print one JSON object."`
}

func (statusCmd) Help() string {
	return `Works while the service is stopped, too; then it says so, and the exit code is 1. Example:

  lapwing-agent status --json`
}

// These make the exit code; the report has said why.
var (
	errNotRunning = errors.New("the service is not running")
	errNotTold    = errors.New("the service was not asked")
	errHangs      = errors.New("the service does not answer")
)

func (c *statusCmd) Run(ctx context.Context, s *streams) error {
	report := status.Read(ctx, c.Dir, buildinfo.Read().String())
	var err error
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(report)
	} else {
		err = status.Write(s.out, report, time.Now())
	}
	switch {
	case err != nil || report.Running:
	case report.NotAllowed():
		err = errNotTold
	case report.Hangs:
		err = errHangs
	default:
		err = errNotRunning
	}
	return err
}
