package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// MaxLoginBytes bounds the name or e-mail address of the sign-in form.
const MaxLoginBytes = 320 // the longest e-mail address (RFC 3696 erratum 1690) fits

// ThrottledError asks for a pause before the next try.
type ThrottledError struct{ Wait time.Duration }

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many tries: wait %s", e.Wait.Round(time.Second))
}

// SignIn checks a login and a passphrase and starts a session. It answers
// ErrRefused or *ThrottledError, after the same work whether or not there is
// such an account.
func (s *Service) SignIn(ctx context.Context, school store.SchoolID, login, passphrase string, from Browser) (Started, error) {
	login = strings.TrimSpace(login)
	if len(login) > MaxLoginBytes || len(passphrase) > MaxPassphraseBytes {
		return Started{}, ErrRefused
	}
	tenant, err := s.schools.School(ctx, school)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Started{}, fmt.Errorf("open school: %w", err)
	}
	var u store.User
	if tenant != nil {
		u, err = tenant.UserByLogin(ctx, login)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Started{}, fmt.Errorf("look up account: %w", err)
		}
	}
	a := s.attempt(school, login, u, from)
	if wait := s.throttle.try(a); wait > 0 {
		return Started{}, &ThrottledError{Wait: wait}
	}
	ok, err := s.hasher.verify(ctx, u.Passphrase, normalise(passphrase))
	if err != nil {
		return Started{}, fmt.Errorf("check passphrase: %w", err)
	}
	if !ok || u.Disabled {
		return Started{}, s.refused(ctx, tenant, u)
	}
	s.throttle.succeeded(a)
	return s.start(ctx, tenant, u)
}

// attempt is counted by user, so that a name, an address and their spellings
// are one account; a login of nobody is counted alike.
func (s *Service) attempt(school store.SchoolID, login string, u store.User, from Browser) attempt {
	a := attempt{account: fmt.Sprintf("%d?%s", school, strings.ToLower(login)), address: from.Address}
	if u.ID != "" {
		a.account = fmt.Sprintf("%d/%s", school, u.ID)
		a.known = s.known.browser(from.Cookies, school, u.ID)
	}
	return a
}

// refused books a refusal in the ledger, for an unknown account as for a known
// one, and answers ErrRefused. The throttle bounds how many there can be.
func (s *Service) refused(ctx context.Context, tenant store.Tenant, u store.User) error {
	if tenant == nil {
		return ErrRefused
	}
	e := audit.Entry{At: s.now(), Who: audit.Who{Via: audit.ViaConsole}, Action: audit.SessionRefused}
	if u.ID != "" {
		e.Object = []string{string(u.ID)}
	}
	if err := tenant.Append(ctx, e); err != nil {
		return fmt.Errorf("record refused sign-in: %w", err)
	}
	return ErrRefused
}
