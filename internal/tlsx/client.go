package tlsx

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// Errors of a client's handshake.
var (
	// ErrWrongCA says that the server's chain does not hold the authority that
	// the enrolment string or the stored identity names.
	ErrWrongCA = errors.New("the server's certificate is not from the expected authority")
	// ErrServerCert says that the server's certificate is from the right
	// authority, yet not valid for a collector at this time.
	ErrServerCert = errors.New("the server's certificate is not valid")
	// ErrStranger says that whoever answers is no collector at all: a log-in
	// page, a mail server, or a middle box that speaks TLS in its place.
	ErrStranger = errors.New("whoever answers is not a Lapwing collector")
	// ErrDeviceExpired says that the collector takes the certificate that the
	// device shows for one that has ended, or not begun.
	ErrDeviceExpired = errors.New("the collector says that this device's certificate has expired")
)

// Clock tells a device the time by which certificates are judged. When exact
// is false, now is only a floor (the build time, or the last time a collector
// told before a restart): a certificate that begins later is then accepted,
// one that ended earlier is not.
type Clock func() (now time.Time, exact bool)

// SystemClock trusts the machine's own clock; it is for tests and tools.
func SystemClock() (time.Time, bool) { return time.Now(), true }

// Client does the TLS handshake with one door of one collector. It is safe
// for concurrent use.
type Client struct{ config *tls.Config }

// EnrolClient is for the enrolment door of the collector whose authority has
// this fingerprint.
func EnrolClient(pin [32]byte, clock Clock) *Client {
	find := func(chain []*x509.Certificate) *x509.Certificate {
		for _, c := range chain {
			if Fingerprint(c) == pin {
				return c
			}
		}
		return nil
	}
	return &Client{clientConfig(ALPNEnrol, find, clock)}
}

// AgentClient is for the agent door: device is shown to the collector, whose
// certificate must come from ca.
func AgentClient(ca *x509.Certificate, device tls.Certificate, clock Clock) *Client {
	config := clientConfig(ALPNAgent, func([]*x509.Certificate) *x509.Certificate { return ca }, clock)
	config.Certificates = []tls.Certificate{device}
	// A resumed session costs the collector 1.3 times less at a reconnect.
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	return &Client{config}
}

// Dial connects to address (host:port) and does the handshake.
func (c *Client) Dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return c.Handshake(ctx, raw)
}

// Handshake does the handshake over raw and closes raw when it fails. Errors
// wrap ErrWrongCA or ErrServerCert where the collector is to blame. That the
// collector refuses the device's certificate shows only at the first read
// (TLS 1.3 lets the client finish first); see Enter.
func (c *Client) Handshake(ctx context.Context, raw net.Conn) (net.Conn, error) {
	conn := tls.Client(raw, c.config)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		if strange(err) {
			err = fmt.Errorf("%w: %w", ErrStranger, err)
		}
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return conn, nil
}

// Enter does the handshake and waits for the collector's first word, which is
// an HTTP/2 preface or a refusal of the device's certificate. Who writes before
// reading loses the refusal: the collector has closed, the write breaks the
// connection, and "broken pipe" is all that is left of "certificate expired".
// Errors are those of Handshake, and ErrDeviceExpired.
func (c *Client) Enter(ctx context.Context, raw net.Conn) (net.Conn, error) {
	shaken, err := c.Handshake(ctx, raw)
	if err != nil {
		return nil, err
	}
	conn := &entered{Conn: shaken.(*tls.Conn)}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetReadDeadline(time.Unix(1, 0)) })
	_, err = io.ReadFull(conn.Conn, conn.first[:])
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		conn.unread = conn.first[:]
		return conn, nil
	}
	raw.Close()
	const expired = 45
	if isAlert(err, expired) {
		err = fmt.Errorf("%w: %w", ErrDeviceExpired, err)
	}
	return nil, fmt.Errorf("after the TLS handshake: %w", err)
}

// entered is a connection of which one byte was read ahead. One goroutine reads.
type entered struct {
	*tls.Conn
	first  [1]byte
	unread []byte
}

func (e *entered) Read(p []byte) (int, error) {
	if len(e.unread) > 0 {
		n := copy(p, e.unread)
		e.unread = e.unread[n:]
		return n, nil
	}
	return e.Conn.Read(p)
}

// isAlert reports whether err is the peer's TLS alert of one of these numbers.
// crypto/tls exports the type of its alerts for QUIC only; their words are the same.
func isAlert(err error, numbers ...tls.AlertError) bool {
	remote, ok := errors.AsType[*net.OpError](err)
	return ok && remote.Op == "remote error" && slices.ContainsFunc(numbers, func(n tls.AlertError) bool {
		return remote.Err.Error() == n.Error()
	})
}

// strange reports whether err is of a peer that never was a collector: no TLS,
// an older TLS, or another protocol over it.
func strange(err error) bool {
	if _, noTLS := errors.AsType[tls.RecordHeaderError](err); noTLS {
		return true
	}
	const handshakeFailure, protocolVersion, unrecognizedName, noProtocol = 40, 70, 112, 120
	return errors.Is(err, errNoDoor) || strings.Contains(err.Error(), "protocol version not supported") ||
		isAlert(err, handshakeFailure, protocolVersion, unrecognizedName, noProtocol)
}

var errNoDoor = errors.New("the server knows no such door")

// clientConfig does the verification itself (InsecureSkipVerify switches off
// only crypto/tls's own): the time to judge by depends on the certificate.
func clientConfig(alpn string, authority func([]*x509.Certificate) *x509.Certificate, clock Clock) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		NextProtos:         []string{alpn},
		ServerName:         ServerName,
		InsecureSkipVerify: true,
		// Called for resumed sessions as well.
		VerifyConnection: func(cs tls.ConnectionState) error {
			if cs.NegotiatedProtocol != alpn {
				return fmt.Errorf("%w: %s", errNoDoor, alpn)
			}
			ca := authority(cs.PeerCertificates)
			if ca == nil {
				return ErrWrongCA
			}
			return verifyServer(cs.PeerCertificates[0], ca, clock)
		},
	}
}

// verifyServer checks that leaf is a collector's certificate, signed by ca and
// valid by clock.
func verifyServer(leaf, ca *x509.Certificate, clock Clock) error {
	if !ca.IsCA || leaf.CheckSignatureFrom(ca) != nil {
		return ErrWrongCA
	}
	now, exact := clock()
	if !exact && now.Before(leaf.NotBefore) {
		now = leaf.NotBefore
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, CurrentTime: now, DNSName: ServerName,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrServerCert, err)
	}
	return nil
}
