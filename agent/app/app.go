// Package app owns how the agent's service starts and stops: a group of named
// actors of which each runs until it is told to stop, and none outlives the
// group unnoticed.
//
// It imports the standard library only and knows no actor.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"
)

// Time that stopping may take: first the actors are asked (their context
// ends) and waited for, then the group waits a little more and gives up on
// those that are left. Together they stay below the 20 s that service managers
// commonly allow.
const (
	StopPatience = 10 * time.Second
	StopGrace    = 5 * time.Second
)

// Actor is one long-running part of the service.
type Actor struct {
	// Name is for logs and errors: lower case, one word.
	Name string
	// Run works until ctx is done and then returns nil or ctx's error. Any
	// return before that stops the whole group.
	Run func(ctx context.Context) error
	// Ready, when set, is called once Run has been started, before the next
	// actor starts; it returns when the actor can be used by others.
	Ready func(ctx context.Context) error
}

// ActorError says which actor failed, and how.
type ActorError struct {
	Name string
	Err  error
}

func (e *ActorError) Error() string { return fmt.Sprintf("actor %s: %v", e.Name, e.Err) }

// Unwrap returns the actor's own error.
func (e *ActorError) Unwrap() error { return e.Err }

// ErrPanicked is what an actor's panic becomes.
var ErrPanicked = errors.New("panicked")

// ErrStopped is what returning nil before being asked becomes: an actor that
// ends by itself leaves the service without a part.
var ErrStopped = errors.New("stopped by itself")

// StuckError names the actors that did not stop in time. The process should
// exit: they still run.
type StuckError struct{ Names []string }

func (e *StuckError) Error() string {
	return "actors that would not stop: " + strings.Join(e.Names, ", ")
}

// Group runs actors. The zero value is ready to use; it may run once.
type Group struct {
	Log    *slog.Logger // nil: nothing is logged
	actors []Actor
}

// Add appends an actor. Actors start in this order and stop in the reverse.
func (g *Group) Add(a Actor) { g.actors = append(g.actors, a) }

// running is an actor that has been started.
type running struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid after done is closed
}

// Run starts the actors one after the other and returns when all have stopped:
// because ctx is done (nil), or because one of them failed (an *ActorError of
// the first), joined with a *StuckError if some did not stop in time.
func (g *Group) Run(ctx context.Context) error {
	log := g.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	fell := make(chan *running, len(g.actors))
	started, err := g.start(ctx, log, fell)
	if err == nil {
		select {
		case <-ctx.Done():
			log.InfoContext(ctx, "service_stopping", "reason", "asked")
		case r := <-fell:
			err = actorError(r)
		}
	}
	if err != nil {
		log.ErrorContext(ctx, "service_stopping", "reason", "actor_failed", "error", err)
	}
	return errors.Join(err, stop(log, started))
}

// start starts the actors in order. On an error those started are still running.
func (g *Group) start(ctx context.Context, log *slog.Logger, fell chan<- *running) (started []*running, err error) {
	for _, a := range g.actors {
		// Contexts of their own, so that stopping keeps the order.
		actx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := &running{name: a.Name, cancel: cancel, done: make(chan struct{})}
		started = append(started, r)
		go func() {
			defer func() { fell <- r }()
			defer close(r.done)
			pprof.Do(actx, pprof.Labels("actor", a.Name), func(ctx context.Context) { r.err = guarded(ctx, a.Run) })
		}()
		if a.Ready == nil {
			continue
		}
		if err := ready(ctx, a, r); err != nil {
			return started, err
		}
		log.DebugContext(ctx, "actor_ready", "actor", a.Name)
	}
	return started, nil
}

// ready waits for a to be ready, to fail, or for ctx.
func ready(ctx context.Context, a Actor, r *running) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-r.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := a.Ready(ctx)
	select {
	case <-r.done:
		return actorError(r)
	default:
	}
	if err != nil && context.Cause(ctx) == nil {
		return &ActorError{a.Name, err}
	}
	return nil // the caller sees that ctx is done
}

func actorError(r *running) error {
	if r.err == nil {
		return &ActorError{r.name, ErrStopped}
	}
	return &ActorError{r.name, r.err}
}

// guarded runs run and turns a panic into an error with its stack.
func guarded(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrPanicked, p, debug.Stack())
		}
	}()
	return run(ctx)
}

// stop ends the actors in reverse order. Each may use what is left of the
// group's patience; after that all are told at once and waited for once more.
func stop(log *slog.Logger, started []*running) error {
	patience := time.NewTimer(StopPatience)
	defer patience.Stop()
	i := len(started) - 1
	for out := false; i >= 0 && !out; i-- {
		started[i].cancel()
		select {
		case <-started[i].done:
		case <-patience.C:
			log.Error("actor_slow_to_stop", "actor", started[i].name, "waited", StopPatience)
			out = true
		}
	}
	for _, r := range started {
		r.cancel()
	}
	grace := time.NewTimer(StopGrace)
	defer grace.Stop()
	expired := false
	var stuck []string
	for _, r := range started {
		if !expired {
			select {
			case <-r.done:
				continue
			case <-grace.C:
				expired = true
			}
		}
		select {
		case <-r.done:
		default:
			stuck = append(stuck, r.name)
		}
	}
	if len(stuck) == 0 {
		return nil
	}
	log.Error("actors_stuck", "actors", stuck)
	return &StuckError{stuck}
}
