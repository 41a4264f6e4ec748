package fakecollector

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

type enrolment struct {
	lapwingv1.UnimplementedEnrolmentServiceServer
	c *Collector
}

// Enrol implements lapwing.v1.EnrolmentService; the token works as often as wanted.
func (e *enrolment) Enrol(_ context.Context, req *lapwingv1.EnrolRequest) (*lapwingv1.EnrolResponse, error) {
	c := e.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := req.Validate(); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if c.TokenError != nil {
		return nil, c.TokenError
	}
	if req.GetToken() != c.token() {
		return nil, status.Error(codes.PermissionDenied, "This enrolment token is not known.")
	}
	c.enrolled++
	dev := tlsx.Device{School: School, ID: fmt.Sprintf("device-%d", c.enrolled)}
	cert, err := c.CA.IssueDevice(req.GetCsr(), dev, time.Now())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	c.note()
	resp := &lapwingv1.EnrolResponse{
		DeviceId: dev.ID, Certificate: cert.Raw, CaCertificate: c.CA.Cert.Raw,
		PolicyPublicKey: c.PolicyKey.Public().(ed25519.PublicKey), SchoolName: "Hill Top", ServerTimeMs: time.Now().UnixMilli(),
	}
	if c.OnEnrol != nil {
		c.OnEnrol(resp)
	}
	return resp, nil
}

// RenewExpired implements lapwing.v1.EnrolmentService.
func (e *enrolment) RenewExpired(_ context.Context, req *lapwingv1.RenewExpiredRequest) (*lapwingv1.RenewExpiredResponse, error) {
	c := e.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.NoRenewal != nil {
		return nil, c.NoRenewal
	}
	old, err := x509.ParseCertificate(req.GetCertificate())
	if err != nil || old.CheckSignatureFrom(c.CA.Cert) != nil {
		return nil, status.Error(codes.PermissionDenied, "This certificate is not from here.")
	}
	digest := sha256.Sum256(req.GetCsr())
	key, ok := old.PublicKey.(*ecdsa.PublicKey)
	if !ok || !ecdsa.VerifyASN1(key, digest[:], req.GetProof()) {
		return nil, status.Error(codes.PermissionDenied, "The proof is wrong.")
	}
	dev, err := tlsx.ParseDevice(old)
	if err != nil {
		return nil, status.Error(codes.PermissionDenied, err.Error())
	}
	cert, err := c.CA.IssueDevice(req.GetCsr(), dev, time.Now())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	c.renewed++
	c.note()
	if c.OnRenew != nil {
		cert.Raw = c.OnRenew(cert.Raw)
	}
	return &lapwingv1.RenewExpiredResponse{Certificate: cert.Raw, ServerTimeMs: time.Now().UnixMilli()}, nil
}
