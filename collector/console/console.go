package console

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
	_ "time/tzdata" // a minimal server has no zone files, and the pages show school time

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/fleet"
	"github.com/lapwing-schools/lapwing/collector/oversight"
	"github.com/lapwing-schools/lapwing/collector/permits"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Config configures the console. Store and Cases are needed; zero values of
// the rest mean the defaults.
type Config struct {
	Store store.Store
	Cases Cases
	// Directory gives the pages of the directory; without it there are none.
	Directory Directory
	// Fleet gives the page on which devices are let in; without it there is none.
	Fleet *fleet.Service
	// Pickups, if set, tells what became of nightly files.
	Pickups Pickups
	// Permits gives the pages of permissions for portable media; without it there are none.
	Permits *permits.Service
	// Oversight, Trials and Rules give the pages of exemptions and rules; all or none.
	Oversight *oversight.Service
	Trials    Trials
	Rules     Rules
	// Policies gives the page of policies; Edits, if set, what became of the last
	// change of their folder.
	Policies Policies
	Edits    Edits
	Auth     *auth.Service // default: auth.New over Store, with Key
	// Key signs the cookies of browsers that signed in before (auth.Config.Key).
	Key    []byte
	Now    func() time.Time
	Logger *slog.Logger
	// Zone is the school's clock, default Europe/London.
	Zone *time.Location
	// Timetable, if set, is a policy with a group's schedule: when its devices are
	// expected on.
	Timetable func(school string, g policy.Group) (*lapwingv1.Policy, error)
	// Prove, if set, asks connected devices for a test phrase and returns how many.
	Prove func(school store.SchoolID, ids []caseflow.DeviceID, by audit.Who) int
	// Heartbeat is how often a live stream shows that it lives and asks anew
	// who is looking, default 15 s.
	Heartbeat time.Duration
}

// Console answers the pages. It is safe for concurrent use.
type Console struct {
	store     store.Store
	cases     Cases
	directory Directory
	pickups   Pickups
	policies  Policies
	edits     Edits
	fleet     *fleet.Service
	permits   *permits.Service
	plans     plans
	oversight *oversight.Service
	trialsOf  Trials
	trials    trials
	rules     Rules
	auth      *auth.Service
	now       func() time.Time
	log       *slog.Logger
	zone      *time.Location
	heartbeat time.Duration
	assets    *assets
	pages     pages
	streams   streams
	searches  searches
	timetable func(string, policy.Group) (*lapwingv1.Policy, error)
	prove     func(store.SchoolID, []caseflow.DeviceID, audit.Who) int
	mux       *mux
	handler   http.Handler
}

// New returns the console's handler. It needs HTTPS in front of it: its cookie
// is Secure. Serve it with NewServer's limits.
func New(cfg Config) (*Console, error) {
	if cfg.Store == nil || cfg.Cases == nil {
		return nil, errors.New("console: a store and casework are needed")
	}
	c := &Console{store: cfg.Store, cases: cfg.Cases, directory: cfg.Directory, pickups: cfg.Pickups, fleet: cfg.Fleet, permits: cfg.Permits, policies: cfg.Policies, edits: cfg.Edits,
		oversight: cfg.Oversight, trialsOf: cfg.Trials, rules: cfg.Rules, auth: cfg.Auth, now: cfg.Now, log: cfg.Logger,
		zone: cfg.Zone, heartbeat: cfg.Heartbeat}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.heartbeat == 0 {
		c.heartbeat = 15 * time.Second
	}
	var err error
	if c.zone == nil {
		if c.zone, err = time.LoadLocation("Europe/London"); err != nil {
			return nil, fmt.Errorf("console: load time zone: %w", err)
		}
	}
	if c.auth == nil {
		if c.auth, err = auth.New(auth.Config{Schools: c.store, Now: c.now, Key: cfg.Key}); err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
	}
	c.prove, c.timetable = cfg.Prove, cfg.Timetable
	if c.searches, err = newSearches(cfg.Key); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if c.assets, err = loadAssets(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if c.pages, err = loadPages(c.assets); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c.mux = c.routes()
	c.handler = c.wrap(c.mux)
	return c, nil
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// NewServer returns a server with the console's limits: a slow or greedy
// client ends by itself. Live streams set their own write deadline.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}
