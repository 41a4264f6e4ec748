// Package auth owns who is at the console: passphrases, one-time sign-in
// links, sessions and the throttle that slows guessing. It knows no page;
// collector/console draws the forms and calls it.
//
// What it keeps, it keeps as hashes: a passphrase as argon2id (PHC string), a
// link's and a session's secret as SHA-256. Roles are never kept in a session;
// they are read from the store for each request, so that a change takes effect
// at once.
//
// It may import collector/store, collector/caseflow, collector/audit and
// golang.org/x; never a store implementation, a page or a template.
package auth

import (
	"context"
	"errors"

	"github.com/lapwing-schools/lapwing/collector/store"
)

// Errors that callers tell apart. None says whether an account exists.
var (
	// ErrRefused means that the name and the passphrase do not go together, or
	// that the account may not sign in. It never says which.
	ErrRefused = errors.New("name and passphrase do not go together")
	// ErrLink means that a link is not known, used or out of date.
	ErrLink = errors.New("sign-in link is not valid any more")
	// ErrSignedOut means that a request carries no session that stands.
	ErrSignedOut = errors.New("signed out")
)

// Schools is what auth needs of a store.
type Schools interface {
	School(ctx context.Context, id store.SchoolID) (store.Tenant, error)
	Schools(ctx context.Context) ([]store.School, error)
}
