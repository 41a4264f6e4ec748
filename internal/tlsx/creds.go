package tlsx

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// ClientConn is a gRPC client on one finished connection of Client. It lives as
// long as the connection: when that breaks, calls fail and nothing is dialled
// again, because when to come back is the caller's decision.
type ClientConn struct {
	*grpc.ClientConn
	conn net.Conn
}

// NewClientConn puts a gRPC client on conn and owns conn from then on, also
// when it returns an error.
func NewClientConn(conn net.Conn, opts ...grpc.DialOption) (*ClientConn, error) {
	var used atomic.Bool
	once := func(context.Context, string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, errors.New("connection lost")
		}
		return conn, nil
	}
	cc, err := grpc.NewClient("passthrough:///"+ServerName, append([]grpc.DialOption{
		grpc.WithTransportCredentials(doneCreds{}),
		grpc.WithContextDialer(once),
		grpc.WithIdleTimeout(0),
		grpc.WithDisableServiceConfig(),
	}, opts...)...)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &ClientConn{cc, conn}, nil
}

// Close ends all calls and closes the connection, also one that grpc, which
// dials at the first call, has never taken.
func (c *ClientConn) Close() error {
	err := c.ClientConn.Close()
	c.conn.Close()
	return err
}

// ServerCredentials tells a grpc.Server that its connections come from one of
// the Doors, with the handshake done. Any other connection is refused.
func ServerCredentials() credentials.TransportCredentials { return doneCreds{} }

// doneCreds are for connections whose TLS handshake is already over, on either
// side: grpc's own insist on the ALPN name "h2".
type doneCreds struct{}

var errNotDone = errors.New("the TLS handshake of this connection was not done by tlsx")

func (doneCreds) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	done, ok := conn.(*tls.Conn)
	if !ok {
		return nil, nil, errNotDone
	}
	return info(conn, done)
}

func (doneCreds) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	switch done := conn.(type) {
	case *tls.Conn:
		return info(conn, done)
	case *entered:
		return info(conn, done.Conn)
	}
	return nil, nil, errNotDone
}

// info describes conn, which reads and writes through done.
func info(conn net.Conn, done *tls.Conn) (net.Conn, credentials.AuthInfo, error) {
	state := done.ConnectionState()
	if !state.HandshakeComplete {
		return nil, nil, errNotDone
	}
	return conn, credentials.TLSInfo{
		State:          state,
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}, nil
}

func (doneCreds) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

func (c doneCreds) Clone() credentials.TransportCredentials { return c }

func (doneCreds) OverrideServerName(string) error { return errors.New("the server name is fixed") }
