// Package tlsx owns the transport identity of Lapwing: the collector's own
// certificate authority, the certificates of the collector and of devices,
// the enrolment string, and the two doors on one port.
//
// The doors are told apart by the ALPN name that the client asks for (contract
// "Doors"):
//
//	client hello ──► ALPN lapwing-enrol ──► server certificate only, pinned by
//	                                        the enrolment string
//	             └─► ALPN lapwing-agent ──► device certificate required
//	             └─► anything else      ──► handshake refused
//
// grpc-go's own TLS credentials insist on the name "h2", so Split does the
// handshake itself and hands each finished connection to the listener of its
// door; ServerCredentials tells a grpc.Server that TLS is already done, and
// NewClientConn does the same for a client. Both ends speak TLS 1.3 only.
//
// It imports the standard library and grpc; it knows neither the agent nor the
// collector.
package tlsx

import "time"

// ALPN names of the two doors.
const (
	ALPNEnrol = "lapwing-enrol"
	ALPNAgent = "lapwing-agent"
)

// ServerName is a subject alternative name of every collector certificate and
// the only one that devices check. The authority signs for one collector
// alone, so the host name proves nothing more; leaving it out of the check
// means that a collector that moves to another address strands no device.
const ServerName = "lapwing-collector"

// Lifetimes. Device certificates: design decision 7. Every certificate is
// back-dated, so that a device whose clock is somewhat slow can use it at once
// (smallstep does the same, with a minute).
const (
	DeviceLifetime = 30 * 24 * time.Hour
	ServerLifetime = 365 * 24 * time.Hour
	CALifetime     = 20 * 365 * 24 * time.Hour
	Backdate       = time.Hour
)

// An authority is good from authorityBegins at the latest, before which there was
// no Lapwing, and for CALifetime after it at least. One that was made while its
// machine's clock was years off would else refuse all that it signs once the
// clock is right: devices would renew for ever and never get in. Its key, not
// its date, says whether it is the right one.
var authorityBegins = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
