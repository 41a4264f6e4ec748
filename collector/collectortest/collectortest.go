// Package collectortest starts the collector's doors in a test: a data
// directory made by datadir.Init, both gRPC servers behind tlsx.Doors on
// loopback, and devices with real keys and certificates. The embedded store is
// handed in, since only main packages and tests may import one.
package collectortest

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/lapwing-schools/lapwing/collector/control"
	"github.com/lapwing-schools/lapwing/collector/datadir"
	"github.com/lapwing-schools/lapwing/collector/enrol"
	"github.com/lapwing-schools/lapwing/collector/fleet"
	"github.com/lapwing-schools/lapwing/collector/ingest"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tenants"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/policydoc/form"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// OpenStore makes or opens an embedded store in a directory.
type OpenStore func(ctx context.Context, dir string) (store.Store, error)

// Rules is a rule pack of this name with one rule, so that the doors' tests do
// not hang on what the shipped packs say.
func Rules(name string) fs.FS {
	return fstest.MapFS{name + ".yaml": {Data: []byte("pack: " + name + `
version: 1
title: One rule for tests
language: en-GB
review: reviewed
rules:
  - id: test-brawl
    version: 1
    title: A brawl
    category: violence
    four_c: conduct
    severity: low
    level: log
    phrases: ["zebra crossing brawl"]
    examples:
      hit: ["a zebra crossing brawl"]
      miss: ["a zebra crossing"]
`)}}
}

// Clock is a clock that tests set; it begins at the real time.
type Clock struct {
	mu  sync.Mutex // guards add
	add time.Duration
}

// Now is the collector's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.add)
}

// Advance moves the collector's time.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add += d
}

// Collector is a running one.
type Collector struct {
	Dir     string
	Data    *datadir.Data
	Store   store.Store
	School  store.Tenant
	Control *control.Service
	Ingest  *ingest.Server
	Policy  *policy.Publisher
	Addr    string // of the agent port
	Clock   *Clock
	Metrics *prometheus.Registry
	Log     *slog.Logger
	// Drain stops the collector as a shutdown does; the test's end does it too.
	Drain func()
}

// Start makes and starts a collector that stops with the test.
func Start(t testing.TB, open OpenStore) *Collector {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	Init(t, dir, open)
	return Restart(t, dir, open)
}

// Init makes a data directory with one school, demo-school.
func Init(t testing.TB, dir string, open OpenStore) {
	t.Helper()
	_, err := datadir.Init(t.Context(), dir, datadir.Options{
		School: "Demo School", Console: "https://localhost:8443", Now: time.Now, OpenStore: open,
	})
	must(t, err)
}

// Restart starts a collector on a data directory.
func Restart(t testing.TB, dir string, open OpenStore) *Collector {
	t.Helper()
	c := &Collector{Dir: dir, Clock: &Clock{}, Metrics: prometheus.NewRegistry(), Log: logger(t)}
	var err error
	c.Data, err = datadir.Open(dir, c.Clock.Now())
	must(t, err)
	c.Store, err = open(t.Context(), datadir.StorePath(dir))
	must(t, err)
	t.Cleanup(func() { must(t, c.Store.Close()) })
	c.serve(t)
	return c
}

func logger(t testing.TB) *slog.Logger {
	if os.Getenv("LAPWING_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// serve starts the doors.
func (c *Collector) serve(t testing.TB) {
	t.Helper()
	schools := tenants.New(c.Store)
	var err error
	c.School, err = schools.Only(t.Context(), "")
	must(t, err)
	enrolment, err := enrol.New(enrol.Config{
		Schools: schools, CA: c.Data.CA, PolicyKey: c.Data.Policy.Public().(ed25519.PublicKey),
		Now: c.Clock.Now, Log: c.Log, Metrics: c.Metrics,
	})
	must(t, err)
	core, err := ingest.NewCore(c.Data.Vault, c.Clock.Now, c.Log, c.Metrics)
	must(t, err)
	c.Policy, err = policy.New(policy.Config{Rules: Rules("test"), Form: Form(), Key: c.Data.Policy, Now: c.Clock.Now, Log: c.Log})
	must(t, err)
	c.Ingest, err = ingest.NewServer(ingest.Config{
		Core: core, Schools: schools, Policies: c.Policy, Renewer: enrolment,
		Now: c.Clock.Now, Log: c.Log, Metrics: c.Metrics,
	})
	must(t, err)
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	c.Addr = ln.Addr().String()
	c.Control = control.New(control.Config{
		Store: c.Store, Fleet: fleet.New(fleet.Config{CAFingerprint: c.Data.CA.Fingerprint(), Agents: c.Addr, Now: c.Clock.Now,
			Released: c.Ingest.Released, AskedAgain: c.Ingest.AskedAgain}), Console: "https://localhost:8443",
		Revoked: c.Ingest.Revoked, Now: c.Clock.Now, Log: c.Log,
	})
	doors := tlsx.NewDoors(ln, tlsx.DoorsConfig{CA: c.Data.CA.Cert, Certificate: c.Data.ServerCertificate, Now: c.Clock.Now})
	c.run(t, doors, enrolment.GRPC(), c.Ingest.GRPC())
}

// run serves until the test ends, then stops in the order that main does.
func (c *Collector) run(t testing.TB, doors *tlsx.Doors, enrolment, agents *grpc.Server) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg, reports sync.WaitGroup
	wg.Go(func() { closed(t, doors.Serve()) })
	wg.Go(func() { closed(t, enrolment.Serve(doors.Enrol)) })
	wg.Go(func() { closed(t, agents.Serve(doors.Agent)) })
	reports.Go(func() { must(t, c.Ingest.Run(ctx)) })
	c.Drain = sync.OnceFunc(func() {
		doors.Close()
		cancel()
		reports.Wait()
		agents.GracefulStop() // the streams have ended; what they said last is on its way
		enrolment.Stop()
		wg.Wait()
	})
	t.Cleanup(c.Drain)
}

func closed(t testing.TB, err error) {
	if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, grpc.ErrServerStopped) {
		t.Errorf("serve: %v", err)
	}
}

// Token returns a new enrolment string, taken apart.
func (c *Collector) Token(t testing.TB, req *lapwingv1.CreateTokenRequest) tlsx.Enrolment {
	t.Helper()
	if req.Group == "" {
		req.Group = "laptops"
	}
	resp, err := c.Control.CreateToken(t.Context(), req)
	must(t, err)
	e, err := tlsx.ParseEnrolment(resp.EnrolmentString)
	must(t, err)
	return e
}

// Device is an enrolled device.
type Device struct {
	ID   string
	Key  *ecdsa.PrivateKey
	Cert *x509.Certificate
}

// NewKey returns a device's key and its request for a certificate.
func NewKey(t testing.TB) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	csr, err := tlsx.NewCSR(key)
	must(t, err)
	return key, csr
}

// EnrolDoor returns a client of the enrolment door.
func (c *Collector) EnrolDoor(t testing.TB, e tlsx.Enrolment) lapwingv1.EnrolmentServiceClient {
	t.Helper()
	conn, err := tlsx.EnrolClient(e.CAFingerprint, c.clock).Dial(t.Context(), c.Addr)
	must(t, err)
	return lapwingv1.NewEnrolmentServiceClient(client(t, conn))
}

// Enrol enrols a new device.
func (c *Collector) Enrol(t testing.TB) Device {
	t.Helper()
	key, csr := NewKey(t)
	e := c.Token(t, &lapwingv1.CreateTokenRequest{})
	resp, err := c.EnrolDoor(t, e).Enrol(t.Context(), &lapwingv1.EnrolRequest{
		Token: e.Token, Csr: csr, Hostname: "lab-1", Os: "linux", OsVersion: "Debian 12", Arch: "amd64", AgentVersion: "1.0",
	})
	must(t, err)
	cert, err := x509.ParseCertificate(resp.Certificate)
	must(t, err)
	return Device{ID: resp.DeviceId, Key: key, Cert: cert}
}

// AgentDoor returns a client of the agent door.
func (c *Collector) AgentDoor(t testing.TB, d Device) lapwingv1.AgentServiceClient {
	t.Helper()
	conn, err := c.DialAgent(t, tls.Certificate{Certificate: [][]byte{d.Cert.Raw}, PrivateKey: d.Key})
	must(t, err)
	return lapwingv1.NewAgentServiceClient(client(t, conn))
}

// DialAgent does the handshake at the agent door with any certificate.
func (c *Collector) DialAgent(t testing.TB, cert tls.Certificate) (net.Conn, error) {
	return tlsx.AgentClient(c.Data.CA.Cert, cert, c.clock).Dial(t.Context(), c.Addr)
}

func (c *Collector) clock() (time.Time, bool) { return c.Clock.Now(), true }

func client(t testing.TB, conn net.Conn) grpc.ClientConnInterface {
	t.Helper()
	cc, err := tlsx.NewClientConn(conn)
	must(t, err)
	t.Cleanup(func() { cc.Close() })
	return cc
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Form is the policy that comes with the program.
func Form() *form.Form {
	f, problems := form.Parse("policy.yaml", configs.Policy)
	if len(problems) > 0 {
		panic(problems[0].String())
	}
	return f
}
