package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// callTimeout bounds enrolment and renewal, from the dial to the answer.
const callTimeout = 30 * time.Second

// Facts are what a device says about itself when it enrols; the limits are
// those of lapwing.v1.EnrolRequest.
type Facts struct {
	Hostname     string
	OS, Arch     string // GOOS, GOARCH
	OSVersion    string // for people
	AgentVersion string
	Fingerprint  []byte // 32 bytes of Fingerprint, or empty
}

// Options of Enrol.
type Options struct {
	Force bool       // replace an identity that is there
	Clock tlsx.Clock // trusted time; needed
	Dial  Dial       // nil means TCP
}

// Dial opens a plain connection to host:port; the handshake comes after it.
type Dial func(ctx context.Context, address string) (net.Conn, error)

// open dials and has shake do the handshake.
func (d Dial) open(ctx context.Context, address string, shake func(context.Context, net.Conn) (net.Conn, error)) (net.Conn, error) {
	if d == nil {
		d = direct
	}
	raw, err := d(ctx, address)
	if err != nil {
		return nil, err
	}
	return shake(ctx, raw)
}

func direct(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// Refusal is an answer of the collector, or the lack of one, in words for the
// person who enrols. It wraps its cause.
type Refusal struct {
	Words string
	Err   error
}

func (r *Refusal) Error() string { return r.Words }

// Unwrap returns the cause: a gRPC status, tlsx.ErrWrongCA, tlsx.ErrServerCert
// or a network error.
func (r *Refusal) Unwrap() error { return r.Err }

// Enrol makes a key on this device, exchanges the token of e for a
// certificate, and stores both in DIR. Errors are ErrEnrolled, a *Refusal, or
// those of storing; after any of them DIR holds what it held before.
func Enrol(ctx context.Context, dir string, e tlsx.Enrolment, facts Facts, opt Options) (*Identity, error) {
	for _, name := range []string{dirName, replacedName} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil && !opt.Force {
			return nil, ErrEnrolled
		}
	}
	// Before the token is spent: a folder that cannot be written to would
	// waste it.
	if err := writable(dir); err != nil {
		return nil, fmt.Errorf("prepare %s: %w", dir, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make device key: %w", err)
	}
	csr, err := tlsx.NewCSR(key)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	cc, err := dialEnrol(ctx, opt.Dial, e.Address(), e.CAFingerprint, opt.Clock)
	if err != nil {
		return nil, err
	}
	defer cc.Close()
	resp, err := lapwingv1.NewEnrolmentServiceClient(cc).Enrol(ctx, &lapwingv1.EnrolRequest{
		Token: e.Token, Csr: csr, Hostname: facts.Hostname, Os: facts.OS, OsVersion: facts.OSVersion,
		Arch: facts.Arch, AgentVersion: facts.AgentVersion, Fingerprint: facts.Fingerprint,
	})
	if err != nil {
		return nil, answered(e.Address(), err)
	}
	id, err := accept(e, key, resp)
	if err != nil {
		return nil, fmt.Errorf("enrol: the collector's answer: %w", err)
	}
	if err := id.save(dir); err != nil {
		return nil, fmt.Errorf("store identity in %s: %w; the token is used up, ask for a new enrolment string", dir, err)
	}
	return id, nil
}

// roomWanted is far above what an identity takes on any file system, in bytes.
const roomWanted = 128 << 10

// writable makes dir and finds out whether an identity can be written there: a
// full disk still takes empty files.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "enrol-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, roomWanted))
	if err == nil {
		err = f.Sync() // some file systems say only now that there is no room
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// accept checks the answer: the certificate must be for our key, from the
// authority that the enrolment string names.
func accept(e tlsx.Enrolment, key *ecdsa.PrivateKey, resp *lapwingv1.EnrolResponse) (*Identity, error) {
	if err := resp.Validate(); err != nil {
		return nil, err
	}
	ca, err := x509.ParseCertificate(resp.GetCaCertificate())
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	if tlsx.Fingerprint(ca) != e.CAFingerprint {
		return nil, tlsx.ErrWrongCA
	}
	cert, dev, err := checkCertificate(resp.GetCertificate(), key, ca)
	if err != nil {
		return nil, err
	}
	if dev.ID != resp.GetDeviceId() {
		return nil, errors.New("the certificate is for another device")
	}
	return &Identity{
		Collector: Collector{Address: e.Address(), School: dev.School, SchoolName: resp.GetSchoolName(),
			Device: dev.ID, PolicyKey: resp.GetPolicyPublicKey()},
		Device: dev, Key: key, Cert: cert, CA: ca,
	}, nil
}

// checkCertificate reads a certificate that must be from ca and for key.
func checkCertificate(der []byte, key *ecdsa.PrivateKey, ca *x509.Certificate) (*x509.Certificate, tlsx.Device, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, tlsx.Device{}, fmt.Errorf("certificate: %w", err)
	}
	if err := cert.CheckSignatureFrom(ca); err != nil {
		return nil, tlsx.Device{}, fmt.Errorf("certificate: %w", err)
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, tlsx.Device{}, errors.New("the certificate is for another key")
	}
	dev, err := tlsx.ParseDevice(cert)
	return cert, dev, err
}

// dialEnrol opens the enrolment door of the collector with this authority.
func dialEnrol(ctx context.Context, dial Dial, address string, pin [32]byte, clock tlsx.Clock) (*tlsx.ClientConn, error) {
	conn, err := dial.open(ctx, address, tlsx.EnrolClient(pin, clock).Handshake)
	if err != nil {
		return nil, unreachable(ctx, address, err)
	}
	cc, err := tlsx.NewClientConn(conn)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return cc, nil
}

// unreachable puts a failed dial or handshake into words.
func unreachable(ctx context.Context, address string, err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, tlsx.ErrStranger):
		return &Refusal{"Something that is not a collector answers at " + address + " (" + err.Error() +
			"). Log in to this network if it asks for that, and check host and port.", err}
	case errors.Is(err, ErrProxy), errors.Is(err, ErrProxyAuth), errors.Is(err, ErrProxyAway), errors.Is(err, ErrProxyNoWay):
		return &Refusal{"The web proxy stands in the way: " + err.Error() + ".", err}
	case errors.Is(err, tlsx.ErrWrongCA):
		return &Refusal{"This is not the collector that made the enrolment string: " + address +
			" shows another certificate authority. Check host and port, or ask for a new enrolment string.", err}
	case errors.Is(err, tlsx.ErrServerCert):
		return &Refusal{"The certificate of the collector at " + address + " is not valid: " + err.Error() +
			". Check the collector's clock and this device's.", err}
	case errors.Is(err, tlsx.ErrDeviceExpired):
		return &Refusal{"The collector at " + address + " says that this device's certificate has expired.", err}
	case errors.As(err, &dns):
		return &Refusal{"The name in " + address + " is not known to this network. Check the host in the enrolment string and this device's DNS.", err}
	case ctx.Err() != nil:
		return &Refusal{"No answer from " + address + " within " + callTimeout.String() +
			". Check that the collector runs and that no firewall blocks the port.", err}
	}
	return &Refusal{"No collector answers at " + address + " (" + err.Error() +
		"). Check that it runs and that no firewall blocks the port.", err}
}

// answered puts a gRPC status into words: the collector's own are for people.
func answered(address string, err error) error {
	st := status.Convert(err)
	switch st.Code() {
	case codes.PermissionDenied, codes.FailedPrecondition, codes.InvalidArgument, codes.ResourceExhausted,
		codes.NotFound, codes.AlreadyExists:
		return &Refusal{"The collector refused: " + st.Message(), err}
	case codes.DeadlineExceeded, codes.Canceled:
		return &Refusal{"No answer from " + address + " within " + callTimeout.String() + ". Try again.", err}
	}
	return &Refusal{"The collector at " + address + " could not answer (" + st.Message() + "). Try again in a minute.", err}
}
