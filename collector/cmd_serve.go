package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/lapwing-schools/lapwing/internal/logging"
)

// dataFlag is the data directory, as every command names it.
type dataFlag struct {
	Data string `required:"" placeholder:"DIR" help:"The collector's data directory." env:"LAPWING_DATA"`
}

// listenFlags say where the collector listens and how others call it.
type listenFlags struct {
	Agents  string `default:":9443" help:"Address for agents (gRPC, mutual TLS)."`
	Console string `default:":8443" help:"Address of the console (HTTPS)."`
	Metrics string `default:"127.0.0.1:9100" help:"Address of the metrics (HTTP, counts only); empty for none."`
	Host    string `help:"Name or address by which devices and browsers reach this machine; default its host name."`
}

type serveCmd struct {
	dataFlag
	listenFlags
	Store string `default:"badger" help:"Where events and cases are kept: badger (embedded)."`
	JSON  bool   `name:"log-json" help:"Log one JSON object a line."`
}

func (serveCmd) Help() string {
	return `Runs until it is told to stop (Ctrl-C, SIGTERM). Example:

  lapwing-collector serve --data /var/lib/lapwing --host lapwing.school.example`
}

func (c *serveCmd) Run(ctx context.Context, o *output) error {
	if c.Store != "badger" {
		return usageError(fmt.Sprintf("--store is %q; this version knows badger only", c.Store))
	}
	log := logging.New(o.err, logging.Options{JSON: c.JSON})
	s, err := newServer(ctx, c.Data, c.listenFlags, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "Console  %s\nAgents   %s\n", s.consoleURL, s.agents)
	return errors.Join(s.run(ctx), s.close())
}
