// Package enrol is the collector's narrow door: it gives devices their
// certificates, for a one-time token, for an expired certificate, or for one
// that is about to expire.
//
// Everything that reaches it through the enrolment door comes from strangers,
// so requests are small, few for each address, and refused with a sentence
// that helps a technician and tells an attacker nothing: a token is looked up
// by its hash, and "used" or "expired" is said only of the very token.
//
// It may import collector/store and what crosses it, collector/tenants,
// collector/token, collector/ratelimit, collector/edge and internal/tlsx.
package enrol

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/edge"
	"github.com/lapwing-schools/lapwing/collector/ratelimit"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tenants"
	"github.com/lapwing-schools/lapwing/collector/token"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Limits for each remote address. A whole school enrols from behind one
// address, so successes are cheap; failures are what an attacker has.
const (
	callsPerSecond    = 50
	callsBurst        = 1000
	failuresPerSecond = 0.2
	failuresBurst     = 20
	addresses         = 20_000
)

// MaxExpired is how long after its end a certificate may still be renewed
// (design decision 7).
const MaxExpired = 180 * 24 * time.Hour

// Config of a Service; every field is needed.
type Config struct {
	Schools   *tenants.Directory
	CA        *tlsx.CA
	PolicyKey ed25519.PublicKey
	Now       func() time.Time
	Log       *slog.Logger
	Metrics   prometheus.Registerer
}

// Service implements lapwing.v1.EnrolmentService. It is safe for concurrent use.
type Service struct {
	lapwingv1.UnimplementedEnrolmentServiceServer
	cfg      Config
	calls    *ratelimit.Buckets
	failures *ratelimit.Buckets
	results  *prometheus.CounterVec
	panics   prometheus.Counter
}

// New returns a Service and registers its counters.
func New(cfg Config) (*Service, error) {
	s := &Service{
		cfg:      cfg,
		calls:    ratelimit.New(callsPerSecond, callsBurst, addresses, cfg.Now),
		failures: ratelimit.New(failuresPerSecond, failuresBurst, addresses, cfg.Now),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lapwing_certificate_requests_total",
			Help: "Requests for device certificates, by what was asked (enrol, renew, renew_expired) and what came of it.",
		}, []string{"request", "result"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lapwing_enrolment_panics_total",
			Help: "Enrolment calls that ended in an error of the collector's own.",
		}),
	}
	for _, c := range []prometheus.Collector{s.results, s.panics} {
		if err := cfg.Metrics.Register(c); err != nil {
			return nil, fmt.Errorf("register enrolment metrics: %w", err)
		}
	}
	return s, nil
}

// refusal is why a request was refused: a word for the counter and a status
// whose message is for a person.
type refusal struct {
	result string
	code   codes.Code
	words  string
}

func (r *refusal) Error() string              { return r.words }
func (r *refusal) GRPCStatus() *status.Status { return status.New(r.code, r.words) }

// The refusals. Their words end on the enrolling technician's screen.
var (
	refuseUnknown = &refusal{"token_unknown", codes.PermissionDenied,
		"This enrolment token is not known to the collector. Copy the whole enrolment string again, or ask for a new one."}
	refuseUsed = &refusal{"token_used", codes.PermissionDenied,
		"This enrolment token has been used. Ask a technician for a new enrolment string."}
	refuseExpired = &refusal{"token_expired", codes.PermissionDenied,
		"This enrolment token has expired. Ask a technician for a new enrolment string."}
	refuseNetwork = &refusal{"token_network", codes.PermissionDenied,
		"This enrolment token works from another network only. Enrol on the school's own network, or ask for a new string."}
	refuseRevoked = &refusal{"revoked", codes.PermissionDenied,
		"This device has been revoked. Ask a technician whether it should be enrolled again."}
	refuseNotOurs = &refusal{"not_ours", codes.PermissionDenied,
		"This certificate was not given out by this collector. Enrol the device again."}
	refuseTooOld = &refusal{"too_old", codes.FailedPrecondition,
		"This certificate expired more than 180 days ago. Enrol the device again."}
	refuseProof = &refusal{"bad_proof", codes.PermissionDenied,
		"The request is not signed by the key of the old certificate. Enrol the device again."}
	refuseKey = &refusal{"bad_key", codes.InvalidArgument,
		"The device's key must be ECDSA P-256. Update the agent."}
	refuseCSR = &refusal{"bad_request", codes.InvalidArgument,
		"The certificate request is damaged or not signed by its own key. Update the agent."}
	refuseRate = &refusal{"too_many", codes.ResourceExhausted,
		"Too many requests from this address. Wait some minutes, then try again."}
	refuseBusy = &refusal{"unavailable", codes.Unavailable,
		"The collector cannot write to its store now. Try again in a minute."}
)

// Enrol exchanges a token and a key for a certificate. Every error is a gRPC
// status whose message is fit for a person.
func (s *Service) Enrol(ctx context.Context, req *lapwingv1.EnrolRequest) (*lapwingv1.EnrolResponse, error) {
	from := address(ctx)
	if err := s.admit(from); err != nil {
		return nil, s.count("enrol", from, err)
	}
	resp, err := s.enrol(ctx, req)
	return resp, s.count("enrol", from, err)
}

func (s *Service) enrol(ctx context.Context, req *lapwingv1.EnrolRequest) (*lapwingv1.EnrolResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, invalid(err)
	}
	t, err := s.cfg.Schools.BySlug(ctx, token.School(req.Token))
	if errors.Is(err, store.ErrNotFound) {
		return nil, refuseUnknown
	} else if err != nil {
		return nil, s.unavailable(ctx, "find school", err)
	}
	now := s.cfg.Now()
	hash := token.Hash(req.Token)
	tok, err := t.Token(ctx, hash)
	if err != nil {
		return nil, s.tokenRefusal(ctx, err)
	}
	if !tok.AllowedFrom(remote(ctx)) {
		return nil, refuseNetwork
	}
	id := caseflow.DeviceID(token.New())
	cert, err := s.issue(ctx, t, id, req.Csr, now)
	if err != nil {
		return nil, err
	}
	d, err := t.Enrol(ctx, hash, store.Device{
		ID: id, Host: req.Hostname, OS: req.Os, OSText: req.OsVersion, Arch: req.Arch,
		Enrolled: now, CertSerial: serial(cert), CertExpires: cert.NotAfter, Fingerprint: req.Fingerprint,
	}, now)
	if err != nil {
		return nil, s.tokenRefusal(ctx, err)
	}
	s.cfg.Log.InfoContext(ctx, "device enrolled", "school", t.Info().Slug, "device", string(d.ID), "held", d.Held)
	return &lapwingv1.EnrolResponse{
		DeviceId: string(d.ID), Certificate: cert.Raw, CaCertificate: s.cfg.CA.Cert.Raw,
		PolicyPublicKey: s.cfg.PolicyKey, SchoolName: edge.Shorten(t.Info().Name, 200), ServerTimeMs: now.UnixMilli(),
	}, nil
}

func (s *Service) tokenRefusal(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, store.ErrTokenUnknown):
		return refuseUnknown
	case errors.Is(err, store.ErrTokenUsed):
		return refuseUsed
	case errors.Is(err, store.ErrTokenExpired):
		return refuseExpired
	}
	return s.unavailable(ctx, "enrol device", err)
}

// issue signs the key of a request for a device of the school.
func (s *Service) issue(ctx context.Context, t store.Tenant, id caseflow.DeviceID, csr []byte, now time.Time) (*x509.Certificate, error) {
	cert, err := s.cfg.CA.IssueDevice(csr, tlsx.Device{School: t.Info().Slug, ID: string(id)}, now)
	switch {
	case errors.Is(err, tlsx.ErrNotP256):
		return nil, refuseKey
	case errors.Is(err, tlsx.ErrBadCSR):
		return nil, refuseCSR
	case err != nil:
		return nil, s.unavailable(ctx, "issue certificate", err)
	}
	return cert, nil
}

// admit takes one call of the address, and refuses it while the address has
// failed too often.
func (s *Service) admit(from string) error {
	if empty, _ := s.failures.Empty(from); empty {
		return refuseRate
	}
	if ok, _ := s.calls.Take(from, 1); !ok {
		return refuseRate
	}
	return nil
}

// count counts a result and charges a failure to its address; err passes
// through. A failure of the collector's own is nobody's fault.
func (s *Service) count(request, from string, err error) error {
	var r *refusal
	switch {
	case err == nil:
		s.results.WithLabelValues(request, "issued").Inc()
	case errors.As(err, &r):
		s.results.WithLabelValues(request, r.result).Inc()
		// Bounded by the limit of failures an address has; refused for that alone is not logged.
		if r != refuseRate {
			s.cfg.Log.Warn("certificate refused", "request", request, "reason", r.result, "address", from)
		}
		if r != refuseBusy {
			s.failures.Take(from, 1)
		}
	}
	return err
}

func (s *Service) unavailable(ctx context.Context, what string, err error) error {
	s.cfg.Log.ErrorContext(ctx, "certificate not issued", "step", what, "error", err)
	return refuseBusy
}

// invalid tells which field breaks which limit; a FieldError holds no content.
func invalid(err error) error {
	return &refusal{"invalid", codes.InvalidArgument, "The request is not valid: " + err.Error() + "."}
}

func serial(c *x509.Certificate) string { return c.SerialNumber.Text(16) }

// remote is the other end's address; of none, the zero one, which is in no network.
func remote(ctx context.Context) netip.Addr {
	if p, ok := peer.FromContext(ctx); ok {
		if tcp, ok := p.Addr.(*net.TCPAddr); ok {
			return tcp.AddrPort().Addr()
		}
	}
	return netip.Addr{}
}

// address is the rate limiter's key for the other end of a call.
func address(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return ""
	}
	return ratelimit.AddressKey(p.Addr)
}
