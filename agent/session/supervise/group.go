package supervise

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Group keeps one session process in each of the desktops that are to be
// watched at the moment. A desktop that is no longer among them has its process
// stopped, in good order, before anything else is started for its id.
type Group struct {
	config func(Target) Config

	// mu guards what follows.
	mu      sync.Mutex
	policy  Policy
	lookAt  *lapwingv1.Watch
	told    map[string]string // by target id: the version of the notice that was shown
	targets []Target
	changed chan struct{} // holds a value when targets has changed
	running map[string]*member
	kills   map[uint32]*kills // by account
}

// member is one desktop's supervisor.
type member struct {
	target Target
	*Supervisor
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid after done is closed
}

// NewGroup makes the configuration of each desktop's Supervisor by config. Its
// callbacks come from a goroutine of each Supervisor.
func NewGroup(config func(Target) Config) *Group {
	return &Group{config: config, changed: make(chan struct{}, 1), told: map[string]string{}, running: map[string]*member{}, kills: map[uint32]*kills{}}
}

// SetTargets says which desktops are to be watched from now on. Ids must differ.
func (g *Group) SetTargets(targets []Target) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.targets = slices.Clone(targets)
	maps.DeleteFunc(g.told, func(id, _ string) bool {
		return !slices.ContainsFunc(targets, func(t Target) bool { return t.ID == id })
	})
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

// SetPolicy is Supervisor.SetPolicy for all, now and later.
func (g *Group) SetPolicy(p Policy) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.policy = p
	for _, m := range g.running {
		m.SetPolicy(p)
	}
}

// SetWatch is Supervisor.SetWatch for all, now and later.
func (g *Group) SetWatch(w *lapwingv1.Watch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lookAt = w
	for _, m := range g.running {
		m.SetWatch(w)
	}
}

// Prove is Supervisor.Prove for all that run now; it returns how many.
func (g *Group) Prove(r *lapwingv1.CanaryRequest) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.running {
		m.Prove(r)
	}
	return len(g.running)
}

// NoteMedium is Supervisor.NoteMedium for all that run now.
func (g *Group) NoteMedium(n *lapwingv1.MediaNote) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.running {
		m.NoteMedium(n)
	}
}

// SetTold is Supervisor.SetTold for the desktop with an id, now and later.
func (g *Group) SetTold(id, version string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told[id] = version
	if m := g.running[id]; m != nil {
		m.SetTold(version)
	}
}

// Run watches until ctx is done, and returns nil once every process has been
// stopped; or with an error at once, when one can be started on no desktop.
func (g *Group) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	defer g.stopAll()
	for {
		if err := g.adjust(ctx, failed); err != nil {
			return err
		}
		select {
		case <-g.changed:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// adjust stops what is not wanted any more, and starts what is.
func (g *Group) adjust(ctx context.Context, failed chan<- error) error {
	g.mu.Lock()
	wanted := g.targets
	var gone []*member
	for id, m := range g.running {
		if !slices.ContainsFunc(wanted, m.target.Equal) {
			gone = append(gone, m)
			delete(g.running, id)
		}
	}
	g.mu.Unlock()
	stop(gone)
	for _, t := range wanted {
		if err := g.add(ctx, t, failed); err != nil {
			return err
		}
	}
	return nil
}

func stop(members []*member) {
	for _, m := range members {
		m.cancel()
	}
	for _, m := range members {
		<-m.done
	}
}

func (g *Group) add(ctx context.Context, t Target, failed chan<- error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running[t.ID] != nil {
		return nil
	}
	s, err := New(g.config(t))
	if err != nil {
		return fmt.Errorf("watch %s: %w", t.ID, err)
	}
	if g.kills[t.UID] == nil {
		g.kills[t.UID] = s.kills
	}
	s.kills = g.kills[t.UID]
	if g.lookAt != nil {
		s.SetWatch(g.lookAt)
	}
	s.SetTold(g.told[t.ID])
	if g.policy != nil {
		s.SetPolicy(g.policy)
	}
	own, cancel := context.WithCancel(ctx)
	m := &member{target: t, Supervisor: s, cancel: cancel, done: make(chan struct{})}
	g.running[t.ID] = m
	go func() {
		defer close(m.done)
		if m.err = s.Run(own); m.err != nil {
			select {
			case failed <- m.err:
			default:
			}
		}
	}()
	return nil
}

func (g *Group) stopAll() {
	g.mu.Lock()
	var all []*member
	for id, m := range g.running {
		all = append(all, m)
		delete(g.running, id)
	}
	g.mu.Unlock()
	stop(all)
}
