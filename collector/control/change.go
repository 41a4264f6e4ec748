package control

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/token"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Limits of what commands make.
const (
	linkLifetime = 7 * 24 * time.Hour
	maxReason    = 200 // bytes: lapwing.v1.Revoked carries it
)

// AddUser adds a console user and returns a one-time sign-in link. A role that
// opens captured text waits for a confirmation by a holder of dsl or head,
// unless the school has none yet.
func (s *Service) AddUser(ctx context.Context, req *lapwingv1.AddUserRequest) (*lapwingv1.AddUserResponse, error) {
	t, err := s.school(ctx, req.School)
	if err != nil {
		return nil, err
	}
	u, err := userOf(req)
	if err != nil {
		return nil, err
	}
	unmatched, err := s.link(ctx, t, &u, req.Accounts)
	if err != nil {
		return nil, err
	}
	s.users.Lock()
	defer s.users.Unlock()
	confirmed, err := s.someoneConfirms(ctx, t)
	if err != nil {
		return nil, err
	}
	if confirmed {
		u.Pending = slices.Clone(u.Roles)
		u.Roles = slices.DeleteFunc(u.Roles, caseflow.Role.Content)
		u.Pending = slices.DeleteFunc(u.Pending, func(r caseflow.Role) bool { return !r.Content() })
	}
	now := s.cfg.Now()
	u.Created = now
	err = t.PutUser(ctx, u, s.who(ctx), now)
	if errors.Is(err, store.ErrExists) {
		return nil, status.Error(codes.AlreadyExists, "another user has this name or e-mail address already; choose another")
	} else if err != nil {
		return nil, s.failed(ctx, "add user", err)
	}
	if err := s.record(ctx, t, audit.LinkCreated, string(u.ID)); err != nil {
		return nil, err
	}
	secret, err := auth.NewLink(ctx, t, u.ID, now, linkLifetime)
	if err != nil {
		return nil, s.failed(ctx, "make sign-in link", err)
	}
	link, err := auth.LinkURL(s.cfg.Console, secret)
	if err != nil {
		return nil, s.failed(ctx, "make sign-in link", err)
	}
	resp := &lapwingv1.AddUserResponse{Link: link, Unmatched: unmatched}
	for _, r := range u.Pending {
		resp.Pending = append(resp.Pending, string(r))
	}
	return resp, nil
}

func userOf(req *lapwingv1.AddUserRequest) (store.User, error) {
	u := store.User{ID: caseflow.UserID(token.New()), Name: strings.TrimSpace(req.Name), Email: strings.TrimSpace(req.Email)}
	if err := label("name", u.Name, 200); err != nil {
		return store.User{}, err
	}
	if u.Email != "" && (len(u.Email) > 254 || strings.Count(u.Email, "@") != 1 || label("email", u.Email, 254) != nil) {
		return store.User{}, refuse("email is not an address of at most 254 bytes")
	}
	for _, word := range req.Roles {
		r := caseflow.Role(word)
		if !r.Valid() {
			return store.User{}, refuse("role %q is not one of %s", word, roleWords())
		}
		if !slices.Contains(u.Roles, r) {
			u.Roles = append(u.Roles, r)
		}
	}
	if len(u.Roles) == 0 {
		return store.User{}, refuse("role is missing; give one or more of %s", roleWords())
	}
	return u, nil
}

func roleWords() string {
	var words []string
	for _, r := range caseflow.Roles() {
		words = append(words, string(r))
	}
	return strings.Join(words, ", ")
}

// someoneConfirms reports whether the school has a holder of dsl or head.
func (s *Service) someoneConfirms(ctx context.Context, t store.Tenant) (bool, error) {
	users, err := t.Users(ctx)
	if err != nil {
		return false, s.failed(ctx, "list users", err)
	}
	return slices.ContainsFunc(users, func(u store.User) bool {
		return !u.Disabled && (slices.Contains(u.Roles, caseflow.DSL) || slices.Contains(u.Roles, caseflow.Head))
	}), nil
}

// RevokeDevice refuses a device from now on, and ends its stream.
func (s *Service) RevokeDevice(ctx context.Context, req *lapwingv1.RevokeDeviceRequest) (*lapwingv1.RevokeDeviceResponse, error) {
	t, err := s.school(ctx, req.School)
	if err != nil {
		return nil, err
	}
	reason := strings.TrimSpace(req.Reason)
	if reason == "" || len(reason) > maxReason || !utf8.ValidString(reason) {
		return nil, refuse("reason has %d bytes; give 1 to %d: the device shows it", len(reason), maxReason)
	}
	id := caseflow.DeviceID(req.Device)
	err = t.Revoke(ctx, id, reason, s.who(ctx), s.cfg.Now())
	if errors.Is(err, store.ErrNotFound) {
		return nil, status.Errorf(codes.NotFound, "device %q is not known; lapwing-collector devices list shows the ids", req.Device)
	} else if err != nil {
		return nil, s.failed(ctx, "revoke device", err)
	}
	if s.cfg.Revoked != nil {
		s.cfg.Revoked(t.Info().ID, id, reason)
	}
	return &lapwingv1.RevokeDeviceResponse{}, nil
}

// VerifyAudit reads the whole ledger of a school and checks its chain.
func (s *Service) VerifyAudit(ctx context.Context, req *lapwingv1.VerifyAuditRequest) (*lapwingv1.VerifyAuditResponse, error) {
	t, err := s.school(ctx, req.School)
	if err != nil {
		return nil, err
	}
	var head audit.Head
	for {
		page, err := t.Entries(ctx, head.Seq, 1000)
		if err != nil {
			return nil, s.failed(ctx, "read ledger", err)
		}
		if len(page) == 0 {
			return &lapwingv1.VerifyAuditResponse{Entries: head.Seq, Head: head.Hash[:]}, nil
		}
		var broken *audit.BrokenError
		if head, err = head.Verify(page); errors.As(err, &broken) {
			return nil, status.Errorf(codes.DataLoss, "%v; compare with a backup, and find out who could write to the store", broken)
		} else if err != nil {
			return nil, s.failed(ctx, "verify ledger", err)
		}
	}
}

// who is the operating system's account behind a call.
func (s *Service) who(ctx context.Context) audit.Who {
	return audit.Who{Name: account(ctx), Via: audit.ViaCommand}
}

// record writes what is about to be done into the ledger: an act that then
// fails is recorded too, one that succeeds always is.
func (s *Service) record(ctx context.Context, t store.Tenant, action audit.Action, object ...string) error {
	entry := audit.Entry{At: s.cfg.Now(), Who: s.who(ctx), Action: action, Object: object}
	return s.failed(ctx, "write ledger", t.Append(ctx, entry))
}

// label checks a short text for people.
func label(field, text string, chars int) error {
	n := utf8.RuneCountInString(text)
	if n < 1 || n > chars {
		return refuse("%s has %d characters; give 1 to %d", field, n, chars)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return refuse("%s holds a character that cannot be shown", field)
	}
	return nil
}
