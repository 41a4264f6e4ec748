package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/agent/app"
	"github.com/lapwing-schools/lapwing/agent/session/logind"
	"github.com/lapwing-schools/lapwing/agent/session/supervise"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/trim"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// desktops is which desktops are watched: those that logind says, and that of
// the service's own environment, which is for development and for machines
// without logind.
type desktops struct {
	service *service
	group   *supervise.Group
	own     []supervise.Target // of the environment, at most one
	bus     string             // of the system, empty for the usual one
	down    bool               // logind was not to be asked, and that was logged
	absent  bool               // there is none, and that was told
}

// addSessions adds the actors that watch desktops. With none to watch the
// service still runs, and coverage says that nobody is watched.
func (s *service) addSessions(environ []string) error {
	d := &desktops{service: s, group: supervise.NewGroup(func(t supervise.Target) supervise.Config {
		return s.sessionConfig(t)
	})}
	s.canaries.group = d.group
	for _, kv := range environ {
		if address, ok := strings.CutPrefix(kv, "DBUS_SYSTEM_BUS_ADDRESS="); ok {
			d.bus = address
		}
	}
	target, err := supervise.DisplayTarget(environ)
	switch {
	case err == nil:
		d.own = []supervise.Target{target}
	case !errors.Is(err, supervise.ErrNoDisplay):
		return err
	}
	d.watch(nil)
	s.group.Add(app.Actor{Name: "sessions", Run: d.group.Run})
	s.group.Add(app.Actor{Name: "policy", Run: func(ctx context.Context) error { return s.passPolicies(ctx, d.group) }})
	s.group.Add(app.Actor{Name: "notices", Run: func(ctx context.Context) error { return s.notices.run(ctx, d.group) }})
	s.group.Add(app.Actor{Name: "schedule", Run: func(ctx context.Context) error { return s.followSchedule(ctx, d.group) }})
	s.group.Add(app.Actor{Name: "desktops", Run: func(ctx context.Context) error {
		return logind.Watch(ctx, logind.Config{SystemBus: d.bus, Own: uint32(max(os.Geteuid(), 0)), OnChange: d.changed,
			OnSleep: s.uplink.Sleep, OnWake: s.uplink.Wake})
	}})
	return nil
}

// changed takes what logind says.
func (d *desktops) changed(now logind.Desktops, err error) {
	log := d.service.log
	if err != nil {
		if !d.down {
			d.down = true
			log.Info("desktops_unknown", "reason", err)
		}
		if errors.Is(err, logind.ErrAbsent) && !d.absent { // it stays so, and is asked for every minute
			d.absent = true
			d.service.view.noDesktop(conditions.DesktopsUnknown)
			d.watch(nil)
		}
		return // what is watched stays so while the system bus restarts
	}
	d.down, d.absent = false, false
	log.Info("desktops", "watched", len(now.Targets), "away", now.Away, "hidden", now.Hidden)
	switch {
	case now.Hidden > 0:
		d.service.view.noDesktop(conditions.NoDisplay)
	case now.Away > 0:
		d.service.view.noDesktop(conditions.SessionAway)
	default:
		d.service.view.noDesktop(conditions.NoSession)
	}
	d.watch(now.Targets)
}

// watch sets what is watched. A desktop that logind knows is not watched twice.
func (d *desktops) watch(targets []supervise.Target) {
	for _, own := range d.own {
		same := func(t supervise.Target) bool { return value(t, "DISPLAY") == value(own, "DISPLAY") }
		if !slices.ContainsFunc(targets, same) {
			targets = append(slices.Clone(targets), own)
		}
	}
	ids := make([]string, len(targets))
	for i, t := range targets {
		ids[i] = t.ID
	}
	only := onlyAccount(targets)
	d.service.own.account.Store(&only)
	d.service.view.desktops(ids)
	d.service.notices.desktops(targets)
	d.group.SetTargets(targets)
}

// onlyAccount is the account of all targets; empty where they are of several people.
func onlyAccount(targets []supervise.Target) string {
	account := ""
	for i, t := range targets {
		if i > 0 && t.Account != account {
			return ""
		}
		account = t.Account
	}
	return account
}

// stderrFile is where programs in a desktop write their logs.
func stderrFile() *os.File { return os.Stderr }

func value(t supervise.Target, name string) string {
	for _, kv := range t.Env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// sessionConfig is how one desktop's session process is run.
func (s *service) sessionConfig(target supervise.Target) supervise.Config {
	// Capture ids begin anew in each session process, so each gets a stamp of its own.
	stamps := s.stamps.Session(target.ID, target.Account)
	return supervise.Config{
		Command: []string{s.program, "session"}, Target: target, Stderr: os.Stderr, Log: s.log, Now: time.Now,
		OnHit:  func(_ context.Context, h *lapwingv1.Hit) error { return stamps.Hit(h) },
		OnLock: func(_ context.Context, r *lapwingv1.LockReport) error { return s.stamps.Lock(r) },
		OnStatus: func(st *lapwingv1.SessionStatus) {
			if st == nil {
				stamps = s.stamps.Session(target.ID, target.Account)
			}
			s.view.watched(target.ID, st)
			s.notices.status(target.ID, st)
		},
		OnCanary: s.proved,
		OnTamper: func(kills uint32) {
			if err := s.stamps.Tamper(conditions.SessionDown, kills); err != nil {
				s.log.Error("tampering not recorded", "error", err)
			}
		},
	}
}

// passPolicies gives each policy in force to the session processes.
func (s *service) passPolicies(ctx context.Context, to *supervise.Group) error {
	policies, stop := s.policy.Subscribe()
	defer stop()
	for {
		select {
		case p := <-policies:
			to.SetPolicy(p)
			// Checking the rules took several times the memory that keeping them
			// does; a laptop should have it back now, not at the next collection.
			trim.Self()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
