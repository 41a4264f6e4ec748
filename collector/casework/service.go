// Package casework is the one way from people to cases: the console and the
// command line ask it and nothing else. It owns permission at the edge,
// unsealing, and the record of who read what; what may be done to a case is
// decided by caseflow, inside the store's transaction.
//
// Every method that shows sealed content writes the ledger first. If the
// ledger cannot be written, nothing is shown. A case that the viewer may not
// know of is store.ErrNotFound, exactly as one that does not exist.
//
// It may import collector/{audit,caseflow,directory,playbook,store,triage,vault}, the
// generated messages and internal/*; never a store's implementation, HTTP or a
// template. It logs nothing.
package casework

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // a minimal server has no zone files

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
)

// Vault seals and unseals content; *vault.Vault is one.
type Vault interface {
	Seal(ctx context.Context, keys vault.Keys, school store.SchoolID, person caseflow.PersonKey, purpose vault.Purpose, plain []byte) (caseflow.Sealed, error)
	// Unseal fails with vault.ErrErased or vault.ErrBroken.
	Unseal(ctx context.Context, keys vault.Keys, school store.SchoolID, person caseflow.PersonKey, purpose vault.Purpose, sealed caseflow.Sealed) ([]byte, error)
	// PersonKey and TermKeys are the keyed hashes by which a person is found.
	PersonKey(school store.SchoolID, account string) caseflow.PersonKey
	TermKeys(school store.SchoolID, words []string) []caseflow.PersonKey
	// Digest is a keyed hash, of which pseudonyms are made.
	Digest(school store.SchoolID, fields ...string) caseflow.PersonKey
}

// Config is what a Service is made of.
type Config struct {
	Vault     Vault
	Now       func() time.Time
	Playbooks playbook.Set
	// Zone is the school's clock, for "today"; default Europe/London.
	Zone *time.Location
	// RuleTitle, if set, is what the school's own packs call a rule, or empty for
	// one that they do not have. Only then is the title shown that came from the
	// device, which could say anything.
	RuleTitle func(id string) string
	// Notify, if set, is called before a command on the server is given
	// content, beside the notice that the console shows. Its error stops the command.
	Notify func(context.Context, store.Tenant, ServerRead) error
}

// Service answers for the cases of every school. Safe for concurrent use.
type Service struct {
	cfg   Config
	reads reads
}

// New returns a Service. Vault and Now are needed.
func New(cfg Config) (*Service, error) {
	if cfg.Vault == nil || cfg.Now == nil {
		return nil, errors.New("new casework: vault and clock are needed")
	}
	if cfg.Zone == nil {
		var err error
		if cfg.Zone, err = time.LoadLocation("Europe/London"); err != nil {
			return nil, fmt.Errorf("new casework: load time zone: %w", err)
		}
	}
	return &Service{cfg: cfg}, nil
}

// hidden turns every way of saying "not for you" into store.ErrNotFound.
func hidden(err error) error {
	if errors.Is(err, caseflow.ErrHidden) || errors.Is(err, caseflow.ErrNotAllowed) {
		return store.ErrNotFound
	}
	return err
}

// reviews reports whether the viewer is somebody who reviews a queue. Who has
// no user id could not be named in the ledger.
func reviews(viewer caseflow.Actor) bool {
	return caseflow.Allows(viewer, caseflow.WorkCases)
}

// file loads a case for a viewer; a second fence behind the store's own.
func (s *Service) file(ctx context.Context, t store.Tenant, viewer caseflow.Actor, ref caseflow.Ref) (store.CaseFile, error) {
	if !reviews(viewer) {
		return store.CaseFile{}, store.ErrNotFound
	}
	return s.seen(ctx, t, caseflow.Working(viewer), ref)
}

// seen is file for whoever may see the case, whatever else they may not.
func (s *Service) seen(ctx context.Context, t store.Tenant, viewer caseflow.Actor, ref caseflow.Ref) (store.CaseFile, error) {
	if !ref.Valid() {
		return store.CaseFile{}, store.ErrNotFound
	}
	f, err := t.Case(ctx, viewer, ref)
	if err != nil {
		return store.CaseFile{}, fmt.Errorf("read case: %w", hidden(err))
	}
	if !caseflow.MaySee(f.Case, viewer) {
		return store.CaseFile{}, store.ErrNotFound
	}
	return f, nil
}

// coalesce is how long a second look at the same case by the same viewer adds
// no ledger entry ("Store" in the contract).
const coalesce = 5 * time.Minute

// reads remembers which looks are in the ledger already. It holds at most what
// was read in two coalescing times.
type reads struct {
	mu    sync.Mutex // guards all below
	at    map[look]time.Time
	swept time.Time
}

type look struct {
	school store.SchoolID
	user   caseflow.UserID
	action audit.Action
	ref    caseflow.Ref
}

// fresh returns those of refs whose look is not in the ledger yet.
func (r *reads) fresh(l look, refs []caseflow.Ref, now time.Time) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, ref := range refs {
		l.ref = ref
		if at, ok := r.at[l]; !ok || now.Sub(at) >= coalesce || now.Before(at) {
			ids = append(ids, string(ref))
		}
	}
	return ids
}

// wrote marks looks that are in the ledger.
func (r *reads) wrote(l look, ids []string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = map[look]time.Time{}
	}
	if now.Sub(r.swept) >= coalesce {
		for k, at := range r.at {
			if now.Sub(at) >= coalesce {
				delete(r.at, k)
			}
		}
		r.swept = now
	}
	for _, id := range ids {
		l.ref = caseflow.Ref(id)
		r.at[l] = now
	}
}

// recordReads writes that the viewer is about to be shown the content of refs. It
// returns only when the ledger holds it; a failure means: show nothing.
func (s *Service) recordReads(ctx context.Context, t store.Tenant, viewer caseflow.Actor, action audit.Action, refs []caseflow.Ref) error {
	now := s.cfg.Now()
	l := look{school: t.Info().ID, user: viewer.User, action: action}
	ids := s.reads.fresh(l, refs, now)
	for rest := ids; len(rest) > 0; {
		n := min(len(rest), audit.MaxObjects)
		if err := t.Append(ctx, audit.Entry{
			At: now, Action: action, Object: rest[:n],
			Who: audit.Who{User: string(viewer.User), Name: viewer.Name, Via: audit.ViaConsole},
		}); err != nil {
			return fmt.Errorf("record who reads: %w", err)
		}
		rest = rest[n:]
	}
	s.reads.wrote(l, ids, now)
	return nil
}
