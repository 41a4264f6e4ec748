package control

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/fleet"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// fleetFailed makes a status of a fault; a wrong field is the caller's.
func (s *Service) fleetFailed(ctx context.Context, what string, err error) error {
	var field *fleet.FieldError
	if errors.As(err, &field) {
		return refuse("%v", field)
	}
	return s.failed(ctx, what, err)
}

// CreateToken makes an enrolment token and returns the string to paste.
func (s *Service) CreateToken(ctx context.Context, req *lapwingv1.CreateTokenRequest) (*lapwingv1.CreateTokenResponse, error) {
	t, err := s.school(ctx, req.School)
	if err != nil {
		return nil, err
	}
	// Seconds are bounded before they become a Duration, which they could overflow.
	if limit := int64(fleet.MaxExpires.Seconds()); req.ExpiresSeconds < 0 || req.ExpiresSeconds > limit {
		return nil, refuse("expires is %d seconds; give one minute to 365 days", req.ExpiresSeconds)
	}
	enrolment, _, err := s.cfg.Fleet.CreateToken(ctx, t, fleet.Request{
		Group: req.Group, Audience: vocab.GroupAudience(req.Audience), Uses: int(req.Uses), Expected: int(req.Expected),
		Expires: time.Duration(req.ExpiresSeconds) * time.Second, Address: req.Address, Network: req.Network,
	}, s.who(ctx))
	if err != nil {
		return nil, s.fleetFailed(ctx, "create token", err)
	}
	return &lapwingv1.CreateTokenResponse{EnrolmentString: enrolment.String()}, nil
}

// ListTokens sends the tokens of a school, without the secrets, which nobody has.
func (s *Service) ListTokens(req *lapwingv1.ListTokensRequest, out lapwingv1.ControlService_ListTokensServer) error {
	ctx := out.Context()
	t, err := s.school(ctx, req.School)
	if err != nil {
		return err
	}
	all, err := fleet.Batches(ctx, t)
	if err != nil {
		return s.failed(ctx, "list tokens", err)
	}
	for _, b := range all {
		tok := b.Token
		if err := out.Send(&lapwingv1.TokenRecord{
			Batch: tok.Batch, Group: tok.Group, Audience: string(tok.Audience), Expected: uint32(tok.Expected), UsesLeft: uint32(tok.Uses),
			Network: tok.Network, CreatedMs: tok.Created.UnixMilli(), ExpiresMs: tok.Expires.UnixMilli(),
			Enrolled: uint32(len(b.Devices)), Held: uint32(len(b.Held())),
		}); err != nil {
			return err
		}
	}
	return nil
}

// ReleaseToken lets the devices of a batch send.
func (s *Service) ReleaseToken(ctx context.Context, req *lapwingv1.ReleaseTokenRequest) (*lapwingv1.ReleaseTokenResponse, error) {
	t, err := s.school(ctx, req.School)
	if err != nil {
		return nil, err
	}
	known, err := fleet.Batches(ctx, t)
	if err != nil {
		return nil, s.failed(ctx, "list tokens", err)
	}
	found := false
	for _, b := range known {
		found = found || b.Token.Batch == req.Batch
	}
	if !found {
		return nil, status.Errorf(codes.NotFound, "batch %q is not known; lapwing-collector token list shows the batches", req.Batch)
	}
	var ids []caseflow.DeviceID
	for _, id := range req.Devices {
		ids = append(ids, caseflow.DeviceID(id))
	}
	released, err := s.cfg.Fleet.Release(ctx, t, req.Batch, ids, s.who(ctx))
	if err != nil {
		return nil, s.failed(ctx, "release devices", err)
	}
	resp := &lapwingv1.ReleaseTokenResponse{}
	for _, id := range released {
		resp.Released = append(resp.Released, string(id))
	}
	return resp, nil
}

// AskAgain asks all devices for what they sent since a time.
func (s *Service) AskAgain(ctx context.Context, req *lapwingv1.AskAgainRequest) (*lapwingv1.AskAgainResponse, error) {
	t, err := s.school(ctx, req.School)
	if err != nil {
		return nil, err
	}
	err = s.cfg.Fleet.AskAgain(ctx, t, time.UnixMilli(req.SinceMs).UTC(), s.who(ctx))
	return &lapwingv1.AskAgainResponse{}, s.fleetFailed(ctx, "ask devices again", err)
}
