package tlsx_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Over a real connection a client that writes first may never read why it was
// refused; one that enters always does.
func TestEnterLearnsThatTheDeviceExpired(t *testing.T) {
	p := listen(t, nil)
	old := tlsx.AgentClient(p.ca.Cert, device(t, p.ca, time.Now().Add(-31*24*time.Hour)), tlsx.SystemClock)
	for range 20 {
		if _, err := enter(t, old, p.addr); !errors.Is(err, tlsx.ErrDeviceExpired) {
			t.Fatalf("got %v, want ErrDeviceExpired", err)
		}
	}
	conn, err := enter(t, tlsx.AgentClient(p.ca.Cert, device(t, p.ca, time.Now()), tlsx.SystemClock), p.addr)
	check(t, err)
	cc, err := tlsx.NewClientConn(conn)
	check(t, err)
	defer cc.Close()
	renewed, err := lapwingv1.NewAgentServiceClient(cc).Renew(t.Context(), &lapwingv1.AgentServiceRenewRequest{})
	if check(t, err); string(renewed.GetCertificate()) != dev.String() {
		t.Errorf("agent door saw %q, want %q", renewed.GetCertificate(), dev)
	}
}

func enter(t *testing.T, c *tlsx.Client, addr string) (net.Conn, error) {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	check(t, err)
	return c.Enter(t.Context(), raw)
}

// Whoever speaks TLS and never says a word is waited for as long as ctx lasts.
func TestEnterIsBounded(t *testing.T) {
	ca, err := tlsx.NewCA("x", time.Now())
	check(t, err)
	server, err := ca.IssueServer(nil, time.Now())
	check(t, err)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*server}, NextProtos: []string{tlsx.ALPNAgent}})
	check(t, err)
	defer ln.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.(*tls.Conn).HandshakeContext(t.Context())
		cancel()
		_, _ = conn.Read(make([]byte, 1)) // until the client gives up
	}()
	raw, err := net.Dial("tcp", ln.Addr().String())
	check(t, err)
	if _, err := tlsx.AgentClient(ca.Cert, device(t, ca, time.Now()), tlsx.SystemClock).Enter(ctx, raw); err == nil {
		t.Error("entered where nobody spoke")
	}
}

// A web server that knows its own protocols only, as log-in pages have, says so
// by an alert; one with none goes on without.
func TestWebServersAreStrangers(t *testing.T) {
	ca, err := tlsx.NewCA("x", time.Now())
	check(t, err)
	server, err := ca.IssueServer(nil, time.Now())
	check(t, err)
	for name, config := range map[string]*tls.Config{
		"with ALPN": {NextProtos: []string{"h2", "http/1.1"}}, "without": {}, "TLS 1.2": {MaxVersion: tls.VersionTLS12},
	} {
		t.Run(name, func(t *testing.T) {
			config.Certificates = []tls.Certificate{*server}
			ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
			check(t, err)
			defer ln.Close()
			go func() {
				if conn, err := ln.Accept(); err == nil {
					_ = conn.(*tls.Conn).HandshakeContext(t.Context())
					conn.Close()
				}
			}()
			_, err = tlsx.EnrolClient(ca.Fingerprint(), tlsx.SystemClock).Dial(t.Context(), ln.Addr().String())
			if !errors.Is(err, tlsx.ErrStranger) {
				t.Errorf("got %v, want ErrStranger", err)
			}
		})
	}
}
