package auth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// LinkKeeper is what NewLink needs of a tenant.
type LinkKeeper interface {
	Info() store.School
	PutLink(ctx context.Context, l store.Link) error
}

// NewLink makes a one-time sign-in link for a user, valid for ttl from now,
// and returns the token of its address, "<school>.<secret>". Only its hash is
// kept. LinkURL makes the address.
func NewLink(ctx context.Context, tenant LinkKeeper, user caseflow.UserID, now time.Time, ttl time.Duration) (string, error) {
	token, hash := newSecret(tenant.Info().ID)
	if err := tenant.PutLink(ctx, store.Link{Hash: hash, User: user, Expires: now.Add(ttl)}); err != nil {
		return "", fmt.Errorf("keep sign-in link: %w", err)
	}
	return token, nil
}

// LinkURL returns the address of a link's form on a console such as
// "https://localhost:8443".
func LinkURL(console, token string) (string, error) {
	u, err := url.JoinPath(console, "link", token)
	if err != nil {
		return "", fmt.Errorf("make the sign-in address from %q: %w", console, err)
	}
	return u, nil
}

// LookLink returns whose link a token is, without using it: mail scanners
// open links too. ErrLink when it is not valid.
func (s *Service) LookLink(ctx context.Context, token string) (store.Tenant, store.User, error) {
	tenant, hash, err := s.linkTenant(ctx, token)
	if err != nil {
		return nil, store.User{}, err
	}
	l, err := tenant.Link(ctx, hash, s.now())
	if errors.Is(err, store.ErrNotFound) {
		return nil, store.User{}, ErrLink
	} else if err != nil {
		return nil, store.User{}, fmt.Errorf("look up sign-in link: %w", err)
	}
	u, err := tenant.User(ctx, l.User)
	if errors.Is(err, store.ErrNotFound) || (err == nil && u.Disabled) {
		return nil, store.User{}, ErrLink
	} else if err != nil {
		return nil, store.User{}, fmt.Errorf("look up the link's user: %w", err)
	}
	return tenant, u, nil
}

// RedeemLink uses a link once: it sets the passphrase, ends every other
// session of the user and starts a new one. The passphrase must have passed
// CheckPassphrase. Of two concurrent calls one gets ErrLink.
func (s *Service) RedeemLink(ctx context.Context, token, passphrase string) (Started, error) {
	tenant, known, err := s.LookLink(ctx, token)
	if err != nil {
		return Started{}, err
	}
	phc, err := s.hasher.hash(ctx, normalise(passphrase))
	if err != nil {
		return Started{}, fmt.Errorf("hash passphrase: %w", err)
	}
	_, hash, _ := parseSecret(token)
	now := s.now()
	l, err := tenant.UseLink(ctx, hash, now)
	if errors.Is(err, store.ErrNotFound) {
		return Started{}, ErrLink
	} else if err != nil {
		return Started{}, fmt.Errorf("use sign-in link: %w", err)
	}
	who := audit.Who{User: string(known.ID), Name: known.Name, Via: audit.ViaConsole}
	u, err := store.ChangeUser(ctx, tenant, l.User, who, now, func(u *store.User) error {
		if u.Disabled {
			return ErrLink
		}
		u.Passphrase = phc
		return nil
	})
	if errors.Is(err, ErrLink) {
		return Started{}, ErrLink
	} else if err != nil {
		return Started{}, fmt.Errorf("keep passphrase: %w", err)
	}
	if err := tenant.Append(ctx, audit.Entry{At: now, Who: who, Action: audit.LinkUsed, Object: []string{string(u.ID)}}); err != nil {
		return Started{}, fmt.Errorf("record the link's use: %w", err)
	}
	if err := tenant.DeleteSessions(ctx, u.ID); err != nil {
		return Started{}, fmt.Errorf("end older sessions: %w", err)
	}
	return s.start(ctx, tenant, u)
}

func (s *Service) linkTenant(ctx context.Context, token string) (store.Tenant, [32]byte, error) {
	school, hash, ok := parseSecret(token)
	if !ok {
		return nil, hash, ErrLink
	}
	tenant, err := s.schools.School(ctx, school)
	if errors.Is(err, store.ErrNotFound) {
		return nil, hash, ErrLink
	} else if err != nil {
		return nil, hash, fmt.Errorf("open school: %w", err)
	}
	return tenant, hash, nil
}
