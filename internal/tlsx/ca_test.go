package tlsx_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

func TestCASurvivesItsFiles(t *testing.T) {
	ca, err := tlsx.NewCA(strings.Repeat("é", 100), time.Now())
	check(t, err)
	certPEM, keyPEM, err := ca.Marshal()
	check(t, err)
	again, err := tlsx.ParseCA(certPEM, keyPEM)
	check(t, err)
	if again.Fingerprint() != ca.Fingerprint() {
		t.Error("fingerprint changed")
	}
	block, _ := pem.Decode(certPEM)
	if sha256.Sum256(block.Bytes) != ca.Fingerprint() {
		t.Error("fingerprint is not the SHA-256 of the DER")
	}

	other, err := tlsx.NewCA("other", time.Now())
	check(t, err)
	_, otherKey, err := other.Marshal()
	check(t, err)
	if _, err := tlsx.ParseCA(certPEM, otherKey); err == nil {
		t.Error("a key of another authority was accepted")
	}
	server, err := ca.IssueServer(nil, time.Now())
	check(t, err)
	serverKey, err := tlsx.MarshalKey(server.PrivateKey.(*ecdsa.PrivateKey))
	check(t, err)
	if _, err := tlsx.ParseCA(tlsx.MarshalCertificate(server.Certificate[0]), serverKey); err == nil {
		t.Error("a server certificate was accepted as an authority")
	}
}

// A collector that was installed while its machine's clock was years ahead, or
// years behind, works as soon as the clock is right.
func TestAuthorityMadeByAWrongClock(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, years := range []int{3, -26} {
		ca, err := tlsx.NewCA("x", now.AddDate(years, 0, 0))
		check(t, err)
		leaf := device(t, ca, now).Leaf
		roots := x509.NewCertPool()
		roots.AddCert(ca.Cert)
		usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: usage})
		if err != nil {
			t.Errorf("made %d years off: %v", years, err)
		}
	}
}

func TestIssueDevice(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	ca, err := tlsx.NewCA("x", now)
	check(t, err)
	cert := device(t, ca, now).Leaf
	if got := cert.NotBefore; !got.Equal(now.Add(-time.Hour)) {
		t.Errorf("begins %v, want one hour before %v", got, now)
	}
	if got := cert.NotAfter; !got.Equal(now.Add(30 * 24 * time.Hour)) {
		t.Errorf("ends %v, want 30 days after %v", got, now)
	}
	if cert.IsCA || len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth {
		t.Error("the certificate may be used for more than a client")
	}
	got, err := tlsx.ParseDevice(cert)
	if err != nil || got != dev {
		t.Errorf("identity %v, %v, want %v", got, err, dev)
	}
}

func TestIssueDeviceRefuses(t *testing.T) {
	ca, err := tlsx.NewCA("x", time.Now())
	check(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	rsaCSR, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, rsaKey)
	check(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	check(t, err)
	p384CSR, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, p384)
	check(t, err)
	good, err := tlsx.NewCSR(newKey(t))
	check(t, err)
	forged := bytes.Clone(good)
	forged[len(forged)-1] ^= 1
	for name, tc := range map[string]struct {
		csr  []byte
		dev  tlsx.Device
		want error
	}{
		"RSA":             {rsaCSR, dev, tlsx.ErrNotP256},
		"P-384":           {p384CSR, dev, tlsx.ErrNotP256},
		"forged":          {forged, dev, tlsx.ErrBadCSR},
		"empty":           {nil, dev, tlsx.ErrBadCSR},
		"too long":        {append(bytes.Clone(good), make([]byte, tlsx.MaxCSR)...), dev, tlsx.ErrBadCSR},
		"school with /":   {good, tlsx.Device{School: "a/b", ID: "x"}, nil},
		"school in caps":  {good, tlsx.Device{School: "Hill", ID: "x"}, nil},
		"empty device id": {good, tlsx.Device{School: "hill"}, nil},
		"device with %":   {good, tlsx.Device{School: "hill", ID: "a%2fb"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ca.IssueDevice(tc.csr, tc.dev, time.Now())
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
	if _, err := ca.IssueServer([]string{"bad host"}, time.Now()); err == nil {
		t.Error("a server certificate for \"bad host\" was issued")
	}
	if _, err := tlsx.NewCSR(p384); !errors.Is(err, tlsx.ErrNotP256) {
		t.Errorf("NewCSR with P-384: %v", err)
	}
}

func FuzzCSRKey(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	csr, err := tlsx.NewCSR(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(csr)
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		pub, err := tlsx.CSRKey(der)
		if err == nil && pub.Curve != elliptic.P256() {
			t.Error("accepted another curve")
		}
	})
}

// Whatever URI a certificate holds, an accepted identity is valid and writes
// back as the same text.
func FuzzParseDevice(f *testing.F) {
	f.Add(dev.String())
	for _, s := range []string{"lapwing://school:1/a/device/b", "lapwing://school/a/device/b?x", "lapwing://school/a/device/b#x",
		"lapwing://school/a/device/%62", "lapwing://u@school/a/device/b", "LAPWING://school/a/device/b", "lapwing://school/a/b/device/c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.Parse(s)
		if err != nil {
			return
		}
		d, err := tlsx.ParseDevice(&x509.Certificate{URIs: []*url.URL{u}})
		if err == nil && (d.Validate() != nil || d.String() != u.String()) {
			t.Errorf("%q accepted as %+v", s, d)
		}
	})
}
