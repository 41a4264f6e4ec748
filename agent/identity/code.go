package identity

import (
	"errors"
	"net"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/agent/dial"
	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
)

// Errors of a proxy (agent/dial), which a Refusal wraps too.
var (
	ErrProxy     = dial.ErrProxy
	ErrProxyAuth = dial.ErrProxyAuth

	ErrProxyAway  = dial.ErrProxyAway
	ErrProxyNoWay = dial.ErrProxyNoWay
)

// Code names what stands between this device and its collector, by a code of
// internal/conditions; "" for an error that is none of these. A stranger who
// answers is no failure of our identity: networks with a log-in page do that.
func Code(err error) string {
	var name *net.DNSError
	var refused *Refusal
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrProxyAuth):
		return conditions.ProxyPassword
	case errors.Is(err, ErrProxyAway):
		return conditions.ProxyAway
	case errors.Is(err, ErrProxyNoWay):
		return conditions.ProxyNoWay
	case errors.Is(err, ErrProxy):
		return conditions.ProxyRefuses
	case errors.Is(err, tlsx.ErrStranger), errors.Is(err, tlsx.ErrWrongCA):
		return conditions.Stranger
	case errors.Is(err, tlsx.ErrServerCert):
		return conditions.ServerCert
	case errors.Is(err, tlsx.ErrDeviceExpired):
		return conditions.CertExpiring
	case status.Code(err) == codes.Aborted:
		return conditions.IdentityShared
	case errors.As(err, &name):
		return conditions.NameUnknown
	case errors.As(err, &refused):
		return conditions.NoAnswer
	}
	return ""
}
