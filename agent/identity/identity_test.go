package identity_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/agent/identity"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var facts = identity.Facts{Hostname: "pc1", OS: "linux", OSVersion: "Debian 12", Arch: "amd64", AgentVersion: "0.1.0"}

func start(t *testing.T) *fakecollector.Collector {
	t.Helper()
	c := &fakecollector.Collector{Address: "127.0.0.1:0"}
	c.Start(t)
	return c
}

func enrol(t *testing.T, dir string, e tlsx.Enrolment, force bool) (*identity.Identity, error) {
	t.Helper()
	return identity.Enrol(t.Context(), dir, e, facts, identity.Options{Clock: tlsx.SystemClock, Force: force})
}

func TestEnrolAndLoad(t *testing.T) {
	c := start(t)
	dir := filepath.Join(t.TempDir(), "lapwing")
	id, err := enrol(t, dir, c.Enrolment(), false)
	check(t, err)
	got, err := identity.Load(dir)
	check(t, err)
	if got.Device != id.Device || got.Device.School != fakecollector.School || !got.Key.Equal(id.Key) ||
		!got.Cert.Equal(id.Cert) || tlsx.Fingerprint(got.CA) != c.CA.Fingerprint() ||
		!got.Collector.PolicyKey.Equal(c.PolicyKey.Public()) || got.Collector.Address != c.Enrolment().Address() {
		t.Errorf("loaded %+v, enrolled %+v", got, id)
	}
	check(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		check(t, err)
		fi, err := d.Info()
		check(t, err)
		if fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, fi.Mode())
		}
		return nil
	}))
}

func TestLoadWithoutIdentity(t *testing.T) {
	if _, err := identity.Load(t.TempDir()); !errors.Is(err, identity.ErrNotEnrolled) {
		t.Errorf("got %v, want ErrNotEnrolled", err)
	}
}

func TestLoadNamesTheDamagedFile(t *testing.T) {
	c := start(t)
	for name, content := range map[string]string{
		"device.key": "junk", "device.crt": "junk", "ca.crt": "junk", "collector.json": "{}",
	} {
		dir := t.TempDir()
		_, err := enrol(t, dir, c.Enrolment(), false)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(dir, "identity", name), []byte(content), 0o600))
		if _, err := identity.Load(dir); err == nil || !strings.Contains(err.Error(), name) || errors.Is(err, identity.ErrNotEnrolled) {
			t.Errorf("%s damaged: %v", name, err)
		}
	}
}

func TestEnrolRefusals(t *testing.T) {
	c := start(t)
	other := start(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	nobody := uint16(closed.Addr().(*net.TCPAddr).Port)
	closed.Close()
	for name, tc := range map[string]struct {
		change func(*tlsx.Enrolment)
		token  error
		words  string
		cause  error
	}{
		"wrong fingerprint": {change: func(e *tlsx.Enrolment) { e.CAFingerprint = other.CA.Fingerprint() },
			words: "This is not the collector that made the enrolment string", cause: tlsx.ErrWrongCA},
		"wrong token": {change: func(e *tlsx.Enrolment) { e.Token = "another-token" },
			words: "The collector refused: This enrolment token is not known."},
		"used token": {token: status.Error(codes.PermissionDenied, "This enrolment token has been used."),
			words: "The collector refused: This enrolment token has been used."},
		"expired token": {token: status.Error(codes.PermissionDenied, "This enrolment token has expired."),
			words: "The collector refused: This enrolment token has expired."},
		"collector in trouble": {token: status.Error(codes.Unavailable, "disk full"), words: "could not answer (disk full)"},
		"nobody there":         {change: func(e *tlsx.Enrolment) { e.Port = nobody }, words: "No collector answers at"},
		"unknown host": {change: func(e *tlsx.Enrolment) { e.Host = "no-such-host.invalid" },
			words: "no-such-host.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.Do(func(c *fakecollector.Collector) { c.TokenError = tc.token })
			e := c.Enrolment()
			if tc.change != nil {
				tc.change(&e)
			}
			_, err := enrol(t, dir, e, false)
			var refusal *identity.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), tc.words) || tc.cause != nil && !errors.Is(err, tc.cause) {
				t.Errorf("got %v, want %q", err, tc.words)
			}
			if strings.Contains(err.Error(), e.Token) {
				t.Error("the error shows the token")
			}
			if names, _ := os.ReadDir(dir); len(names) != 0 {
				t.Errorf("left behind: %v", names)
			}
		})
	}
}

func TestEnrolTwice(t *testing.T) {
	c := start(t)
	dir := t.TempDir()
	first, err := enrol(t, dir, c.Enrolment(), false)
	check(t, err)
	if _, err := enrol(t, dir, c.Enrolment(), false); !errors.Is(err, identity.ErrEnrolled) {
		t.Errorf("second time: %v, want ErrEnrolled", err)
	}
	// A forced one that fails leaves the first in place.
	bad := c.Enrolment()
	bad.Token = "another-token"
	if _, err := enrol(t, dir, bad, true); err == nil {
		t.Error("a wrong token was accepted")
	}
	got, err := identity.Load(dir)
	if check(t, err); got.Device != first.Device {
		t.Error("a failed enrolment changed the identity")
	}
	second, err := enrol(t, dir, c.Enrolment(), true)
	check(t, err)
	got, err = identity.Load(dir)
	if check(t, err); got.Device != second.Device || got.Device == first.Device {
		t.Errorf("after --force: %v, enrolled as %v", got.Device, second.Device)
	}
}

// The machine stops between putting the old identity aside and the new one in
// place: the old one is still there.
func TestInterruptedReplacement(t *testing.T) {
	c := start(t)
	dir := t.TempDir()
	id, err := enrol(t, dir, c.Enrolment(), false)
	check(t, err)
	check(t, os.Rename(filepath.Join(dir, "identity"), filepath.Join(dir, "identity.replaced")))
	check(t, os.Mkdir(filepath.Join(dir, "identity.new"), 0o700))
	got, err := identity.Load(dir)
	if check(t, err); got.Device != id.Device {
		t.Errorf("loaded %v, want %v", got.Device, id.Device)
	}
	if _, err := enrol(t, dir, c.Enrolment(), false); !errors.Is(err, identity.ErrEnrolled) {
		t.Errorf("enrolling over it: %v, want ErrEnrolled", err)
	}
	_, err = enrol(t, dir, c.Enrolment(), true)
	check(t, err)
	_, err = identity.Load(dir)
	check(t, err)
}

// The token must not be spent when the answer could not be stored.
func TestUnwritableDirectoryIsNoticedFirst(t *testing.T) {
	c := start(t)
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	spent := errors.New("spent")
	c.Do(func(c *fakecollector.Collector) { c.TokenError = status.Error(codes.PermissionDenied, spent.Error()) })
	_, err := enrol(t, filepath.Join(file, "lapwing"), c.Enrolment(), false)
	if err == nil || strings.Contains(err.Error(), spent.Error()) {
		t.Errorf("got %v, want an error of the directory", err)
	}
}

func TestRenewExpired(t *testing.T) {
	c := start(t)
	dir := t.TempDir()
	id, err := enrol(t, dir, c.Enrolment(), false)
	check(t, err)
	renewed, err := id.RenewExpired(t.Context(), tlsx.SystemClock, nil)
	check(t, err)
	if renewed.Cert.Equal(id.Cert) || renewed.Device != id.Device || !renewed.Key.Equal(id.Key) {
		t.Error("not the same device with a new certificate")
	}
	got, err := identity.Load(dir)
	if check(t, err); !got.Cert.Equal(renewed.Cert) {
		t.Error("the new certificate was not stored")
	}
}

// A disk that is full when the certificate is renewed does not silence the
// device; the certificate is stored when there is room.
func TestRenewalThatCannotBeStored(t *testing.T) {
	c := start(t)
	dir := t.TempDir()
	id, err := enrol(t, dir, c.Enrolment(), false)
	check(t, err)
	clock := identity.NewClock("", time.Time{}, time.Now, func() time.Duration { return 0 })
	link := identity.NewLink(id, clock, 0.5, nil, nil)
	folder, away := filepath.Join(dir, "identity"), filepath.Join(dir, "away")
	check(t, os.Rename(folder, away))
	if err := link.RenewExpired(t.Context()); !errors.Is(err, identity.ErrUnsaved) {
		t.Errorf("got %v, want ErrUnsaved", err)
	}
	renewed := link.Identity().Cert
	if renewed.Equal(id.Cert) {
		t.Error("the new certificate is not in use")
	}
	connect := func() {
		t.Helper()
		cc, err := link.Connect(t.Context())
		check(t, err)
		cc.Close()
	}
	connect()
	check(t, os.Rename(away, folder))
	connect()
	got, err := identity.Load(dir)
	if check(t, err); !got.Cert.Equal(renewed) {
		t.Error("it was not stored when it could be")
	}
}

// The agent door tells a device that its certificate has ended at once, also
// over a real connection, where it closes behind the refusal.
func TestConnectWithAnExpiredCertificate(t *testing.T) {
	c := start(t)
	dir := t.TempDir()
	id, err := enrol(t, dir, c.Enrolment(), false)
	check(t, err)
	csr, err := tlsx.NewCSR(id.Key)
	check(t, err)
	old := *id
	old.Cert, err = c.CA.IssueDevice(csr, id.Device, time.Now().AddDate(0, 0, -40))
	check(t, err)
	clock := identity.NewClock("", time.Time{}, time.Now, func() time.Duration { return 0 })
	link := identity.NewLink(&old, clock, 0.5, nil, nil)
	for range 20 {
		_, err = link.Connect(t.Context())
		if !errors.Is(err, tlsx.ErrDeviceExpired) || identity.Code(err) != conditions.CertExpiring {
			t.Fatalf("got %v with code %q, want ErrDeviceExpired", err, identity.Code(err))
		}
	}
	check(t, link.RenewExpired(t.Context()))
	cc, err := link.Connect(t.Context())
	check(t, err)
	cc.Close()
}

func TestCancelledEnrolment(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // accepts nothing, says nothing
	check(t, err)
	defer ln.Close()
	ctx, cancel := context.WithCancel(t.Context())
	e := tlsx.Enrolment{Host: "127.0.0.1", Port: uint16(ln.Addr().(*net.TCPAddr).Port), Token: "token-123"}
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		defer cancel()
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	_, err = identity.Enrol(ctx, t.TempDir(), e, facts, identity.Options{Clock: tlsx.SystemClock, Dial: dial})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// otherCertificate returns another device's certificate, for another key.
func otherCertificate(t *testing.T, ca *tlsx.CA, id string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	csr, err := tlsx.NewCSR(key)
	check(t, err)
	cert, err := ca.IssueDevice(csr, tlsx.Device{School: fakecollector.School, ID: id}, time.Now())
	check(t, err)
	return cert.Raw
}

// copiedBy returns a new authority and its copy of a device certificate: the
// right key and device, vouched for by somebody else.
func copiedBy(t *testing.T, der []byte) (ca, cert []byte) {
	t.Helper()
	old, err := x509.ParseCertificate(der)
	check(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: old.NotBefore, NotAfter: old.NotAfter,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca, err = x509.CreateCertificate(rand.Reader, authority, authority, &key.PublicKey, key)
	check(t, err)
	cert, err = x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: old.NotBefore,
		NotAfter: old.NotAfter, URIs: old.URIs}, authority, old.PublicKey, key)
	check(t, err)
	return ca, cert
}

// What the collector answers is checked, not believed.
func TestOddAnswersAreRefused(t *testing.T) {
	c := start(t)
	other, err := tlsx.NewCA("other", time.Now())
	check(t, err)
	for name, change := range map[string]func(*lapwingv1.EnrolResponse){
		"another authority": func(r *lapwingv1.EnrolResponse) { r.CaCertificate = other.Cert.Raw },
		"another authority's all": func(r *lapwingv1.EnrolResponse) {
			r.CaCertificate, r.Certificate = copiedBy(t, r.Certificate)
		},
		"another key":             func(r *lapwingv1.EnrolResponse) { r.Certificate = otherCertificate(t, c.CA, r.DeviceId) },
		"signed by another":       func(r *lapwingv1.EnrolResponse) { r.Certificate = otherCertificate(t, other, r.DeviceId) },
		"another device":          func(r *lapwingv1.EnrolResponse) { r.DeviceId = "device-99" },
		"no policy key":           func(r *lapwingv1.EnrolResponse) { r.PolicyPublicKey = nil },
		"junk for a certificate":  func(r *lapwingv1.EnrolResponse) { r.Certificate = []byte("junk") },
		"junk for an authority":   func(r *lapwingv1.EnrolResponse) { r.CaCertificate = []byte("junk") },
		"the authority as device": func(r *lapwingv1.EnrolResponse) { r.Certificate = c.CA.Cert.Raw },
	} {
		t.Run(name, func(t *testing.T) {
			c.Do(func(c *fakecollector.Collector) { c.OnEnrol = change })
			dir := t.TempDir()
			if _, err := enrol(t, dir, c.Enrolment(), false); err == nil {
				t.Error("accepted")
			}
			if _, err := identity.Load(dir); !errors.Is(err, identity.ErrNotEnrolled) {
				t.Errorf("stored: %v", err)
			}
		})
	}
}

func TestRenewalNeverChangesTheDevice(t *testing.T) {
	c := start(t)
	dir := t.TempDir()
	id, err := enrol(t, dir, c.Enrolment(), false)
	check(t, err)
	csr, err := tlsx.NewCSR(id.Key)
	check(t, err)
	elsewhere, err := c.CA.IssueDevice(csr, tlsx.Device{School: "other-school", ID: id.Device.ID}, time.Now())
	check(t, err)
	for name, der := range map[string][]byte{
		"another school": elsewhere.Raw,
		"another key":    otherCertificate(t, c.CA, id.Device.ID),
	} {
		c.Do(func(c *fakecollector.Collector) { c.OnRenew = func([]byte) []byte { return der } })
		if _, err := id.RenewExpired(t.Context(), tlsx.SystemClock, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
		got, err := identity.Load(dir)
		if check(t, err); !got.Cert.Equal(id.Cert) {
			t.Errorf("%s: stored", name)
		}
	}
}

func TestRenewAt(t *testing.T) {
	c := start(t)
	id, err := enrol(t, t.TempDir(), c.Enrolment(), false)
	check(t, err)
	life := id.Cert.NotAfter.Sub(id.Cert.NotBefore)
	for jitter, want := range map[float64]time.Duration{0: life/3*2 - life/20, 0.5: life / 3 * 2, 1: life/3*2 + life/20} {
		if got := id.RenewAt(jitter).Sub(id.Cert.NotBefore); got != want {
			t.Errorf("jitter %v: after %v, want %v", jitter, got, want)
		}
	}
}

func TestFingerprintIsStableAndKeyed(t *testing.T) {
	a, b := identity.Fingerprint(), identity.Fingerprint()
	if string(a) != string(b) || len(a) != 0 && len(a) != 32 {
		t.Errorf("%x, then %x", a, b)
	}
	if id, err := os.ReadFile("/etc/machine-id"); err == nil && strings.Contains(string(a), strings.TrimSpace(string(id))) && len(a) > 0 && len(id) > 1 {
		t.Error("the fingerprint holds the machine's id")
	}
}
