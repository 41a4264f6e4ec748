// Package posture reads whether a device is in the order that the school's
// policy asks for. It is a table: one row a check of internal/checks, with how
// it is read on each system. A reading passes, fails, or cannot tell; whatever
// goes wrong, is slow or is not built cannot tell. Readings name no person.
//
// gopsutil is imported here and nowhere else, because its major version is
// frozen (docs/adr/0029). It may import internal/checks, agent/sensor,
// internal/conditions and the messages.
package posture

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Reading is what one check found.
type Reading struct {
	State  checks.State
	Detail string // at most 200 characters
}

func pass(format string, args ...any) Reading {
	return Reading{checks.Pass, fmt.Sprintf(format, args...)}
}
func fail(format string, args ...any) Reading {
	return Reading{checks.Fail, fmt.Sprintf(format, args...)}
}
func cannotTell(format string, args ...any) Reading {
	return Reading{checks.Unknown, fmt.Sprintf(format, args...)}
}

// row is one check. A reader that is nil is not built for that system.
type row struct {
	id                     string
	slow                   bool // once a day, at low priority
	linux, windows, darwin func(context.Context, *machine) Reading
}

func (r row) reader() func(context.Context, *machine) Reading {
	switch runtime.GOOS {
	case "linux":
		return r.linux
	case "windows":
		return r.windows
	case "darwin":
		return r.darwin
	}
	return nil
}

// Config of a Sensor.
type Config struct {
	// Root stands before every path that is read; empty for the system itself.
	Root string
	// Health is the agent's own word about itself.
	Health func() Reading
	Now    func() time.Time
	Log    *slog.Logger
	// Every is how often quick checks are read, SlowEvery the others; zero means
	// 15 minutes and a day.
	Every, SlowEvery time.Duration
}

// Bounds of one reading.
const (
	quickPatience = 15 * time.Second
	slowPatience  = 3 * time.Minute
	// settle is how long a start is left alone before slow checks are read.
	settle = 2 * time.Minute
)

// Sensor reads the table again and again. It is safe for concurrent use.
type Sensor struct {
	cfg     Config
	rows    []row
	changed chan struct{} // holds a value after a change
	wake    chan struct{} // holds a value after a change of the policy

	mu     sync.Mutex // guards all below
	policy *lapwingv1.PosturePolicy
	last   map[string]stated
	facts  []*lapwingv1.Fact
	hung   map[string]bool // readings that have not come back
	ran    bool
}

type stated struct {
	Reading
	since time.Time
}

// New returns a Sensor.
func New(cfg Config) *Sensor {
	if cfg.Every == 0 {
		cfg.Every = 15 * time.Minute
	}
	if cfg.SlowEvery == 0 {
		cfg.SlowEvery = 24 * time.Hour
	}
	return &Sensor{cfg: cfg, rows: table(), changed: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		policy: &lapwingv1.PosturePolicy{}, last: map[string]stated{}, hung: map[string]bool{}}
}

// Name implements sensor.Sensor.
func (s *Sensor) Name() string { return sensor.Posture }

// Changed yields a value after a state or detail has changed.
func (s *Sensor) Changed() <-chan struct{} { return s.changed }

// SetPolicy takes the policy in force; nil stands for one that asks for nothing.
func (s *Sensor) SetPolicy(p *lapwingv1.PosturePolicy) {
	if p == nil {
		p = &lapwingv1.PosturePolicy{}
	}
	s.mu.Lock()
	s.policy = p
	s.mu.Unlock()
	poke(s.wake)
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// Run reads until ctx ends.
func (s *Sensor) Run(ctx context.Context, report func(sensor.Status)) error {
	quick, slow := time.NewTimer(0), time.NewTimer(min(settle, s.cfg.SlowEvery))
	defer quick.Stop()
	defer slow.Stop()
	for {
		select {
		case <-quick.C:
			s.Read(ctx, false)
			quick.Reset(s.cfg.Every)
			report(sensor.Status{State: sensor.OK})
		case <-s.wake:
			s.Read(ctx, false)
		case <-slow.C:
			s.Read(ctx, true)
			slow.Reset(s.cfg.SlowEvery)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Read reads every quick check, or every slow one, each cut off in time.
func (s *Sensor) Read(ctx context.Context, slow bool) {
	m := s.machine()
	for _, r := range s.rows {
		if r.slow == slow && ctx.Err() == nil {
			s.keep(r.id, s.read(ctx, m, r))
		}
	}
	if !slow {
		facts := factsOf(ctx, m)
		s.mu.Lock()
		first := !s.ran
		s.facts, s.ran = facts, true
		s.mu.Unlock()
		if first { // whoever looked after a check's change found no report yet
			poke(s.changed)
		}
	}
}

func (s *Sensor) machine() *machine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return newMachine(s.cfg, s.policy)
}

// read runs one reader, which may hang in the system: then it is left behind,
// and not started again until it comes back.
func (s *Sensor) read(ctx context.Context, m *machine, r row) Reading {
	reader := r.reader()
	if reader == nil {
		return cannotTell("not built for this system yet")
	}
	s.mu.Lock()
	hangs := s.hung[r.id]
	s.mu.Unlock()
	if hangs {
		return cannotTell("an earlier reading has not come back")
	}
	patience := m.patience
	if r.slow {
		patience = m.slowPatience
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	done := make(chan Reading, 1)
	go func() {
		defer func() {
			if recover() != nil {
				done <- cannotTell("the reading failed")
			}
			s.mu.Lock()
			delete(s.hung, r.id)
			s.mu.Unlock()
		}()
		done <- reader(ctx, m)
	}()
	select {
	case found := <-done:
		return found
	case <-ctx.Done():
	}
	select {
	case found := <-done: // it had come in time after all
		return found
	default:
	}
	s.mu.Lock()
	s.hung[r.id] = true
	s.mu.Unlock()
	return cannotTell("cut off after %d seconds", int(patience/time.Second))
}

func (s *Sensor) keep(id string, found Reading) {
	if runes := []rune(found.Detail); len(runes) > lapwingv1.MaxDetail {
		found.Detail = string(runes[:lapwingv1.MaxDetail])
	}
	s.mu.Lock()
	old, known := s.last[id]
	since := old.since
	if !known || old.State != found.State {
		since = s.cfg.Now()
	}
	s.last[id] = stated{found, since}
	s.mu.Unlock()
	if !known || old.Reading != found {
		poke(s.changed)
	}
}

// Report is the device's word on every check that has been read; nil before
// the first round.
func (s *Sensor) Report() *lapwingv1.PostureReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ran {
		return nil
	}
	r := &lapwingv1.PostureReport{Facts: s.facts, WallMs: s.cfg.Now().UnixMilli()}
	for _, row := range s.rows {
		st, ok := s.last[row.id]
		if !ok {
			st = stated{cannotTell("not read yet"), s.cfg.Now()}
		}
		r.Checks = append(r.Checks, &lapwingv1.Check{Id: row.id, State: wire(st.State), SinceMs: st.since.UnixMilli(), Detail: st.Detail})
	}
	return r
}

func wire(s checks.State) lapwingv1.CheckState {
	switch s {
	case checks.Pass:
		return lapwingv1.CheckState_CHECK_STATE_PASS
	case checks.Fail:
		return lapwingv1.CheckState_CHECK_STATE_FAIL
	}
	return lapwingv1.CheckState_CHECK_STATE_UNKNOWN
}
