package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/lapwing-schools/lapwing/agent/ipc"
	"github.com/lapwing-schools/lapwing/agent/session"
	"github.com/lapwing-schools/lapwing/internal/logging"
	"github.com/lapwing-schools/lapwing/internal/trim"
)

type sessionCmd struct{}

func (sessionCmd) Help() string {
	return `Talks with the service over an inherited socket pair (file descriptor 3), so it can only be started by it:

  lapwing-agent run`
}

func (sessionCmd) Run(ctx context.Context, s *streams) error {
	outliveReaders()
	debug.SetMemoryLimit(memoryLimit)
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(garbageRatio)
	defer time.AfterFunc(settled, trim.Self).Stop()
	conn, err := ipc.Inherited()
	if err != nil {
		return usageError("session is started by the service: lapwing-agent run")
	}
	return session.Run(ctx, session.Config{
		Conn: conn, Desktop: session.DesktopOf(os.Getenv), Log: logging.New(s.err, logging.Options{}), Now: time.Now,
	})
}
