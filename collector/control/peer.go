package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// errPeer refuses another account. It never sees this: the connection closes.
var errPeer = errors.New("the other end of the control socket is neither this account nor root")

// peerInfo is who is at the other end.
type peerInfo struct {
	credentials.CommonAuthInfo
	uid int // -1 where the system does not tell
}

func (peerInfo) AuthType() string { return "local" }

// account names the operating system's account behind a call.
func account(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "unknown"
	}
	info, ok := p.AuthInfo.(peerInfo)
	if !ok || info.uid < 0 {
		return "unknown"
	}
	if u, err := user.LookupId(strconv.Itoa(info.uid)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", info.uid)
}

// peerCreds checks at each connection who it is; the socket's mode keeps
// others out already, so this is the second lock.
type peerCreds struct{}

func (peerCreds) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	uid := os.Getuid()
	if c, ok := conn.(*net.UnixConn); ok {
		var err error
		if uid, err = peerUID(c); err != nil {
			return nil, nil, fmt.Errorf("ask who is at the control socket: %w", err)
		}
		if uid != -1 && uid != 0 && uid != os.Geteuid() {
			return nil, nil, errPeer
		}
	}
	return conn, peerInfo{
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}, uid: uid,
	}, nil
}

func (peerCreds) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return conn, peerInfo{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}, nil
}

func (peerCreds) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "local"}
}

func (c peerCreds) Clone() credentials.TransportCredentials { return c }

func (peerCreds) OverrideServerName(string) error { return nil }
