package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/datadir"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/logging"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

const demoSchool = "Peewit Green School (demo)"

// demoLinkLife is short: a new link is printed at each start.
const demoLinkLife = 24 * time.Hour

// demoPerson is one of the invented people of the demo school.
type demoPerson struct {
	Title, Name string
	Role        caseflow.Role
	// Account is the person's own on devices. This machine has none of them; the
	// visitor types as somebody else.
	Account string
}

func demoPeople() []demoPerson {
	return []demoPerson{
		{"technician", "S. Brack", caseflow.Technician, "s.brack"},
		{"DSL", "H. Marlow", caseflow.DSL, "h.marlow"},
		{"head teacher", "R. Teasel", caseflow.Head, "r.teasel"},
		{"governor", "J. Sedge", caseflow.Governor, "j.sedge"},
		// A second reviewer, to see that a claimed case is taken.
		{"deputy DSL", "O. Thistle", caseflow.Deputy, "o.thistle"},
	}
}

type demoCmd struct {
	dataFlag
	listenFlags
}

func (demoCmd) Help() string {
	return `Makes an invented school with a technician, a DSL, a deputy, a head teacher and a governor, or opens the one
that is there, prints a one-time sign-in link for each, and serves it. Not for real pupils. Example:

  lapwing-collector demo --data .demo/collector --agents 127.0.0.1:9443 --console 127.0.0.1:8443`
}

func (c *demoCmd) Run(ctx context.Context, o *output) (err error) {
	_, err = initialise(ctx, c.Data, demoSchool, c.Console, c.Host, o.err)
	if err != nil && !errors.Is(err, datadir.ErrInstalled) {
		return err
	}
	s, err := newServer(ctx, c.Data, c.listenFlags, logging.New(o.err, logging.Options{}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	fingerprint, err := s.consoleFingerprint()
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%s\n\nConsole: %s\nIts certificate's SHA-256 fingerprint:\n  %s\nSign-in links, each good once and for 24 hours:\n",
		demoSchool, s.consoleURL, fingerprint)
	if err := s.printDemoLinks(ctx, o.out); err != nil {
		return err
	}
	fmt.Fprintln(o.out, "Serving. Ctrl-C stops.") // internal/testkit/stack waits for this line
	return s.run(ctx)
}

// consoleFingerprint is what a browser shows of the console's certificate.
func (s *server) consoleFingerprint() (string, error) {
	cert, err := s.data.ConsoleCertificate(nil)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(cert.Certificate[0])
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":"), nil
}

// printDemoLinks makes the people who are not there yet, and a fresh link for each.
func (s *server) printDemoLinks(ctx context.Context, out io.Writer) error {
	schools, err := s.store.Schools(ctx)
	if err != nil {
		return err
	}
	if len(schools) != 1 || schools[0].Name != demoSchool {
		return fmt.Errorf("%s holds a real school, not the demo's: use serve", s.data.Dir)
	}
	tenant, err := s.store.School(ctx, schools[0].ID)
	if err != nil {
		return err
	}
	for _, p := range demoPeople() {
		link, err := s.demoLink(ctx, tenant, p)
		if err != nil {
			return fmt.Errorf("make a link for the %s: %w", p.Title, err)
		}
		fmt.Fprintf(out, "  %-12s  %-10s  %s\n", p.Title, p.Name, link)
	}
	return nil
}

func (s *server) demoLink(ctx context.Context, t store.Tenant, p demoPerson) (string, error) {
	u, err := t.UserByLogin(ctx, p.Name)
	if errors.Is(err, store.ErrNotFound) {
		added, err := s.control.AddUser(ctx, &lapwingv1.AddUserRequest{Name: p.Name, Roles: []string{string(p.Role)}, Accounts: []string{p.Account}})
		if err != nil {
			return "", err
		}
		if len(added.Pending) == 0 {
			return added.Link, nil
		}
		if u, err = t.UserByLogin(ctx, p.Name); err != nil {
			return "", err
		}
		// Nobody has signed in yet who could confirm; the demo's people are invented.
		_, err = store.ChangeUser(ctx, t, u.ID, demoWho(), s.now(), func(u *store.User) error {
			u.Roles, u.Pending = append(u.Roles, u.Pending...), nil
			return nil
		})
		if err != nil {
			return "", err
		}
	} else if err != nil {
		return "", err
	}
	token, err := auth.NewLink(ctx, t, u.ID, s.now(), demoLinkLife)
	if err != nil {
		return "", err
	}
	return auth.LinkURL(s.consoleURL, token)
}

func demoWho() audit.Who { return audit.Who{Name: "demo", Via: "command"} }
