package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/internal/buildinfo"
	"github.com/lapwing-schools/lapwing/internal/logging"
	"github.com/lapwing-schools/lapwing/internal/trim"
)

type runCmd struct {
	dirFlag
	JSON bool `name:"log-json" help:"Log one JSON object a line."`
}

func (runCmd) Help() string {
	return `Watches the X display in its own environment (DISPLAY). Runs until it is told to stop (Ctrl-C, SIGTERM). Example:

  lapwing-agent run --dir /var/lib/lapwing-agent`
}

// memoryLimit keeps the collector of garbage from letting the heap grow into
// memory that a pupil's laptop needs. Idle, the service needs a fifth of it;
// the largest it must hold is a new policy beside the old one.
const memoryLimit = 64 << 20

// garbageRatio lets garbage be half of what is in use, not as much again (the
// default): both processes idle nearly always, and what they collect then
// costs less than 10 ms of processor a minute.
const garbageRatio = 50

// settled is when starting is over: the connection is up and the rules are loaded.
const settled = 20 * time.Second

func (c *runCmd) Run(ctx context.Context, s *streams) error {
	outliveReaders()
	debug.SetMemoryLimit(memoryLimit)
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(garbageRatio)
	defer time.AfterFunc(settled, trim.Self).Stop()
	// Before there is a log file: a folder that is no agent's gets none.
	if _, err := identity.Load(c.Dir); errors.Is(err, identity.ErrNotEnrolled) {
		return identity.ErrNotEnrolled // its words say what to do; the missing file does not
	}
	file := openLog(c.Dir)
	defer file.Close()
	log := logging.New(logTo{s.err, file}, logging.Options{JSON: c.JSON})
	log.InfoContext(ctx, "service_starting", "version", buildinfo.Read().String())
	if file.Err() != nil {
		log.WarnContext(ctx, "log_file_not_written", "error", file.Err())
	}
	svc, err := newService(c.Dir, os.Environ(), log)
	if errors.Is(err, identity.ErrNotEnrolled) {
		return identity.ErrNotEnrolled // its words say what to do; the missing file does not
	}
	if err != nil {
		// Also where the bundle takes it from: who helps sees no journal.
		log.ErrorContext(ctx, "service_not_started", "error", err)
		return err
	}
	err = svc.group.Run(ctx)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	if closeErr := svc.spool.Close(); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("close the spool: %w", closeErr))
	}
	return err
}
