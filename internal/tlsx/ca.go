package tlsx

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"time"
)

// Errors of certificate requests.
var (
	// ErrNotP256 refuses every key but ECDSA P-256: RSA client certificates
	// cost the collector 2.5 to 2.9 times as much at each handshake.
	ErrNotP256 = errors.New("the key must be ECDSA P-256")
	// ErrBadCSR says that a request is no PKCS#10, too long, or not signed by its own key.
	ErrBadCSR = errors.New("not a valid certificate request")
)

// MaxCSR is the longest certificate request that is looked at, in bytes.
const MaxCSR = 4096

// CA is a collector's certificate authority. It is safe for concurrent use.
type CA struct {
	Cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewCA makes a self-signed ECDSA P-256 authority; name is for people, for
// example the school's.
func NewCA(name string, now time.Time) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make CA key: %w", err)
	}
	tmpl, err := template(pkix.Name{CommonName: "Lapwing CA, " + truncate(name, 40)}, now, CALifetime)
	if err != nil {
		return nil, err
	}
	if now.After(authorityBegins) {
		tmpl.NotBefore = authorityBegins
	} else {
		tmpl.NotAfter = authorityBegins.Add(CALifetime)
	}
	tmpl.IsCA, tmpl.MaxPathLenZero = true, true
	tmpl.KeyUsage = x509.KeyUsageCertSign
	cert, err := sign(tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign CA certificate: %w", err)
	}
	return &CA{Cert: cert, key: key}, nil
}

// ParseCA reads what Marshal writes and checks that both belong together.
func ParseCA(certPEM, keyPEM []byte) (*CA, error) {
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("read CA: %w", err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("read CA: %w", ErrNotP256)
	}
	if !pair.Leaf.IsCA {
		return nil, errors.New("read CA: the certificate is not an authority's")
	}
	return &CA{Cert: pair.Leaf, key: key}, nil
}

// Marshal returns certificate and private key as PEM; the key is for a file
// with mode 0600.
func (ca *CA) Marshal() (certPEM, keyPEM []byte, err error) {
	keyPEM, err = MarshalKey(ca.key)
	if err != nil {
		return nil, nil, fmt.Errorf("marshal CA key: %w", err)
	}
	return MarshalCertificate(ca.Cert.Raw), keyPEM, nil
}

// Fingerprint returns the SHA-256 that the enrolment string carries.
func (ca *CA) Fingerprint() [32]byte { return Fingerprint(ca.Cert) }

// Fingerprint returns the SHA-256 of a certificate's DER.
func Fingerprint(cert *x509.Certificate) [32]byte { return sha256.Sum256(cert.Raw) }

// IssueServer makes a key and a certificate for a collector reached under
// hosts (DNS names and IP addresses; for people and tools: devices check
// ServerName). The chain holds the authority, so that an enrolling device can
// compare its fingerprint.
func (ca *CA) IssueServer(hosts []string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make server key: %w", err)
	}
	tmpl, err := template(pkix.Name{CommonName: ServerName}, now, ServerLifetime)
	if err != nil {
		return nil, err
	}
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	tmpl.DNSNames = []string{ServerName}
	for _, h := range hosts {
		if reason := checkHost(h); reason != "" {
			return nil, fmt.Errorf("issue server certificate: host %q %s", h, reason)
		}
		if ip, err := netip.ParseAddr(h); err == nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip.AsSlice())
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, h)
		}
	}
	cert, err := sign(tmpl, ca.Cert, &key.PublicKey, ca.key)
	if err != nil {
		return nil, fmt.Errorf("sign server certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{cert.Raw, ca.Cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

// IssueDevice signs a device's key. Nothing of the request but the key is
// taken over: name, lifetime and usage are the collector's decision. Errors
// wrap ErrBadCSR or ErrNotP256.
func (ca *CA) IssueDevice(csr []byte, dev Device, now time.Time) (*x509.Certificate, error) {
	pub, err := CSRKey(csr)
	if err != nil {
		return nil, fmt.Errorf("issue device certificate: %w", err)
	}
	return ca.issueDevice(pub, dev, now)
}

func (ca *CA) issueDevice(pub *ecdsa.PublicKey, dev Device, now time.Time) (*x509.Certificate, error) {
	uri, err := dev.uri()
	if err != nil {
		return nil, fmt.Errorf("issue device certificate: %w", err)
	}
	tmpl, err := template(pkix.Name{CommonName: dev.ID}, now, DeviceLifetime)
	if err != nil {
		return nil, err
	}
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	tmpl.URIs = []*url.URL{uri}
	cert, err := sign(tmpl, ca.Cert, pub, ca.key)
	if err != nil {
		return nil, fmt.Errorf("sign device certificate: %w", err)
	}
	return cert, nil
}

// CSRKey returns the public key of a certificate request whose signature
// proves possession of it. Errors are ErrBadCSR or ErrNotP256.
func CSRKey(der []byte) (*ecdsa.PublicKey, error) {
	if len(der) > MaxCSR {
		return nil, ErrBadCSR
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, ErrBadCSR
	}
	pub, ok := csr.PublicKey.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, ErrNotP256
	}
	if csr.CheckSignature() != nil {
		return nil, ErrBadCSR
	}
	return pub, nil
}

// NewCSR makes the request that a device sends: its key and nothing else.
func NewCSR(key *ecdsa.PrivateKey) ([]byte, error) {
	if key.Curve != elliptic.P256() {
		return nil, ErrNotP256
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate request: %w", err)
	}
	return der, nil
}

// MarshalCertificate returns a certificate's DER as PEM.
func MarshalCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// MarshalKey returns a private key as PKCS#8 PEM, for a file with mode 0600.
func MarshalKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// template returns what all certificates share: a random serial of 127 bits
// and a lifetime that begins an hour ago.
func template(subject pkix.Name, now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               subject,
		NotBefore:             now.Add(-Backdate),
		NotAfter:              now.Add(life),
		BasicConstraintsValid: true,
	}, nil
}

func sign(tmpl, parent *x509.Certificate, pub *ecdsa.PublicKey, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// truncate cuts s to n bytes, on a rune border.
func truncate(s string, n int) string {
	for i := range s {
		if i > n {
			return s[:i]
		}
	}
	return s
}
