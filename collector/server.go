package main

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/console"
	"github.com/lapwing-schools/lapwing/collector/control"
	"github.com/lapwing-schools/lapwing/collector/datadir"
	"github.com/lapwing-schools/lapwing/collector/enrol"
	"github.com/lapwing-schools/lapwing/collector/fleet"
	"github.com/lapwing-schools/lapwing/collector/ingest"
	"github.com/lapwing-schools/lapwing/collector/oversight"
	"github.com/lapwing-schools/lapwing/collector/permits"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	"github.com/lapwing-schools/lapwing/collector/tenants"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// schoolZone is the schools' clock: of exemptions, and on screen.
const schoolZone = "Europe/London"

// stopWithin is how long open pages and streams may go on when the server stops.
const stopWithin = 10 * time.Second

// server is the running collector: what newServer wired, and where it listens.
type server struct {
	data  *datadir.Data
	store store.Store
	log   *slog.Logger
	now   func() time.Time

	cases     *casework.Service
	registry  *prometheus.Registry
	enrol     *enrol.Service
	policies  *policy.Publisher
	oversight *oversight.Service
	folder    *policy.Folder
	ingest    *ingest.Server
	fleet     *fleet.Service
	control   *control.Service
	roster    *roster.Service
	inbox     *roster.Inbox
	console   http.Handler

	agentListener, consoleListener, metricsListener net.Listener
	agents, consoleURL                              string
}

// openStore opens the embedded database of a data directory.
func openStore(dir string, log *slog.Logger) (store.Store, error) {
	s, err := badgerstore.Open(dir, badgerstore.Options{Log: log})
	if err != nil {
		return nil, err // not s: a nil *Store in the interface is not nil
	}
	return s, nil
}

// newServer opens the data directory and every listener, so that what can
// fail has failed before anything is served.
func newServer(ctx context.Context, dir string, l listenFlags, log *slog.Logger) (*server, error) {
	s, err := open(dir, l, log)
	if err != nil {
		return nil, err
	}
	if err = s.wire(); err == nil {
		err = s.listen(ctx, l)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// open opens the data directory and what commands need, but serves nothing.
func open(dir string, l listenFlags, log *slog.Logger) (*server, error) {
	s := &server{log: log, now: time.Now, registry: prometheus.NewRegistry()}
	if err := s.open(dir, l); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *server) open(dir string, l listenFlags) (err error) {
	if s.agents, err = advertised("agents", l.Agents, l.Host); err != nil {
		return err
	}
	host, err := advertised("console", l.Console, l.Host)
	if err != nil {
		return err
	}
	s.consoleURL = "https://" + host
	if s.data, err = datadir.Open(dir, s.now()); err != nil {
		return err
	}
	if s.store, err = openStore(datadir.StorePath(dir), s.log); err != nil {
		return err
	}
	books, err := playbook.Load(configs.Playbooks())
	if err != nil {
		return fmt.Errorf("load the playbooks: %w", err)
	}
	if s.cases, err = casework.New(casework.Config{
		Vault: s.data.Vault, Now: s.now, Playbooks: books, RuleTitle: s.ruleTitle,
	}); err != nil {
		return err
	}
	s.roster = roster.New(s.data.Vault, s.now, s.log)
	s.inbox = roster.NewInbox(s.roster, datadir.InboxPath(dir), s.store)
	s.fleet = fleet.New(fleet.Config{
		CAFingerprint: tlsx.Fingerprint(s.data.CA.Cert), Agents: s.agents, Now: s.now,
		Released: func(school store.SchoolID, ids []caseflow.DeviceID) {
			if s.ingest != nil {
				s.ingest.Released(school, ids)
			}
		},
		AskedAgain: func(school store.SchoolID, since time.Time) {
			if s.ingest != nil {
				s.ingest.AskedAgain(school, since)
			}
		},
	})
	s.control = control.New(control.Config{
		Store: s.store, Cases: s.cases, Directory: s.roster, Fleet: s.fleet,
		Console: s.consoleURL, Now: s.now, Log: s.log, Oversight: atWork{s},
		Revoked: func(school store.SchoolID, id caseflow.DeviceID, reason string) {
			if s.ingest != nil {
				s.ingest.Revoked(school, id, reason)
			}
		},
	})
	return nil
}

// ruleTitle knows no rule before wire.
func (s *server) ruleTitle(id string) string {
	if s.policies == nil {
		return ""
	}
	return s.policies.RuleTitle(id)
}

// newPermits makes what gives permission for media. Serial numbers have a key of
// the school's own, so that two schools' hashes of one stick tell nothing.
func (s *server) newPermits() *permits.Service {
	return permits.New(permits.Config{
		Key:     func(slug string) [32]byte { return s.data.Vault.Subkey("usb media of " + slug) },
		Changed: func(school store.SchoolID) { s.policies.Refresh(school) },
		Now:     s.now,
	})
}

// wire makes what serves agents and browsers.
func (s *server) wire() error {
	schools := tenants.New(s.store)
	var err error
	media := s.newPermits()
	s.policies, err = policy.New(policy.Config{Rules: configs.Rules(), Form: shippedForm(), Key: s.data.Policy, Now: s.now, Log: s.log, Amend: media.Amend})
	if err != nil {
		return fmt.Errorf("load the rule packs: %w", err)
	}
	s.folder = policy.NewFolder(datadir.PolicyPath(s.data.Dir), configs.Rules(), s.policies)
	// What the school wrote is in force before the first device is answered.
	_ = s.folder.Look(context.Background()) // logged, and shown on /policy; Run goes on
	if s.enrol, err = enrol.New(enrol.Config{
		Schools: schools, CA: s.data.CA, PolicyKey: s.data.Policy.Public().(ed25519.PublicKey),
		Now: s.now, Log: s.log, Metrics: s.registry,
	}); err != nil {
		return err
	}
	core, err := ingest.NewCore(s.data.Vault, s.now, s.log, s.registry)
	if err != nil {
		return err
	}
	if s.ingest, err = ingest.NewServer(ingest.Config{
		Core: core, Schools: schools, Policies: s.policies, Renewer: s.enrol,
		Now: s.now, Log: s.log, Metrics: s.registry,
	}); err != nil {
		return err
	}
	zone, err := time.LoadLocation(schoolZone)
	if err != nil {
		return fmt.Errorf("load the school's time zone: %w", err)
	}
	s.oversight = oversight.New(oversight.Config{Policies: s.policies, Now: s.now, Zone: zone})
	key := s.data.Vault.Subkey("known browsers")
	s.console, err = console.New(console.Config{Store: s.store, Cases: s.cases, Directory: s.roster, Pickups: s.inbox, Fleet: s.fleet, Permits: media,
		Policies: s.policies, Edits: s.folder, Timetable: s.policies.Timetable,
		Oversight: s.oversight, Trials: s.cases, Rules: s.policies, Zone: zone,
		Prove: func(school store.SchoolID, ids []caseflow.DeviceID, by audit.Who) int {
			if s.ingest == nil {
				return 0
			}
			return s.ingest.Prove(school, ids, by)
		},
		Key: key[:], Now: s.now, Logger: s.log})
	return err
}

func (s *server) listen(ctx context.Context, l listenFlags) error {
	for _, p := range []struct {
		flag, address string
		into          *net.Listener
	}{
		{"agents", l.Agents, &s.agentListener},
		{"console", l.Console, &s.consoleListener},
		{"metrics", l.Metrics, &s.metricsListener},
	} {
		if p.address == "" {
			continue
		}
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.address)
		if err != nil {
			return fmt.Errorf("listen on --%s %s: %w", p.flag, p.address, err)
		}
		*p.into = ln
	}
	return nil
}

// run serves until ctx ends or a part fails; it returns the first part's fault.
func (s *server) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.runAgents(ctx) })
	group.Go(func() error { return named("agent streams", s.ingest.Run(ctx)) })
	group.Go(func() error {
		pages := console.NewServer(s.console)
		// What browsers break off is no fault of ours.
		pages.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
		pages.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.data.ConsoleCertificate}
		return named("console", serveHTTP(ctx, pages, s.consoleListener))
	})
	group.Go(func() error { return named("control socket", control.Serve(ctx, s.data.Dir, s.control)) })
	group.Go(func() error { return s.renew(ctx) })
	group.Go(func() error { return s.keepWeeks(ctx) })
	group.Go(func() error { return named("directory inbox", s.inbox.Run(ctx)) })
	group.Go(func() error { return named("policy folder", s.folder.Run(ctx)) })
	if s.metricsListener != nil {
		group.Go(func() error {
			handler := promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{})
			return named("metrics", serveHTTP(ctx, console.NewServer(handler), s.metricsListener))
		})
	}
	return group.Wait()
}

// named says which part failed. A part that ended because it was told to has not.
func named(part string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}

// runAgents serves both doors of the agent port.
func (s *server) runAgents(ctx context.Context) error {
	doors := tlsx.NewDoors(s.agentListener, tlsx.DoorsConfig{CA: s.data.CA.Cert, Certificate: s.data.ServerCertificate, Now: s.now})
	agents, enrolment := s.ingest.GRPC(), s.enrol.GRPC()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return named("agent port", doors.Serve())
	})
	group.Go(func() error { return named("agent door", agents.Serve(doors.Agent)) })
	group.Go(func() error { return named("enrolment door", enrolment.Serve(doors.Enrol)) })
	group.Go(func() error {
		<-ctx.Done()
		err := doors.Close()
		stopGracefully(agents) // ingest.Run ends the streams, and says why
		enrolment.Stop()
		return named("agent port", err)
	})
	return group.Wait()
}

// stopGracefully lets running calls end and their last words arrive, for stopWithin.
func stopGracefully(s *grpc.Server) {
	timer := time.AfterFunc(stopWithin, s.Stop)
	defer timer.Stop()
	s.GracefulStop()
}

// serveHTTP serves until ctx ends; with a TLSConfig, over TLS.
func serveHTTP(ctx context.Context, h *http.Server, ln net.Listener) error {
	// Open pages (live streams) end with the server.
	h.BaseContext = func(net.Listener) context.Context { return ctx }
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		stopped <- h.Shutdown(within)
	})
	var err error
	if h.TLSConfig != nil {
		err = h.ServeTLS(ln, "", "")
	} else {
		err = h.Serve(ln)
	}
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// renewEvery is how often the collector's certificates are looked at, which
// costs two comparisons. A server that boots with its clock a year ahead, until
// it asks for the time, has made certificates of next year: devices that know
// the time refuse it as long as it shows them.
const renewEvery = time.Minute

// renew replaces certificates before they end, and those that have not begun.
func (s *server) renew(ctx context.Context) error {
	often := time.NewTicker(renewEvery)
	defer often.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-often.C:
			if _, err := s.data.Renew(s.now()); err != nil {
				s.log.ErrorContext(ctx, "renew certificates", "error", err)
			}
		}
	}
}

// keepWeeks keeps each school's figures of the week, from which the trend is
// drawn: at the start, and every hour.
func (s *server) keepWeeks(ctx context.Context) error {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	for {
		s.keepWeek(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-hourly.C:
		}
	}
}

func (s *server) keepWeek(ctx context.Context) {
	schools, err := s.store.Schools(ctx)
	if err != nil {
		s.log.ErrorContext(ctx, "keep the week's figures", "error", err)
		return
	}
	for _, school := range schools {
		t, err := s.store.School(ctx, school.ID)
		if err == nil {
			err = t.KeepWeek(ctx, s.now())
		}
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "keep the week's figures", "school", school.Slug, "error", err)
		}
	}
}

// close releases what newServer opened; safe after a half-made start.
func (s *server) close() error {
	var errs []error
	for _, ln := range []net.Listener{s.agentListener, s.consoleListener, s.metricsListener} {
		if ln == nil {
			continue
		}
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}
