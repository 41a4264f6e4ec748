package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"google.golang.org/grpc"

	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Renew asks over cc, an open connection through the agent door, for a new
// certificate for the same key, stores it, and returns the renewed identity;
// id itself does not change. With ErrUnsaved it returns the identity too.
func (id *Identity) Renew(ctx context.Context, cc grpc.ClientConnInterface) (*Identity, error) {
	csr, err := tlsx.NewCSR(id.Key)
	if err != nil {
		return nil, fmt.Errorf("renew certificate: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := lapwingv1.NewAgentServiceClient(cc).Renew(ctx, &lapwingv1.AgentServiceRenewRequest{Csr: csr, Fingerprint: Fingerprint()})
	if err != nil {
		return nil, fmt.Errorf("renew certificate: %w", answered(id.Collector.Address, err))
	}
	return id.renewed(resp.GetCertificate())
}

// RenewExpired does the same through the enrolment door, for a certificate
// that the agent door no longer takes; the collector allows that for 180 days.
func (id *Identity) RenewExpired(ctx context.Context, clock tlsx.Clock, dial Dial) (*Identity, error) {
	csr, err := tlsx.NewCSR(id.Key)
	if err != nil {
		return nil, fmt.Errorf("renew expired certificate: %w", err)
	}
	digest := sha256.Sum256(csr)
	proof, err := ecdsa.SignASN1(rand.Reader, id.Key, digest[:])
	if err != nil {
		return nil, fmt.Errorf("renew expired certificate: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	cc, err := dialEnrol(ctx, dial, id.Collector.Address, tlsx.Fingerprint(id.CA), clock)
	if err != nil {
		return nil, fmt.Errorf("renew expired certificate: %w", err)
	}
	defer cc.Close()
	resp, err := lapwingv1.NewEnrolmentServiceClient(cc).RenewExpired(ctx,
		&lapwingv1.RenewExpiredRequest{Certificate: id.Cert.Raw, Csr: csr, Proof: proof, Fingerprint: Fingerprint()})
	if err != nil {
		return nil, fmt.Errorf("renew expired certificate: %w", answered(id.Collector.Address, err))
	}
	return id.renewed(resp.GetCertificate())
}

// renewed checks and stores a new certificate. The identity in it must be the
// same: a renewal never makes a device another one.
func (id *Identity) renewed(der []byte) (*Identity, error) {
	cert, dev, err := checkCertificate(der, id.Key, id.CA)
	if err != nil {
		return nil, fmt.Errorf("renewed certificate: %w", err)
	}
	if dev != id.Device {
		return nil, fmt.Errorf("renewed certificate: it is for %s, not for %s", dev, id.Device)
	}
	next := *id
	next.Cert, next.unsaved = cert, true
	return next.stored()
}

// stored stores the certificate of id if that is still to be done. A full disk
// must not silence a device that the collector knows: with ErrUnsaved the
// identity is good until the process ends.
func (id *Identity) stored() (*Identity, error) {
	if !id.unsaved {
		return id, nil
	}
	if err := id.saveCertificate(id.Cert); err != nil {
		return id, fmt.Errorf("%w: %w", ErrUnsaved, err)
	}
	next := *id
	next.unsaved = false
	return &next, nil
}
