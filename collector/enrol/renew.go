package enrol

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// RenewExpired gives a device whose certificate ended at most 180 days ago a
// new one, if it proves that it holds the old key and was not revoked. A
// certificate that is still valid is renewed too: a device whose clock runs
// ahead believes that it has expired.
func (s *Service) RenewExpired(ctx context.Context, req *lapwingv1.RenewExpiredRequest) (*lapwingv1.RenewExpiredResponse, error) {
	from := address(ctx)
	if err := s.admit(from); err != nil {
		return nil, s.count("renew_expired", from, err)
	}
	resp, err := s.renewExpired(ctx, req)
	return resp, s.count("renew_expired", from, err)
}

func (s *Service) renewExpired(ctx context.Context, req *lapwingv1.RenewExpiredRequest) (*lapwingv1.RenewExpiredResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, invalid(err)
	}
	now := s.cfg.Now()
	id, err := s.oldIdentity(req, now)
	if err != nil {
		return nil, err
	}
	t, err := s.cfg.Schools.BySlug(ctx, id.School)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refuseNotOurs
	} else if err != nil {
		return nil, s.unavailable(ctx, "find school", err)
	}
	cert, err := s.renew(ctx, t, caseflow.DeviceID(id.ID), req.Csr, req.Fingerprint, now)
	if err != nil {
		return nil, err
	}
	return &lapwingv1.RenewExpiredResponse{Certificate: cert.Raw, ServerTimeMs: now.UnixMilli()}, nil
}

// oldIdentity returns whose certificate the request shows, once it is sure
// that this collector gave it out, not too long ago, and that the sender holds
// its key.
func (s *Service) oldIdentity(req *lapwingv1.RenewExpiredRequest, now time.Time) (tlsx.Device, error) {
	old, err := x509.ParseCertificate(req.Certificate)
	if err != nil || old.CheckSignatureFrom(s.cfg.CA.Cert) != nil {
		return tlsx.Device{}, refuseNotOurs
	}
	id, err := tlsx.ParseDevice(old) // only a device's certificate names one
	if err != nil {
		return tlsx.Device{}, refuseNotOurs
	}
	if now.After(old.NotAfter.Add(MaxExpired)) {
		return tlsx.Device{}, refuseTooOld
	}
	key, ok := old.PublicKey.(*ecdsa.PublicKey)
	digest := sha256.Sum256(req.Csr)
	if !ok || !ecdsa.VerifyASN1(key, digest[:], req.Proof) {
		return tlsx.Device{}, refuseProof
	}
	return id, nil
}

// Renew gives a device that came through the agent door, which proves its
// identity, a new certificate (DER). Errors are gRPC statuses.
func (s *Service) Renew(ctx context.Context, t store.Tenant, id caseflow.DeviceID, csr, fingerprint []byte) ([]byte, error) {
	cert, err := s.renew(ctx, t, id, csr, fingerprint, s.cfg.Now())
	// The device is known: its failures are not charged to its address, which
	// it shares with the rest of its school.
	var r *refusal
	switch {
	case err == nil:
		s.results.WithLabelValues("renew", "issued").Inc()
		return cert.Raw, nil
	case errors.As(err, &r):
		s.results.WithLabelValues("renew", r.result).Inc()
	}
	return nil, err
}

func (s *Service) renew(ctx context.Context, t store.Tenant, id caseflow.DeviceID, csr, fingerprint []byte, now time.Time) (*x509.Certificate, error) {
	d, err := t.Device(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, refuseNotOurs
	case err != nil:
		return nil, s.unavailable(ctx, "find device", err)
	case !d.Revoked.IsZero():
		return nil, refuseRevoked
	}
	s.compare(ctx, t, d, fingerprint, now)
	cert, err := s.issue(ctx, t, id, csr, now)
	if err != nil {
		return nil, err
	}
	if err := t.Renewed(ctx, id, serial(cert), cert.NotAfter); err != nil {
		return nil, s.unavailable(ctx, "record renewal", err)
	}
	entry := audit.Entry{At: now, Who: audit.System(), Action: audit.DeviceRenewed, Object: []string{string(id)}}
	if err := t.Append(ctx, entry); err != nil {
		return nil, s.unavailable(ctx, "record renewal", err)
	}
	return cert, nil
}

// compare marks a device that renews from other hardware than it was enrolled
// on. It gets its certificate all the same: a board may have been replaced, and
// a device without a certificate would fall silent.
func (s *Service) compare(ctx context.Context, t store.Tenant, d store.Device, fingerprint []byte, now time.Time) {
	if len(d.Fingerprint) == 0 || len(fingerprint) == 0 || subtle.ConstantTimeCompare(d.Fingerprint, fingerprint) == 1 {
		return
	}
	first, err := t.Suspect(ctx, d.ID, store.SuspectHardware, now)
	switch {
	case err != nil:
		s.cfg.Log.ErrorContext(ctx, "suspected clone not recorded", "device", string(d.ID), "error", err)
	case first:
		s.cfg.Log.WarnContext(ctx, "two machines seem to share a device's identity", "device", string(d.ID), "reason", store.SuspectHardware)
	}
}
