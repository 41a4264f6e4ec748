package enrol_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/collectortest"
	"github.com/lapwing-schools/lapwing/collector/enrol"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/store/badgerstore"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func open(_ context.Context, dir string) (store.Store, error) {
	return badgerstore.Open(dir, badgerstore.Options{Reserve: 1 << 20, MemTable: 4 << 20})
}

func start(t *testing.T) *collectortest.Collector { return collectortest.Start(t, open) }

func request(token string, csr []byte) *lapwingv1.EnrolRequest {
	return &lapwingv1.EnrolRequest{Token: token, Csr: csr, Hostname: "lab-1", Os: "linux", AgentVersion: "1.0"}
}

// refused checks the code of a refusal and a word of its sentence.
func refused(t *testing.T, err error, code codes.Code, word string) {
	t.Helper()
	if s := status.Convert(err); s.Code() != code || !strings.Contains(s.Message(), word) {
		t.Errorf("got %v %q, want %v with %q", s.Code(), s.Message(), code, word)
	}
}

func TestEnrolGivesACertificateForItsOwnDoor(t *testing.T) {
	c := start(t)
	d := c.Enrol(t)
	id, err := tlsx.ParseDevice(d.Cert)
	if err != nil || id.School != "demo-school" || id.ID != d.ID {
		t.Fatalf("certificate is of %v, %v; want demo-school/%s", id, err, d.ID)
	}
	if life := d.Cert.NotAfter.Sub(c.Clock.Now()); life < 29*24*time.Hour || life > 30*24*time.Hour {
		t.Errorf("certificate lives %v, want 30 days", life)
	}
	kept, err := c.School.Device(t.Context(), caseflow.DeviceID(d.ID))
	if err != nil {
		t.Fatal(err)
	}
	if kept.Host != "lab-1" || kept.Group != "laptops" || kept.Audience != vocab.GroupPupil || kept.CertSerial != d.Cert.SerialNumber.Text(16) {
		t.Errorf("kept as %+v", kept)
	}
	_, csr := collectortest.NewKey(t)
	resp, err := c.AgentDoor(t, d).Renew(t.Context(), &lapwingv1.AgentServiceRenewRequest{Csr: csr})
	if err != nil {
		t.Fatalf("renew through the agent door: %v", err)
	}
	if cert, err := x509.ParseCertificate(resp.Certificate); err != nil || cert.SerialNumber.Cmp(d.Cert.SerialNumber) == 0 {
		t.Errorf("renewed certificate: %v", err)
	}
	if err := ledgerHolds(t, c, "device.enrol", "device.renew", "token.create"); err != nil {
		t.Error(err)
	}
}

func ledgerHolds(t *testing.T, c *collectortest.Collector, actions ...string) error {
	t.Helper()
	if _, err := c.Control.VerifyAudit(t.Context(), &lapwingv1.VerifyAuditRequest{}); err != nil {
		return err
	}
	entries, err := c.School.Entries(t.Context(), 0, 0)
	if err != nil {
		return err
	}
	for _, want := range actions {
		found := false
		for _, e := range entries {
			found = found || string(e.Action) == want
		}
		if !found {
			return errors.New("the ledger has no " + want)
		}
	}
	return nil
}

func TestTokensAreRefusedInWords(t *testing.T) {
	c := start(t)
	key, csr := collectortest.NewKey(t)
	_ = key
	good := c.Token(t, &lapwingv1.CreateTokenRequest{})
	door := c.EnrolDoor(t, good)
	for _, unknown := range []string{"demo-school_" + strings.Repeat("a", 32), "other-school_abcdefgh", "nonsense", good.Token + "a"} {
		_, err := door.Enrol(t.Context(), request(unknown, csr))
		refused(t, err, codes.PermissionDenied, "not known")
	}
	_, err := door.Enrol(t.Context(), request("", csr))
	refused(t, err, codes.InvalidArgument, "token")
	if _, err := door.Enrol(t.Context(), request(good.Token, csr)); err != nil {
		t.Fatalf("a good token after bad ones: %v", err)
	}
	_, err = door.Enrol(t.Context(), request(good.Token, csr))
	refused(t, err, codes.PermissionDenied, "has been used")
	late := c.Token(t, &lapwingv1.CreateTokenRequest{ExpiresSeconds: 60})
	c.Clock.Advance(61 * time.Second)
	_, err = door.Enrol(t.Context(), request(late.Token, csr))
	refused(t, err, codes.PermissionDenied, "has expired")
	if devices, err := c.School.Devices(t.Context()); err != nil || len(devices) != 1 {
		t.Errorf("%d devices, %v; want 1", len(devices), err)
	}
}

func TestATokenOfANetworkWorksFromThereOnly(t *testing.T) {
	c := start(t)
	_, csr := collectortest.NewKey(t)
	far := c.Token(t, &lapwingv1.CreateTokenRequest{Network: "10.20.0.0/16"})
	_, err := c.EnrolDoor(t, far).Enrol(t.Context(), request(far.Token, csr))
	refused(t, err, codes.PermissionDenied, "another network")
	near := c.Token(t, &lapwingv1.CreateTokenRequest{Network: "127.0.0.1"})
	if _, err := c.EnrolDoor(t, near).Enrol(t.Context(), request(near.Token, csr)); err != nil {
		t.Errorf("from its own network: %v", err)
	}
}

func TestOfManyAtOnceATokenLetsInAsManyAsItSays(t *testing.T) {
	c := start(t)
	e := c.Token(t, &lapwingv1.CreateTokenRequest{Uses: 3})
	_, csr := collectortest.NewKey(t)
	var in atomic.Int32
	var wg sync.WaitGroup
	for range 10 {
		door := c.EnrolDoor(t, e)
		wg.Go(func() {
			_, err := door.Enrol(t.Context(), request(e.Token, csr))
			if err == nil {
				in.Add(1)
				return
			}
			refused(t, err, codes.PermissionDenied, "has been used")
		})
	}
	wg.Wait()
	if in.Load() != 3 {
		t.Errorf("%d devices came in, want 3", in.Load())
	}
}

func TestBadRequestsDoNotUseTheToken(t *testing.T) {
	c := start(t)
	e := c.Token(t, &lapwingv1.CreateTokenRequest{})
	door := c.EnrolDoor(t, e)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, good := collectortest.NewKey(t)
	forged := append([]byte(nil), good...)
	forged[len(forged)-3] ^= 1 // in the signature
	for name, tt := range map[string]struct {
		csr  []byte
		word string
	}{
		"rsa":       {csrOf(t, rsaKey), "P-256"},
		"p384":      {csrOf(t, p384), "P-256"},
		"forged":    {forged, "signed"},
		"garbage":   {[]byte("garbage"), "damaged"},
		"oversized": {make([]byte, 5000), "csr"},
	} {
		_, err := door.Enrol(t.Context(), request(e.Token, tt.csr))
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), tt.word) {
			t.Errorf("%s: %v, want InvalidArgument with %q", name, err, tt.word)
		}
	}
	long := request(e.Token, good)
	long.Hostname = strings.Repeat("h", 254)
	_, err = door.Enrol(t.Context(), long)
	refused(t, err, codes.InvalidArgument, "hostname")
	if _, err := door.Enrol(t.Context(), request(e.Token, good)); err != nil {
		t.Errorf("the token was used up by bad requests: %v", err)
	}
	huge := request(e.Token, make([]byte, 64<<10))
	_, err = c.EnrolDoor(t, e).Enrol(t.Context(), huge)
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("64 KiB request: %v, want ResourceExhausted", err)
	}
}

func csrOf(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestWrongFingerprintAndOldTLS(t *testing.T) {
	c := start(t)
	clock := func() (time.Time, bool) { return c.Clock.Now(), true }
	if _, err := tlsx.EnrolClient([32]byte{1}, clock).Dial(t.Context(), c.Addr); !errors.Is(err, tlsx.ErrWrongCA) {
		t.Errorf("wrong fingerprint: %v, want ErrWrongCA", err)
	}
	for _, door := range []string{tlsx.ALPNEnrol, tlsx.ALPNAgent} {
		conn, err := tls.Dial("tcp", c.Addr, &tls.Config{
			InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, NextProtos: []string{door},
		})
		if err == nil {
			conn.Close()
			t.Errorf("TLS 1.2 was let in at %s", door)
		}
	}
}

func TestGuessingTokensIsSlowedDownAndHonestDevicesAreNot(t *testing.T) {
	c := start(t)
	e := c.Token(t, &lapwingv1.CreateTokenRequest{Uses: 100})
	door := c.EnrolDoor(t, e)
	_, csr := collectortest.NewKey(t)
	for range 30 {
		if _, err := door.Enrol(t.Context(), request(e.Token, csr)); err != nil {
			t.Fatalf("an honest device of a big school: %v", err)
		}
	}
	tries := 0
	for ; tries < 50; tries++ {
		_, err := door.Enrol(t.Context(), request("demo-school_guess", csr))
		if status.Code(err) == codes.ResourceExhausted {
			break
		}
	}
	if tries != 20 {
		t.Errorf("%d guesses before the address was stopped, want 20", tries)
	}
	c.Clock.Advance(time.Minute)
	if _, err := door.Enrol(t.Context(), request(e.Token, csr)); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestAFaultOfTheCollectorIsNotTheDevices(t *testing.T) {
	c := start(t)
	e := c.Token(t, &lapwingv1.CreateTokenRequest{})
	door := c.EnrolDoor(t, e)
	_, csr := collectortest.NewKey(t)
	if err := c.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for range 30 { // more than an address may fail
		_, err := door.Enrol(t.Context(), request(e.Token, csr))
		if status.Code(err) != codes.Unavailable {
			t.Fatalf("got %v, want Unavailable", err)
		}
	}
}

// expired asks for a renewal as a device does whose certificate has expired.
func expired(t *testing.T, d collectortest.Device) *lapwingv1.RenewExpiredRequest {
	t.Helper()
	csr, err := tlsx.NewCSR(d.Key)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(csr)
	proof, err := ecdsa.SignASN1(rand.Reader, d.Key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return &lapwingv1.RenewExpiredRequest{Certificate: d.Cert.Raw, Csr: csr, Proof: proof}
}

func TestRenewExpired(t *testing.T) {
	c := start(t)
	d := c.Enrol(t)
	door := func() lapwingv1.EnrolmentServiceClient {
		return c.EnrolDoor(t, tlsx.Enrolment{CAFingerprint: c.Data.CA.Fingerprint()})
	}
	c.Clock.Advance(31 * 24 * time.Hour)
	if conn, err := c.DialAgent(t, tls.Certificate{Certificate: [][]byte{d.Cert.Raw}, PrivateKey: d.Key}); err == nil {
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("the agent door let an expired certificate in: %v", err)
		}
		conn.Close()
	}
	resp, err := door().RenewExpired(t.Context(), expired(t, d))
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := x509.ParseCertificate(resp.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := tlsx.ParseDevice(fresh); err != nil || id.ID != d.ID {
		t.Errorf("renewed as %v, %v; want %s", id, err, d.ID)
	}

	stranger := collectortest.Device{Cert: d.Cert}
	stranger.Key, _ = collectortest.NewKey(t)
	_, err = door().RenewExpired(t.Context(), expired(t, stranger))
	refused(t, err, codes.PermissionDenied, "not signed by the key")

	swapped := expired(t, d)
	_, swapped.Csr = collectortest.NewKey(t)
	_, err = door().RenewExpired(t.Context(), swapped)
	refused(t, err, codes.PermissionDenied, "not signed by the key")

	otherCA, err := tlsx.NewCA("other", c.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	csr, err := tlsx.NewCSR(d.Key)
	if err != nil {
		t.Fatal(err)
	}
	foreign := d
	foreign.Cert, err = otherCA.IssueDevice(csr, tlsx.Device{School: "demo-school", ID: d.ID}, c.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, err = door().RenewExpired(t.Context(), expired(t, foreign))
	refused(t, err, codes.PermissionDenied, "not given out by this collector")

	garbage := expired(t, d)
	garbage.Certificate = []byte("garbage")
	_, err = door().RenewExpired(t.Context(), garbage)
	refused(t, err, codes.PermissionDenied, "not given out")

	c.Clock.Advance(enrol.MaxExpired)
	_, err = door().RenewExpired(t.Context(), expired(t, d))
	refused(t, err, codes.FailedPrecondition, "180 days")

	d.Cert = fresh
	if _, err := door().RenewExpired(t.Context(), expired(t, d)); err != nil {
		t.Errorf("the certificate that is 150 days old: %v", err)
	}
	_, err = c.Control.RevokeDevice(t.Context(), &lapwingv1.RevokeDeviceRequest{Device: d.ID, Reason: "stolen"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = door().RenewExpired(t.Context(), expired(t, d))
	refused(t, err, codes.PermissionDenied, "revoked")
}

// The collector's own certificates come from the same authority; none is a device's.
func TestTheCollectorsOwnCertificatesRenewNothing(t *testing.T) {
	c := start(t)
	server, err := c.Data.ServerCertificate()
	if err != nil {
		t.Fatal(err)
	}
	d := collectortest.Device{Key: server.PrivateKey.(*ecdsa.PrivateKey), Cert: server.Leaf}
	door := c.EnrolDoor(t, tlsx.Enrolment{CAFingerprint: c.Data.CA.Fingerprint()})
	_, err = door.RenewExpired(t.Context(), expired(t, d))
	refused(t, err, codes.PermissionDenied, "not given out")
}
