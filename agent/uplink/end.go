package uplink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/agent/identity"
)

// Why a stream ended.
var (
	errRevoked       = errors.New("this device has been revoked")
	errUnknownDevice = errors.New("the collector does not know this device")
	errNoRenewal     = errors.New("this device's certificate has expired and is not renewed")
	errSilent        = errors.New("the collector did not acknowledge in time")
	errPaused        = errors.New("the collector asked to wait, and ended the stream")
	errBadAck        = errors.New("the collector acknowledged something that was not sent")
)

// errSend says that the stream is over; Recv has the reason.
var errSend = errors.New("send")

// toldToWait is the end of a stream during a pause that the collector asked for.
type toldToWait struct {
	wait time.Duration
	err  error
}

func (e *toldToWait) Error() string { return e.err.Error() }
func (e *toldToWait) Unwrap() error { return e.err }

// renewExpired renews through the enrolment door. A collector that will never
// do so is not asked every minute.
func (u *Uplink) renewExpired(ctx context.Context) error {
	err := u.cfg.Link.RenewExpired(ctx)
	if errors.Is(err, identity.ErrUnsaved) {
		u.cfg.Log.WarnContext(ctx, "certificate_not_stored", "error", err)
		err = nil
	}
	switch status.Code(err) {
	case codes.OK:
		u.cfg.Log.InfoContext(ctx, "certificate_renewed", "expired", true)
		return nil
	case codes.PermissionDenied, codes.FailedPrecondition:
		return fmt.Errorf("%w: %w", errNoRenewal, err)
	}
	return err
}

// broken is a stream that ended by itself, in words for people.
type broken struct{ status *status.Status }

func (b broken) Error() string {
	if b.status.Code() == codes.Aborted {
		return "another connection with this device's identity took over"
	}
	return "the connection broke: " + b.status.Message()
}

// GRPCStatus lets status.Code read it.
func (b broken) GRPCStatus() *status.Status { return b.status }

// ended turns the end of a stream into what Run decides by.
func ended(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	switch st.Code() {
	case codes.PermissionDenied, codes.Unauthenticated:
		return fmt.Errorf("%w: %s", errUnknownDevice, st.Message())
	}
	return broken{st}
}
