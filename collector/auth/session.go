package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Cookie is the session cookie's name. The prefix makes browsers refuse it
// unless it is Secure, for this host alone and for every path.
const Cookie = "__Host-lapwing"

// Life of a session. The words on the page are about children: an hour
// without a page opened ends it, and so does the end of a long day. The live
// queue's own requests do not count as use.
const (
	DefaultIdle     = time.Hour
	DefaultAbsolute = 12 * time.Hour
	// touchEvery bounds the writes that use of a session causes.
	touchEvery = time.Minute
)

// Config configures a Service. Zero values mean the defaults.
type Config struct {
	Schools  Schools
	Now      func() time.Time
	Idle     time.Duration
	Absolute time.Duration
	Cost     Cost
	Hashes   int // argon2id computations at once, default 2
	// Key signs the cookies of browsers that signed in before, at least MinKey
	// bytes; default a random one, with which a restart forgets those browsers.
	Key []byte
}

// Service signs people in and out. Safe for concurrent use.
type Service struct {
	schools  Schools
	now      func() time.Time
	idle     time.Duration
	absolute time.Duration
	hasher   *hasher
	throttle *throttle
	known    knownBrowsers
}

// New returns a Service.
func New(cfg Config) (*Service, error) {
	if cfg.Schools == nil {
		return nil, errors.New("auth: a store is needed")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Idle == 0 {
		cfg.Idle = DefaultIdle
	}
	if cfg.Absolute == 0 {
		cfg.Absolute = DefaultAbsolute
	}
	if cfg.Cost == (Cost{}) {
		cfg.Cost = OWASP()
	}
	if cfg.Hashes == 0 {
		cfg.Hashes = 2
	}
	h, err := newHasher(cfg.Cost, cfg.Hashes)
	if err != nil {
		return nil, fmt.Errorf("prepare passphrase hashing: %w", err)
	}
	known, err := newKnownBrowsers(cfg.Key, cfg.Now)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return &Service{schools: cfg.Schools, now: cfg.Now, idle: cfg.Idle, absolute: cfg.Absolute,
		hasher: h, throttle: newThrottle(cfg.Now), known: known}, nil
}

// Identity is who makes a request, read from the store for this request.
type Identity struct {
	Tenant  store.Tenant
	User    store.User
	Actor   caseflow.Actor
	session store.Session
}

// Who is the identity as the ledger names it.
func (i Identity) Who() audit.Who {
	return audit.Who{User: string(i.User.ID), Name: i.User.Name, Via: audit.ViaConsole}
}

// SameRights reports whether o is the same session with the same roles, persons
// and scope; a live stream ends when it is not.
func (i Identity) SameRights(o Identity) bool {
	return i.session.Hash == o.session.Hash && slices.Equal(i.Actor.Roles, o.Actor.Roles) &&
		slices.Equal(i.Actor.Persons, o.Actor.Persons) && i.Actor.Scope.Same(o.Actor.Scope)
}

// Started is a session just begun; both cookies go to the browser. Known
// outlives the session and only spares the browser others' wrong tries.
type Started struct {
	Identity
	Cookie, Known *http.Cookie
}

// start begins a session under a fresh secret, whatever the browser sent.
func (s *Service) start(ctx context.Context, tenant store.Tenant, u store.User) (Started, error) {
	now := s.now()
	value, hash := newSecret(tenant.Info().ID)
	sess := store.Session{Hash: hash, User: u.ID, Created: now, Seen: now, Expires: s.expiry(now, now)}
	if err := tenant.PutSession(ctx, sess); err != nil {
		return Started{}, fmt.Errorf("keep session: %w", err)
	}
	id := s.identity(tenant, u, sess)
	if err := tenant.Append(ctx, audit.Entry{At: now, Who: id.Who(), Action: audit.SessionStarted, Object: []string{string(u.ID)}}); err != nil {
		return Started{}, fmt.Errorf("record sign-in: %w", err)
	}
	return Started{Identity: id, Cookie: cookie(value, int(s.absolute/time.Second)), Known: s.known.cookie(tenant.Info().ID, u.ID)}, nil
}

// expiry is the nearer of the idle and the absolute end.
func (s *Service) expiry(created, seen time.Time) time.Time {
	idle, absolute := seen.Add(s.idle), created.Add(s.absolute)
	if idle.Before(absolute) {
		return idle
	}
	return absolute
}

// Resolve returns who makes a request; ErrSignedOut when nobody does. active
// says that a person, not a page's own script, made it, and so keeps the
// session alive.
func (s *Service) Resolve(ctx context.Context, r *http.Request, active bool) (Identity, error) {
	c, err := r.Cookie(Cookie)
	if err != nil {
		return Identity{}, ErrSignedOut
	}
	school, hash, ok := parseSecret(c.Value)
	if !ok {
		return Identity{}, ErrSignedOut
	}
	now := s.now()
	tenant, err := s.schools.School(ctx, school)
	if err != nil {
		return Identity{}, signedOutOr("open school", err)
	}
	sess, err := tenant.Session(ctx, hash, now)
	if err != nil {
		return Identity{}, signedOutOr("read session", err)
	}
	u, err := tenant.User(ctx, sess.User)
	if err != nil {
		return Identity{}, signedOutOr("read user", err)
	}
	if u.Disabled {
		return Identity{}, ErrSignedOut
	}
	if active && now.Sub(sess.Seen) >= touchEvery {
		sess.Seen, sess.Expires = now, s.expiry(sess.Created, now)
		if err := tenant.PutSession(ctx, sess); err != nil {
			return Identity{}, fmt.Errorf("renew session: %w", err)
		}
	}
	return s.identity(tenant, u, sess), nil
}

// SignOut ends the session and returns the cookie that clears the browser's.
func (s *Service) SignOut(ctx context.Context, id Identity) (*http.Cookie, error) {
	if err := id.Tenant.DeleteSession(ctx, id.session.Hash); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("end session: %w", err)
	}
	err := id.Tenant.Append(ctx, audit.Entry{At: s.now(), Who: id.Who(), Action: audit.SessionEnded, Object: []string{string(id.User.ID)}})
	if err != nil {
		return nil, fmt.Errorf("record sign-out: %w", err)
	}
	return cookie("", -1), nil
}

func (s *Service) identity(tenant store.Tenant, u store.User, sess store.Session) Identity {
	return Identity{Tenant: tenant, User: u, session: sess, Actor: store.ActorOf(u, tenant, s.now())}
}

func cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: Cookie, Value: value, Path: "/", MaxAge: maxAge,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

func signedOutOr(verb string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrSignedOut
	}
	return fmt.Errorf("%s: %w", verb, err)
}
