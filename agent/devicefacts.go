package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/lapwing-schools/lapwing/agent/app"
	"github.com/lapwing-schools/lapwing/agent/sensor"
	"github.com/lapwing-schools/lapwing/agent/sensor/posture"
	"github.com/lapwing-schools/lapwing/agent/sensor/usb"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// deviceSensors are the service's own: what the machine shows of itself.
type deviceSensors struct {
	usb     *usb.Sensor
	posture *posture.Sensor
	account atomic.Pointer[string] // of the desktops that are to be watched, if it is one
}

// account is who is logged on at the desktop that is watched; empty for nobody,
// and where people sit at several: a medium may be anybody's of them.
func (s *service) account() string {
	if account := s.own.account.Load(); account != nil && s.view.watching() > 0 {
		return *account
	}
	return ""
}

func (s *service) newDeviceSensors() {
	s.own.usb = usb.New(usb.Config{
		Now: time.Now, Log: s.log, Account: s.account,
		Note: s.noteMedium,
		Emit: func(m *lapwingv1.Media) error { return s.stamps.Media(s.account(), m) },
		Case: func(m *lapwingv1.Media, infected bool) {
			if err := s.stamps.MediaCase(s.account(), m, infected); err != nil {
				s.log.Error("a medium's case was not kept", "error", err)
			}
		},
	})
	s.own.posture = posture.New(posture.Config{Now: time.Now, Log: s.log, Health: s.health})
}

// addDeviceSensors adds their actors.
func (s *service) addDeviceSensors() {
	for _, one := range []sensor.Sensor{s.own.usb, s.own.posture} {
		s.group.Add(app.Actor{Name: one.Name(), Run: func(ctx context.Context) error { return s.runOwn(ctx, one) }})
	}
	s.group.Add(app.Actor{Name: "device-policy", Run: s.passDevicePolicies})
}

// runOwn runs a sensor. One that this system has not, or that fails, is
// coverage, and no reason for the service to end.
func (s *service) runOwn(ctx context.Context, one sensor.Sensor) error {
	for {
		err := one.Run(ctx, func(st sensor.Status) { s.view.own.Report(one.Name(), st) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		status := sensor.Status{State: sensor.Off, Code: conditions.SensorFailed}
		if errors.Is(err, sensor.ErrUnsupported) {
			status.Code = conditions.Unsupported
		}
		s.view.own.Report(one.Name(), status)
		s.log.Warn("a sensor has stopped", "sensor", one.Name(), "error", err)
		again := time.NewTimer(time.Minute)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return ctx.Err()
		}
	}
}

// passDevicePolicies gives each policy in force to the service's own sensors.
func (s *service) passDevicePolicies(ctx context.Context) error {
	policies, stop := s.policy.Subscribe()
	defer stop()
	for {
		select {
		case p := <-policies:
			s.own.usb.SetPolicy(p.Policy.Usb)
			s.own.posture.SetPolicy(p.Policy.Posture)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// health is the agent's own check of itself.
func (s *service) health() posture.Reading {
	stats := s.spool.Stats()
	switch {
	case s.policy.Version() == 0:
		return posture.Reading{State: checks.Fail, Detail: "no policy has arrived yet"}
	case stats.DamagedSegments > 0:
		return posture.Reading{State: checks.Fail, Detail: "part of the agent's queue could not be read"}
	case stats.DroppedRoutine > 0 || stats.MergedUrgent > 0:
		return posture.Reading{State: checks.Fail, Detail: "the agent's queue was full, and some events were dropped or merged"}
	}
	return posture.Reading{State: checks.Pass, Detail: "policy in force, nothing lost"}
}
