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

// GRPC puts a gRPC client on one finished connection of Client. The client
// lives as long as the connection: when that breaks, calls fail and nothing is
// dialled again, because when to come back is the caller's decision. Closing
// the client closes the connection.
func GRPC(conn net.Conn, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	var used atomic.Bool
	once := func(context.Context, string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, errors.New("connection lost")
		}
		return conn, nil
	}
	return grpc.NewClient("passthrough:///"+ServerName, append([]grpc.DialOption{
		grpc.WithTransportCredentials(doneCreds{}),
		grpc.WithContextDialer(once),
		grpc.WithIdleTimeout(0),
		grpc.WithDisableServiceConfig(),
	}, opts...)...)
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
	if !ok || !done.ConnectionState().HandshakeComplete {
		return nil, nil, errNotDone
	}
	return done, credentials.TLSInfo{
		State:          done.ConnectionState(),
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}, nil
}

func (c doneCreds) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.ServerHandshake(conn)
}

func (doneCreds) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls", ServerName: ServerName}
}

func (c doneCreds) Clone() credentials.TransportCredentials { return c }

func (doneCreds) OverrideServerName(string) error { return errors.New("the server name is fixed") }
