package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// UserKeeper is what ChangeUser needs of a tenant.
type UserKeeper interface {
	User(ctx context.Context, id caseflow.UserID) (User, error)
	PutUser(ctx context.Context, u User, by audit.Who, now time.Time) error
}

// changeTries bounds ChangeUser. A try fails only when another change of the
// same user succeeded, so people do not reach it.
const changeTries = 16

// ChangeUser reads a user, applies change and puts the result back, and does so
// again when somebody else's change came in between, so that neither is lost.
// change may run several times, each time on what stands then; its error ends
// the call, is returned as it is, and keeps nothing. It returns the user as put,
// with the version that stands after it.
func ChangeUser(ctx context.Context, k UserKeeper, id caseflow.UserID, by audit.Who, now time.Time, change func(*User) error) (User, error) {
	for range changeTries {
		u, err := k.User(ctx, id)
		if err != nil {
			return User{}, fmt.Errorf("change user: %w", err)
		}
		if err := change(&u); err != nil {
			return User{}, err
		}
		err = k.PutUser(ctx, u, by, now)
		if err == nil {
			u.Version++
			return u, nil
		}
		if !errors.Is(err, ErrStale) {
			return User{}, fmt.Errorf("change user: %w", err)
		}
	}
	return User{}, fmt.Errorf("change user, %d times: %w", changeTries, ErrStale)
}
