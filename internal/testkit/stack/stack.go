// Package stack starts a whole Lapwing on this machine from the built programs:
// a collector with its demo school, and an agent enrolled with it. `make run`,
// the end-to-end test and the end-to-end benchmark all use it, so what people
// see is what is tested.
//
// It imports the standard library only: it knows the programs from outside, as
// a technician does. Not testing, because it also serves `make run`.
package stack

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Options say where things are. Bin and Dir must be set.
type Options struct {
	// Bin is the folder of lapwing-agent and lapwing-collector.
	Bin string
	// Dir keeps the data of both programs and their logs; made when missing.
	Dir string
	// Console and Agents are the addresses that the collector listens on;
	// empty means a free port of 127.0.0.1.
	Console, Agents string
	// Env is the whole environment of the agent: it watches the display there.
	Env []string
	// Out gets what the collector prints for people; nil means nobody.
	Out io.Writer
}

// Link is one of the demo school's one-time sign-in links.
type Link struct{ Role, Name, URL string }

// Stack is the running pair. Its methods are not safe for concurrent use.
type Stack struct {
	o         Options
	collector *process
	agent     *process
	links     []Link
}

// Bounds of waiting, far above what a loaded machine of two cores needs.
const (
	readyBound = 60 * time.Second
	stopBound  = 20 * time.Second
)

// Start starts the collector, enrols the agent if it is not yet enrolled, and
// starts it. ctx bounds the start only. On an error nothing is left running.
func Start(ctx context.Context, o Options) (*Stack, error) {
	ctx, cancel := context.WithTimeout(ctx, readyBound)
	defer cancel()
	for _, address := range []*string{&o.Console, &o.Agents} {
		if err := choose(ctx, address); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	s := &Stack{o: o}
	err := s.StartCollector(ctx)
	if err == nil {
		err = s.enrol(ctx)
	}
	if err == nil {
		err = s.StartAgent()
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Available fails when one of the addresses is taken, before anything is started.
func Available(ctx context.Context, addresses ...string) error {
	for _, a := range addresses {
		if err := choose(ctx, &a); err != nil {
			return err
		}
	}
	return nil
}

// choose keeps a given address if it is free, and finds a free port for an empty one.
func choose(ctx context.Context, address *string) error {
	wanted := *address
	if wanted == "" {
		wanted = "127.0.0.1:0"
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", wanted)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: stop what listens there, or choose another port: %w", wanted, err)
	}
	*address = l.Addr().String()
	return l.Close()
}

// StartCollector starts the collector and waits until it serves.
func (s *Stack) StartCollector(ctx context.Context) error {
	p, err := start(s.program("collector"), filepath.Join(s.o.Dir, "collector.log"), nil,
		"demo", "--data", s.CollectorDir(), "--console", s.o.Console, "--agents", s.o.Agents, "--metrics", "")
	if err != nil {
		return fmt.Errorf("start the collector: %w", err)
	}
	s.collector = p
	ready := make(chan []Link, 1)
	go func() { ready <- s.readLinks(p.stdout) }()
	select {
	case links := <-ready:
		if links == nil {
			return fmt.Errorf("the collector ended before it served; its log is %s", p.log)
		}
		s.links = links
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the collector is not ready; its log is %s: %w", p.log, ctx.Err())
	}
}

// readLinks passes the collector's words on until it serves, and returns the
// links among them; nil when it ended first. Later words are passed on too.
func (s *Stack) readLinks(r io.Reader) []Link {
	out := s.o.Out
	if out == nil {
		out = io.Discard
	}
	lines := bufio.NewScanner(r)
	links := []Link{}
	for lines.Scan() {
		line := lines.Text()
		if line == Serving {
			go func() {
				for lines.Scan() {
					fmt.Fprintln(out, lines.Text())
				}
			}()
			return links
		}
		fmt.Fprintln(out, line)
		if role, name, url, ok := cutLink(line); ok {
			links = append(links, Link{role, name, url})
		}
	}
	return nil
}

// Serving is the line that `lapwing-collector demo` prints once it serves.
const Serving = "Serving. Ctrl-C stops."

// cutLink reads "  role  name  https://…", columns two spaces or more apart.
func cutLink(line string) (role, name, url string, ok bool) {
	var fields []string
	for f := range strings.SplitSeq(line, "  ") {
		if f = strings.TrimSpace(f); f != "" {
			fields = append(fields, f)
		}
	}
	if len(fields) != 3 || !strings.HasPrefix(fields[2], "https://") {
		return "", "", "", false
	}
	return fields[0], fields[1], fields[2], true
}

func (s *Stack) enrol(ctx context.Context) error {
	said, err := s.Agent(ctx, "status", "--json", "--dir", s.AgentDir())
	var status struct {
		Enrolled *struct{} `json:"enrolled"`
	}
	if jsonErr := json.Unmarshal([]byte(said), &status); jsonErr != nil {
		return fmt.Errorf("ask whether this machine is enrolled: %w", errors.Join(err, jsonErr))
	}
	if status.Enrolled != nil {
		return nil
	}
	out, err := s.Collector(ctx, "token", "create", "--data", s.CollectorDir(), "--group", "Demo laptops", "--address", s.o.Agents)
	if err != nil {
		return fmt.Errorf("create an enrolment token: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if _, err := s.Agent(ctx, "enrol", lines[len(lines)-1], "--dir", s.AgentDir()); err != nil {
		return fmt.Errorf("enrol this machine: %w", err)
	}
	return nil
}

// StartAgent starts the agent's service process.
func (s *Stack) StartAgent() error {
	p, err := start(s.program("agent"), filepath.Join(s.o.Dir, "agent.log"), s.o.Env, "run", "--dir", s.AgentDir())
	if err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	s.agent = p
	return nil
}

// Collector runs one command of the collector and returns its standard output.
func (s *Stack) Collector(ctx context.Context, args ...string) (string, error) {
	return command(ctx, s.program("collector"), args...)
}

// Agent runs one command of the agent and returns its standard output.
func (s *Stack) Agent(ctx context.Context, args ...string) (string, error) {
	return command(ctx, s.program("agent"), args...)
}

func command(ctx context.Context, program string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}

// KillCollector and KillAgent end a program as a power cut would (kill -9).
func (s *Stack) KillCollector() error { return s.collector.kill() }

// KillAgent ends the agent's service process with kill -9.
func (s *Stack) KillAgent() error { return s.agent.kill() }

// Stop ends both programs, the agent first, and waits for them.
func (s *Stack) Stop() error {
	return errors.Join(s.agent.stop(), s.collector.stop())
}

// Ended is closed when one of the two programs has ended; Stop says how.
func (s *Stack) Ended() <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-s.agent.ended:
		case <-s.collector.ended:
		}
	}()
	return ended
}

// ConsoleURL is the console's address, without a slash at the end.
func (s *Stack) ConsoleURL() string { return "https://" + s.o.Console }

// AgentsAddress is the host:port that agents dial.
func (s *Stack) AgentsAddress() string { return s.o.Agents }

// Links are the one-time sign-in links of this start.
func (s *Stack) Links() []Link { return s.links }

// CollectorDir is the collector's data directory.
func (s *Stack) CollectorDir() string { return filepath.Join(s.o.Dir, "collector") }

// AgentDir is the agent's directory.
func (s *Stack) AgentDir() string { return filepath.Join(s.o.Dir, "agent") }

// CollectorPID and AgentPID are the process ids of the two programs.
func (s *Stack) CollectorPID() int { return s.collector.cmd.Process.Pid }

// AgentPID is the process id of the agent's service process.
func (s *Stack) AgentPID() int { return s.agent.cmd.Process.Pid }

func (s *Stack) program(name string) string { return filepath.Join(s.o.Bin, "lapwing-"+name) }
