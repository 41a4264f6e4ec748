// Package control is the collector's owner-only door for its own commands: a
// gRPC service on DATA/control.sock while a server runs, and the same service
// in the command's own process while none does (the embedded database belongs
// to one process at a time).
//
// Whoever may open the socket may also read the data directory, so it carries
// no new powers; but what it does is in the ledger under the name of the
// operating system's account, and reviewers are told of content that it reads
// (collector/casework).
//
// It may import collector/store and what crosses it, collector/auth,
// collector/directory, collector/roster, collector/tenants, collector/token,
// collector/fleet, collector/exemption, collector/oversight, collector/datadir
// and internal/tlsx.
package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/edge"
	"github.com/lapwing-schools/lapwing/collector/exemption"
	"github.com/lapwing-schools/lapwing/collector/fleet"
	"github.com/lapwing-schools/lapwing/collector/oversight"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tenants"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Cases lists a school's cases for a command (collector/casework). Without a
// reason no person and no excerpt is in the records; with one, the ledger and
// the reviewers know before the first record is sent.
type Cases interface {
	List(ctx context.Context, t store.Tenant, reason, actor string, send func(*lapwingv1.CaseRecord) error) error
}

// Oversight lists the rules at work and the changes of them (collector/oversight).
type Oversight interface {
	Rules(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]oversight.RuleView, error)
	Changes(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]oversight.ChangeView, error)
	Exemptions(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]exemption.Exemption, error)
}

// Config of a Service. Every field but Revoked is needed.
type Config struct {
	Store store.Store
	Cases Cases
	// Directory takes lists of people.
	Directory Directory
	// Fleet makes tokens and releases devices.
	Fleet *fleet.Service
	// Console is the address of the console.
	Console string
	// Oversight, when set, lists rules and changes.
	Oversight Oversight
	// Revoked, when set, ends the stream of a device that was just revoked.
	Revoked func(school store.SchoolID, id caseflow.DeviceID, reason string)
	Now     func() time.Time
	Log     *slog.Logger
}

// Service implements lapwing.v1.ControlService. Its errors are statuses whose
// messages are fit for the person at the command line.
type Service struct {
	lapwingv1.UnimplementedControlServiceServer
	cfg     Config
	schools *tenants.Directory

	users sync.Mutex // held while a user is added: the first dsl needs no confirmation, the second does
}

// New returns a Service.
func New(cfg Config) *Service {
	return &Service{cfg: cfg, schools: tenants.New(cfg.Store)}
}

// ListCases sends the cases of a school.
func (s *Service) ListCases(req *lapwingv1.ListCasesRequest, out lapwingv1.ControlService_ListCasesServer) error {
	ctx := out.Context()
	t, err := s.school(ctx, req.School)
	if err != nil {
		return err
	}
	actor := account(ctx)
	if req.Actor != "" && req.Actor != actor {
		actor += " for " + req.Actor // sudo: the socket knows root only
	}
	return s.failed(ctx, "list cases", s.cfg.Cases.List(ctx, t, req.Reason, edge.Shorten(actor, 128), out.Send))
}

// ListDevices sends the devices of a school; no person and no text is in them.
func (s *Service) ListDevices(req *lapwingv1.ListDevicesRequest, out lapwingv1.ControlService_ListDevicesServer) error {
	ctx := out.Context()
	t, err := s.school(ctx, req.School)
	if err != nil {
		return err
	}
	all, err := t.Devices(ctx)
	if err != nil {
		return s.failed(ctx, "list devices", err)
	}
	for _, d := range all {
		said, err := t.Checks(ctx, d.ID)
		if err != nil {
			return s.failed(ctx, "list devices", err)
		}
		if err := out.Send(deviceRecord(d, said.Checks)); err != nil {
			return err
		}
	}
	return nil
}

func deviceRecord(d store.Device, checks []store.CheckState) *lapwingv1.DeviceRecord {
	r := &lapwingv1.DeviceRecord{
		Id: string(d.ID), Host: d.Host, Os: d.OS, OsVersion: d.OSText, Group: d.Group,
		AgentVersion: d.Report.AgentVersion, Revoked: !d.Revoked.IsZero(), Held: d.Held, Suspect: d.SuspectWhy,
	}
	if d.Report.Host != "" {
		r.Host = d.Report.Host
	}
	if d.Report.OSText != "" {
		r.OsVersion = d.Report.OSText
	}
	if !d.Report.Seen.IsZero() {
		r.LastSeenMs = d.Report.Seen.UnixMilli()
	}
	for _, c := range d.Report.Coverage {
		r.Coverage = append(r.Coverage, &lapwingv1.DeviceCoverage{
			Sensor: c.Sensor, State: c.State, Code: c.Code, SinceMs: c.Since.UnixMilli(),
		})
	}
	for _, c := range checks {
		r.Checks = append(r.Checks, &lapwingv1.DeviceCheck{Id: c.ID, State: c.State.String(), SinceMs: c.Since.UnixMilli(), Detail: c.Detail})
	}
	return r
}

// school finds the school of a request; an empty slug is the only school.
func (s *Service) school(ctx context.Context, slug string) (store.Tenant, error) {
	t, err := s.schools.Only(ctx, slug)
	if errors.Is(err, store.ErrNotFound) {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	return t, s.failed(ctx, "find school", err)
}

// failed makes the status of a fault. The caller may read the data directory,
// so it may read the reason too; no error of ours holds content.
func (s *Service) failed(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	var invalid *caseflow.InvalidError
	if errors.As(err, &invalid) {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	s.cfg.Log.ErrorContext(ctx, "command failed", "command", what, "error", err)
	return status.Error(codes.Internal, fmt.Sprintf("%s: %v", what, err))
}

func refuse(format string, args ...any) error {
	return status.Error(codes.InvalidArgument, fmt.Sprintf(format, args...))
}
