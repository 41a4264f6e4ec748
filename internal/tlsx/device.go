package tlsx

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// Device is the identity in a device certificate, as the URI
// lapwing://school/<School>/device/<ID>.
type Device struct {
	School string // slug: 1 to 64 of a-z 0-9 -, no hyphen at either end
	ID     string // 1 to 64 of A-Z a-z 0-9 -
}

// ErrNoDevice says that a connection or a certificate carries no device identity.
var ErrNoDevice = errors.New("no device identity in the certificate")

// Validate reports a slug or id that could not stand in a certificate.
func (d Device) Validate() error {
	if !slugForm(d.School) {
		return fmt.Errorf("school %q must be 1 to 64 of a-z, 0-9 and inner hyphens", d.School)
	}
	if d.ID == "" || len(d.ID) > 64 || !allIn(d.ID, "-") {
		return fmt.Errorf("device %q must be 1 to 64 letters, digits and hyphens", d.ID)
	}
	return nil
}

func slugForm(s string) bool {
	return s != "" && len(s) <= 64 && s[0] != '-' && s[len(s)-1] != '-' &&
		allIn(s, "-") && strings.ToLower(s) == s
}

// String returns the URI.
func (d Device) String() string { return "lapwing://school/" + d.School + "/device/" + d.ID }

func (d Device) uri() (*url.URL, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	return &url.URL{Scheme: "lapwing", Host: "school", Path: "/" + d.School + "/device/" + d.ID}, nil
}

// ParseDevice reads the identity from a certificate. It does not verify the
// certificate: pass only one that a handshake or Verify has accepted.
func ParseDevice(cert *x509.Certificate) (Device, error) {
	if len(cert.URIs) != 1 {
		return Device{}, ErrNoDevice
	}
	parts := strings.Split(cert.URIs[0].String(), "/")
	if len(parts) != 6 {
		return Device{}, ErrNoDevice
	}
	d := Device{School: parts[3], ID: parts[5]}
	// Comparing whole texts leaves no room for a query, an escape or a port.
	if d.Validate() != nil || d.String() != cert.URIs[0].String() {
		return Device{}, ErrNoDevice
	}
	return d, nil
}

// PeerDevice returns the verified device at the other end of a gRPC call that
// came through the agent door, and its certificate. The error is ErrNoDevice
// for a call through any other door.
func PeerDevice(ctx context.Context) (Device, *x509.Certificate, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return Device{}, nil, ErrNoDevice
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || info.State.NegotiatedProtocol != ALPNAgent || len(info.State.VerifiedChains) == 0 {
		return Device{}, nil, ErrNoDevice
	}
	leaf := info.State.PeerCertificates[0]
	d, err := ParseDevice(leaf)
	return d, leaf, err
}
