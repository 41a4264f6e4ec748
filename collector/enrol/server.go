package enrol

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/lapwing-schools/lapwing/collector/edge"
	"github.com/lapwing-schools/lapwing/internal/tlsx"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// maxRequest bounds one message, in bytes: a certificate request, an old
// certificate and a proof fit in half of it.
const maxRequest = 16 << 10

// GRPC returns the server of the enrolment door; give it the Enrol listener of
// tlsx.Doors. A connection serves a few calls and is closed after half a minute.
func (s *Service) GRPC() *grpc.Server {
	srv := grpc.NewServer(append(edge.Recover(s.cfg.Log, s.panics.Inc),
		grpc.Creds(tlsx.ServerCredentials()),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.MaxConcurrentStreams(2),
		grpc.MaxHeaderListSize(8<<10),
		grpc.ConnectionTimeout(10*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: 10 * time.Second, MaxConnectionAge: 30 * time.Second, MaxConnectionAgeGrace: 10 * time.Second,
		}),
		grpc.ReadBufferSize(0), grpc.WriteBufferSize(4<<10),
	)...)
	lapwingv1.RegisterEnrolmentServiceServer(srv, s)
	return srv
}
