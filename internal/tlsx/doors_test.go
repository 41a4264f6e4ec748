package tlsx_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var dev = tlsx.Device{School: "hill-top", ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV"}

// port is a collector's port with both doors behind real gRPC servers.
type port struct {
	ca   *tlsx.CA
	addr string
}

type enrolService struct {
	lapwingv1.UnimplementedEnrolmentServiceServer
}

func (enrolService) Enrol(ctx context.Context, req *lapwingv1.EnrolRequest) (*lapwingv1.EnrolResponse, error) {
	if _, _, err := tlsx.PeerDevice(ctx); !errors.Is(err, tlsx.ErrNoDevice) {
		return nil, status.Error(codes.Internal, "the enrolment door gave an identity")
	}
	return &lapwingv1.EnrolResponse{DeviceId: "enrol door, " + req.GetHostname()}, nil
}

type agentService struct {
	lapwingv1.UnimplementedAgentServiceServer
}

func (agentService) Renew(ctx context.Context, _ *lapwingv1.AgentServiceRenewRequest) (*lapwingv1.AgentServiceRenewResponse, error) {
	d, _, err := tlsx.PeerDevice(ctx)
	if err != nil {
		return nil, err
	}
	return &lapwingv1.AgentServiceRenewResponse{Certificate: []byte(d.String())}, nil
}

func listen(t *testing.T, mod func(*tlsx.DoorsConfig)) port {
	t.Helper()
	ca, err := tlsx.NewCA("Hill Top", time.Now())
	check(t, err)
	cert, err := ca.IssueServer([]string{"localhost", "127.0.0.1"}, time.Now())
	check(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	cfg := tlsx.DoorsConfig{CA: ca.Cert, Certificate: func() (*tls.Certificate, error) { return cert, nil }}
	if mod != nil {
		mod(&cfg)
	}
	doors := tlsx.NewDoors(ln, cfg)
	enrol, agent := grpc.NewServer(grpc.Creds(tlsx.ServerCredentials())), grpc.NewServer(grpc.Creds(tlsx.ServerCredentials()))
	lapwingv1.RegisterEnrolmentServiceServer(enrol, enrolService{})
	lapwingv1.RegisterAgentServiceServer(agent, agentService{})
	done := make(chan error, 3)
	go func() { done <- enrol.Serve(doors.Enrol) }()
	go func() { done <- agent.Serve(doors.Agent) }()
	go func() { done <- doors.Serve() }()
	t.Cleanup(func() {
		doors.Close()
		enrol.Stop()
		agent.Stop()
		for range 3 {
			<-done
		}
	})
	return port{ca, ln.Addr().String()}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return key
}

// device returns a certificate made through a real request.
func device(t *testing.T, ca *tlsx.CA, now time.Time) tls.Certificate {
	t.Helper()
	key := newKey(t)
	csr, err := tlsx.NewCSR(key)
	check(t, err)
	cert, err := ca.IssueDevice(csr, dev, now)
	check(t, err)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

func client(t *testing.T, c *tlsx.Client, addr string) *tlsx.ClientConn {
	t.Helper()
	conn, err := c.Dial(t.Context(), addr)
	check(t, err)
	cc, err := tlsx.NewClientConn(conn)
	check(t, err)
	t.Cleanup(func() { cc.Close() })
	return cc
}

func TestEachDoorReachesItsOwnService(t *testing.T) {
	p := listen(t, nil)

	enrol := client(t, tlsx.EnrolClient(p.ca.Fingerprint(), tlsx.SystemClock), p.addr)
	got, err := lapwingv1.NewEnrolmentServiceClient(enrol).Enrol(t.Context(), &lapwingv1.EnrolRequest{Hostname: "pc1"})
	check(t, err)
	if got.GetDeviceId() != "enrol door, pc1" {
		t.Errorf("enrol door answered %q", got.GetDeviceId())
	}

	agentClient := tlsx.AgentClient(p.ca.Cert, device(t, p.ca, time.Now()), tlsx.SystemClock)
	for range 2 { // the second time the session is resumed
		agent := client(t, agentClient, p.addr)
		renewed, err := lapwingv1.NewAgentServiceClient(agent).Renew(t.Context(), &lapwingv1.AgentServiceRenewRequest{})
		check(t, err)
		if string(renewed.GetCertificate()) != dev.String() {
			t.Errorf("agent door saw %q, want %q", renewed.GetCertificate(), dev)
		}
	}
}

// A device that enrols must not reach the agent's service, nor the reverse.
func TestDoorsDoNotServeEachOther(t *testing.T) {
	p := listen(t, nil)
	enrol := client(t, tlsx.EnrolClient(p.ca.Fingerprint(), tlsx.SystemClock), p.addr)
	_, err := lapwingv1.NewAgentServiceClient(enrol).Renew(t.Context(), &lapwingv1.AgentServiceRenewRequest{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("agent service through the enrolment door: %v, want Unimplemented", err)
	}
	agent := client(t, tlsx.AgentClient(p.ca.Cert, device(t, p.ca, time.Now()), tlsx.SystemClock), p.addr)
	_, err = lapwingv1.NewEnrolmentServiceClient(agent).Enrol(t.Context(), &lapwingv1.EnrolRequest{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("enrolment service through the agent door: %v, want Unimplemented", err)
	}
}

// The agent door refuses during or right after the handshake (TLS 1.3 tells a
// client at its first read).
func TestAgentDoorRefusesBadCertificates(t *testing.T) {
	p := listen(t, nil)
	other, err := tlsx.NewCA("elsewhere", time.Now())
	check(t, err)
	server, err := p.ca.IssueServer(nil, time.Now())
	check(t, err)
	for name, cert := range map[string]tls.Certificate{
		"none":               {},
		"another authority":  device(t, other, time.Now()),
		"expired":            device(t, p.ca, time.Now().Add(-31*24*time.Hour)),
		"not yet valid":      device(t, p.ca, time.Now().Add(2*time.Hour)),
		"a server's own one": *server,
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := tlsx.AgentClient(p.ca.Cert, cert, tlsx.SystemClock).Dial(t.Context(), p.addr)
			if err == nil {
				defer conn.Close()
				_, err = conn.Read(make([]byte, 1))
			}
			var alert *net.OpError
			if !errors.As(err, &alert) || alert.Op != "remote error" {
				t.Errorf("got %v, want a TLS alert from the server", err)
			}
		})
	}
}

func TestUnknownDoorsAreRefused(t *testing.T) {
	refused := make(chan error, 1)
	p := listen(t, func(c *tlsx.DoorsConfig) { c.Refused = func(_ net.Addr, err error) { refused <- err } })
	for name, protos := range map[string][]string{"none": nil, "h2": {"h2"}, "http/1.1": {"http/1.1"}} {
		t.Run(name, func(t *testing.T) {
			conn, err := tls.Dial("tcp", p.addr, &tls.Config{NextProtos: protos, InsecureSkipVerify: true})
			if err == nil {
				conn.Close()
				t.Fatal("handshake succeeded")
			}
			if err := <-refused; err == nil {
				t.Error("the refusal was not reported")
			}
		})
	}
	t.Run("TLS 1.2", func(t *testing.T) {
		conn, err := tls.Dial("tcp", p.addr, &tls.Config{
			NextProtos: []string{tlsx.ALPNEnrol}, InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
		if err == nil {
			conn.Close()
			t.Fatal("handshake succeeded")
		}
		<-refused
	})
}

func TestClientsRefuseTheWrongCollector(t *testing.T) {
	p := listen(t, nil)
	other, err := tlsx.NewCA("elsewhere", time.Now())
	check(t, err)
	_, err = tlsx.EnrolClient(other.Fingerprint(), tlsx.SystemClock).Dial(t.Context(), p.addr)
	if !errors.Is(err, tlsx.ErrWrongCA) {
		t.Errorf("enrol: %v, want ErrWrongCA", err)
	}
	_, err = tlsx.AgentClient(other.Cert, device(t, p.ca, time.Now()), tlsx.SystemClock).Dial(t.Context(), p.addr)
	if !errors.Is(err, tlsx.ErrWrongCA) {
		t.Errorf("agent: %v, want ErrWrongCA", err)
	}
}

// A device of the same school must not be able to pose as its collector: its
// certificate has the right authority and the wrong purpose.
func TestDeviceCannotPoseAsCollector(t *testing.T) {
	var posing tls.Certificate
	p := listen(t, func(c *tlsx.DoorsConfig) {
		c.Certificate = func() (*tls.Certificate, error) { return &posing, nil }
	})
	posing = device(t, p.ca, time.Now())
	posing.Certificate = append(posing.Certificate, p.ca.Cert.Raw)
	_, err := tlsx.EnrolClient(p.ca.Fingerprint(), tlsx.SystemClock).Dial(t.Context(), p.addr)
	if !errors.Is(err, tlsx.ErrServerCert) {
		t.Errorf("got %v, want ErrServerCert", err)
	}
}

// The pinned certificate in the chain is not enough: the leaf must be signed
// by it, or anyone could send a copy of the public authority along.
func TestPinAloneIsNotEnough(t *testing.T) {
	mallory, err := tlsx.NewCA("Mallory", time.Now())
	check(t, err)
	cert, err := mallory.IssueServer(nil, time.Now())
	check(t, err)
	p := listen(t, func(c *tlsx.DoorsConfig) {
		c.Certificate = func() (*tls.Certificate, error) { return cert, nil }
	})
	cert.Certificate[1] = p.ca.Cert.Raw
	_, err = tlsx.EnrolClient(p.ca.Fingerprint(), tlsx.SystemClock).Dial(t.Context(), p.addr)
	if !errors.Is(err, tlsx.ErrWrongCA) {
		t.Errorf("got %v, want ErrWrongCA", err)
	}
}

func TestServerCertificateIsJudgedByTheDevicesClock(t *testing.T) {
	p := listen(t, nil)
	at := func(d time.Duration, exact bool) tlsx.Clock {
		return func() (time.Time, bool) { return time.Now().Add(d), exact }
	}
	year := 365 * 24 * time.Hour
	for name, tc := range map[string]struct {
		clock tlsx.Clock
		ok    bool
	}{
		"now, exact":                  {at(0, true), true},
		"half an hour slow":           {at(-30*time.Minute, true), true},
		"before it began, exact":      {at(-2*time.Hour, true), false},
		"floor before it began":       {at(-10*year, false), true},
		"after it ended, exact":       {at(year+time.Hour, true), false},
		"floor after it ended":        {at(year+time.Hour, false), false},
		"floor within its lifetime":   {at(time.Hour, false), true},
		"one hour before end, exact":  {at(year-time.Hour, true), true},
		"floor just before its start": {at(-2*time.Hour, false), true},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := tlsx.EnrolClient(p.ca.Fingerprint(), tc.clock).Dial(t.Context(), p.addr)
			if err == nil {
				conn.Close()
			}
			if (err == nil) != tc.ok || err != nil && !errors.Is(err, tlsx.ErrServerCert) {
				t.Errorf("got %v, want accepted: %v", err, tc.ok)
			}
		})
	}
}

// A client that says nothing must not hold a handshake slot for ever.
func TestSilentClientIsDropped(t *testing.T) {
	refused := make(chan error, 1)
	p := listen(t, func(c *tlsx.DoorsConfig) {
		c.HandshakeTimeout, c.MaxHandshakes = 50*time.Millisecond, 1
		c.Refused = func(_ net.Addr, err error) { refused <- err }
	})
	silent, err := net.Dial("tcp", p.addr)
	check(t, err)
	defer silent.Close()
	if err := <-refused; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("refused with %v, want deadline exceeded", err)
	}
	client(t, tlsx.EnrolClient(p.ca.Fingerprint(), tlsx.SystemClock), p.addr)
}

// Close must not wait for a client that is slow at the handshake.
func TestCloseBreaksOffHandshakes(t *testing.T) {
	ca, err := tlsx.NewCA("x", time.Now())
	check(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	doors := tlsx.NewDoors(ln, tlsx.DoorsConfig{CA: ca.Cert, MaxHandshakes: 1, HandshakeTimeout: time.Hour})
	done := make(chan error, 1)
	go func() { done <- doors.Serve() }()
	silent, err := net.Dial("tcp", ln.Addr().String())
	check(t, err)
	defer silent.Close()
	doors.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve returned %v, want net.ErrClosed", err)
	}
}

func TestServerCredentialsRefuseOtherConnections(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, _, err := tlsx.ServerCredentials().ServerHandshake(a); err == nil {
		t.Error("a connection without TLS was accepted")
	}
}

func TestParseDeviceRefusesForeignCertificates(t *testing.T) {
	if _, err := tlsx.ParseDevice(&x509.Certificate{}); !errors.Is(err, tlsx.ErrNoDevice) {
		t.Errorf("got %v, want ErrNoDevice", err)
	}
}
