package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"

	"github.com/lapwing-schools/lapwing/agent/app"
	"github.com/lapwing-schools/lapwing/agent/beat"
	"github.com/lapwing-schools/lapwing/agent/dial"
	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/agent/install"
	"github.com/lapwing-schools/lapwing/agent/notice/told"
	"github.com/lapwing-schools/lapwing/agent/policy"
	"github.com/lapwing-schools/lapwing/agent/sdnotify"
	"github.com/lapwing-schools/lapwing/agent/shared"
	"github.com/lapwing-schools/lapwing/agent/spool"
	"github.com/lapwing-schools/lapwing/agent/stamp"
	"github.com/lapwing-schools/lapwing/agent/status"
	"github.com/lapwing-schools/lapwing/agent/uplink"
	"github.com/lapwing-schools/lapwing/internal/boot"
	"github.com/lapwing-schools/lapwing/internal/buildinfo"
	"github.com/lapwing-schools/lapwing/internal/detect"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// service is the agent's service process: what newService wired.
type service struct {
	dir    string
	log    *slog.Logger
	boot   boot.Boot
	clock  *identity.Clock
	link   *identity.Link
	dialer *dial.Dialer
	policy *policy.Keeper
	spool  *spool.Spool
	stamps *stamp.Stamper
	view   *view
	uplink *uplink.Uplink
	// options of a connection that is probed so often; of uplink.
	options func(probe time.Duration) []grpc.DialOption
	own     deviceSensors
	// canaries is whole once wire has run.
	canaries canaries
	group    app.Group

	program string // this one
	notices *notices
}

// newService opens what DIR holds, so that what can fail has failed before
// anything runs. Nothing is watched or sent before group.Run.
func newService(dir string, environ []string, log *slog.Logger) (*service, error) {
	s := &service{dir: dir, log: log, view: newView(time.Now), options: uplink.DialOptions, group: app.Group{Log: log}}
	id, err := identity.Load(dir)
	if err != nil {
		return nil, err
	}
	// A word that nobody heard is not why this service will stop.
	if err := install.Left(dir); err != nil {
		return nil, err
	}
	if s.boot, err = boot.Current(); err != nil {
		return nil, fmt.Errorf("tell this boot from the last: %w", err)
	}
	s.policy, err = policy.Open(policy.Config{
		Path: filepath.Join(dir, "policy"), School: id.Device.School, Key: id.Collector.PolicyKey, CheckRules: checkRules,
	})
	if err != nil {
		return nil, err
	}
	if damage := s.policy.Damaged(); damage != nil {
		log.Warn("the policy on disk was put aside", "error", damage)
	}
	if err := claimSpool(dir, id, log); err != nil {
		return nil, err
	}
	// What was acknowledged is kept for hours of the collector's, which may ask
	// for it again: this machine's clock may be wrong by years.
	s.clock = identity.NewClock(dir, buildinfo.Read().Time, time.Now, boot.Elapsed)
	if s.spool, err = spool.Open(spool.Config{Dir: filepath.Join(dir, "spool"), Now: s.clock.Reckoned}); err != nil {
		return nil, err
	}
	s.stamps = stamp.New(s.keep, s.now)
	if err := s.openNotices(); err != nil {
		return nil, errors.Join(err, s.spool.Close())
	}
	s.newDeviceSensors()
	if err := s.wire(id, environ); err != nil {
		return nil, errors.Join(err, s.spool.Close())
	}
	return s, nil
}

// openNotices reads whom this device has told. A damaged book shows everybody
// the notice anew.
func (s *service) openNotices() error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	book, damage, err := told.Open(filepath.Join(s.dir, "told"))
	if damage != nil {
		s.log.Warn("people are shown the notice anew", "error", damage)
	}
	s.program, s.notices = program, newNotices(s, book)
	return err
}

func checkRules(compiled []byte) error {
	_, err := detect.Load(compiled)
	return err
}

// now reads the device's clocks, as events and heartbeats carry them.
func (s *service) now() *lapwingv1.DeviceTime {
	return &lapwingv1.DeviceTime{
		WallMs: time.Now().UnixMilli(), MonoMs: boot.Elapsed().Milliseconds(), Boot: s.boot.ID[:],
	}
}

// shared reports whether several people use an account, by the policy in force.
func (s *service) shared(account string) bool {
	var patterns []string
	if p := s.policy.Current(); p != nil {
		patterns = p.Policy.SharedAccounts
	}
	return shared.Account(account, patterns)
}

// keep makes an event durable, marked if its account stands for nobody in particular.
func (s *service) keep(e *lapwingv1.Event) error {
	e.SharedAccount = s.shared(e.Account)
	record, err := uplink.Record(e)
	if err != nil {
		return err
	}
	_, err = s.spool.Append(record)
	return err
}

// wire adds the actors, in the order in which they start.
func (s *service) wire(id *identity.Identity, environ []string) error {
	facts, err := deviceFacts()
	if err != nil {
		return err
	}
	s.dialer = dial.Open(s.dir, os.Getenv)
	s.link = identity.NewLink(id, s.clock, jitterOf(id.Device.ID), s.dialer.Dial, func(address string) []grpc.DialOption {
		return s.options(s.dialer.Probe(address))
	})
	s.uplink = uplink.New(uplink.Config{
		Spool: s.spool, Link: s.link, Clock: s.clock, Policy: s.policy, Now: s.now, Log: s.log,
		Hello: &lapwingv1.Hello{
			AgentVersion: facts.AgentVersion, Os: facts.OS, OsVersion: facts.OSVersion, Arch: facts.Arch,
			Hostname: facts.Hostname, Boot: s.boot.ID[:], Fingerprint: facts.Fingerprint,
		},
		Coverage: s.view.rows, CoverageChanged: s.view.changed, Sessions: s.view.watching, Unlooked: s.view.unlooked,
		HeartbeatEvery: s.heartbeatEvery, Goodbye: s.goodbye, Heard: s.heard, Elapsed: boot.Elapsed, Code: identity.Code,
		Posture: s.own.posture.Report, PostureChanged: s.own.posture.Changed(),
		Requests: s.asked,
		Every: func(period time.Duration) (<-chan time.Time, func()) {
			b := beat.Every(period)
			return b.C, b.Stop
		},
	})
	answering := make(chan struct{})
	s.group.Add(app.Actor{
		Name: "status",
		Run: func(ctx context.Context) error {
			return status.Serve(ctx, s.dir, s.report, func() { close(answering) })
		},
		Ready: func(ctx context.Context) error {
			select {
			case <-answering:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	})
	s.group.Add(app.Actor{Name: "uplink", Run: s.uplink.Run})
	s.addDesk()
	s.addDeviceSensors()
	if err := s.addSessions(environ); err != nil {
		return err
	}
	s.group.Add(app.Actor{Name: "health", Run: s.watchHealth})
	// Last, so that all of it is up when the service manager hears so.
	s.group.Add(app.Actor{Name: "watchdog", Run: func(ctx context.Context) error {
		return sdnotify.FindOwn().Watch(ctx, func() { s.report() })
	}})
	return nil
}

// report answers the status command.
func (s *service) report() status.Report {
	id, up := s.link.Identity(), status.FromUplink(s.uplink.Status())
	up.Proxy, _ = s.dialer.Via(id.Collector.Address) // an error of its setting is in the uplink's detail
	return status.Report{
		Running: true, Version: buildinfo.Read().String(), Enrolled: status.FromIdentity(id),
		Uplink: up, Spool: status.FromSpool(s.spool.Stats()),
		Policy: s.policy.Version(), Sessions: s.view.watching(), Coverage: status.FromCoverage(s.view.rows()),
		Canary: s.lastCanary(),
	}
}

func (s *service) heartbeatEvery() time.Duration {
	if p := s.policy.Current(); p != nil {
		return time.Duration(p.Policy.GetLimits().GetHeartbeatSeconds()) * time.Second
	}
	return 0
}

// jitterOf spreads devices over their renewal window, each always in the same place.
func jitterOf(device string) float64 {
	sum := sha256.Sum256([]byte(device))
	return float64(binary.BigEndian.Uint32(sum[:])) / (1 << 32)
}
