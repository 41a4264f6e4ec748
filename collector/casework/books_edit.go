package casework

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// BookView is one playbook of a school and where its next version stands.
type BookView struct {
	playbook.Playbook
	// Own: the school's, with who proposed and approved it; else the shipped one.
	Own                bool
	Proposed, Approved audit.Who
	// Pending is the change that waits for an approval, or nil.
	Pending *BookChange
	// Earlier are the versions before the one in force, newest first, at most maxEarlier.
	Earlier []BookVersion
}

// BookVersion is a version that was in force.
type BookVersion struct {
	playbook.Playbook
	Own                bool // the school's; else Lapwing's
	Proposed, Approved audit.Who
	At                 time.Time // when it came into force; zero for Lapwing's
}

const maxEarlier = 20

// BookChange is a proposed version.
type BookChange struct {
	ID   string
	Book playbook.Playbook
	store.Proposal
	// MayDecide: the viewer may approve or refuse it; MayWithdraw: take it back.
	MayDecide, MayWithdraw bool
	// Changes are what it changes in the version in force.
	Changes []playbook.Change
}

// ErrBookMoved refuses a change of a version that is not in force any more: it
// would undo what a colleague changed meanwhile.
var ErrBookMoved = errors.New("the playbook has changed since it was read")

// bookProposals is the kind of the proposals; ids begin with the playbook's.
const bookProposals = "playbook"

// Books lists the school's playbooks, for those who work by them or approve them.
func (s *Service) Books(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]BookView, error) {
	if !caseflow.Allows(viewer, caseflow.ReadPlaybooks) {
		return nil, store.ErrNotFound
	}
	changes, err := t.Proposals(ctx, bookProposals)
	if err != nil {
		return nil, fmt.Errorf("read proposals: %w", err)
	}
	var out []BookView
	for _, id := range s.cfg.Playbooks.IDs() {
		v, err := s.bookView(ctx, t, viewer, id, changes)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *Service) bookView(ctx context.Context, t store.Tenant, viewer caseflow.Actor, id string, changes []store.Proposal) (BookView, error) {
	shipped, _ := s.cfg.Playbooks.Get(id)
	v := BookView{Playbook: shipped}
	switch d, err := t.LatestDocument(ctx, schoolBook+id); {
	case err == nil:
		v.Own, v.Proposed, v.Approved = true, d.Proposed, d.Approved
		if v.Playbook, err = parseBook(id, d); err != nil {
			return BookView{}, err
		}
	case !errors.Is(err, store.ErrNotFound):
		return BookView{}, fmt.Errorf("read playbook: %w", err)
	}
	for _, p := range changes {
		if bookOfProposal(p.ID) != id || p.State != store.Proposed {
			continue
		}
		b, err := playbook.Parse(p.Body)
		if err != nil {
			return BookView{}, fmt.Errorf("read proposal: %w", err)
		}
		b.ID = id
		v.Pending = &BookChange{ID: p.ID, Book: b, Proposal: p, MayDecide: caseflow.MayApprove(viewer, p.Author, false),
			MayWithdraw: viewer.User != "" && viewer.User == p.Author.User, Changes: playbook.Changes(v.Playbook, b)}
		break
	}
	return v, nil
}

// earlierBooks are the versions of a playbook that were in force before v.
func (s *Service) earlierBooks(ctx context.Context, t store.Tenant, v BookView) (out []BookVersion, err error) {
	docs, err := t.DocumentVersions(ctx, schoolBook+v.ID, maxEarlier)
	if err != nil {
		return nil, fmt.Errorf("read playbook versions: %w", err)
	}
	for _, d := range docs {
		if int(d.Version) == v.Version {
			continue
		}
		b, err := parseBook(v.ID, d)
		if err != nil {
			return nil, err
		}
		out = append(out, BookVersion{Playbook: b, Own: true, Proposed: d.Proposed, Approved: d.Approved, At: d.Created})
	}
	if shipped, ok := s.cfg.Playbooks.Get(v.ID); ok && v.Own {
		out = append(out, BookVersion{Playbook: shipped})
	}
	return out, nil
}

// Book is one playbook with the versions before it.
func (s *Service) Book(ctx context.Context, t store.Tenant, viewer caseflow.Actor, id string) (BookView, error) {
	if _, ok := s.cfg.Playbooks.Get(id); !ok || !caseflow.Allows(viewer, caseflow.ReadPlaybooks) {
		return BookView{}, store.ErrNotFound
	}
	changes, err := t.Proposals(ctx, bookProposals)
	if err != nil {
		return BookView{}, fmt.Errorf("read proposals: %w", err)
	}
	v, err := s.bookView(ctx, t, viewer, id, changes)
	if err != nil {
		return BookView{}, err
	}
	v.Earlier, err = s.earlierBooks(ctx, t, v)
	return v, err
}

// bookOfProposal is the playbook that a proposal's id names.
func bookOfProposal(id string) string {
	i := strings.LastIndexByte(id, '.')
	if i < 0 {
		return ""
	}
	return id[:i]
}

// ProposeBook asks for a new version of a playbook, for a reason of 1 to 500
// characters; p.Version is the one that was edited, and ErrBookMoved says that
// it is not in force any more. One at a time: a second waits until the first is decided.
func (s *Service) ProposeBook(ctx context.Context, t store.Tenant, viewer caseflow.Actor, id string, p playbook.Playbook, reason string) error {
	shipped, ok := s.cfg.Playbooks.Get(id)
	if !ok || !caseflow.MayPropose(viewer) {
		return store.ErrNotFound
	}
	changes, err := t.Proposals(ctx, bookProposals)
	if err != nil {
		return fmt.Errorf("read proposals: %w", err)
	}
	now, err := s.bookView(ctx, t, viewer, id, changes)
	if err != nil {
		return err
	}
	if now.Pending != nil {
		return &caseflow.InvalidError{Field: "main-content", Message: "A change of this playbook waits for its approval already. It must be decided first."}
	}
	if p.Version != now.Version {
		return ErrBookMoved
	}
	reason = strings.TrimSpace(reason)
	if err := caseflow.CheckChars("reason", utf8.RuneCountInString(reason), caseflow.MaxReasonChars); err != nil {
		return err
	}
	p.Version = max(now.Version, shipped.Version) + 1
	body, err := p.Marshal()
	if err != nil {
		return err
	}
	who := audit.Who{User: string(viewer.User), Name: viewer.Name, Via: audit.ViaConsole}
	proposal := store.Proposal{Kind: bookProposals, ID: id + "." + strings.ToLower(rand.Text()[:10]), Version: 1, State: store.Proposed, Body: body,
		Author: caseflow.AuthorOf(viewer), By: who, At: s.cfg.Now(), Reason: reason}
	entry := audit.Entry{At: proposal.At, Who: who, Action: audit.PlaybookProposed, Object: []string{id}, Reason: reason}
	if err := t.PutProposal(ctx, proposal, entry); err != nil {
		return fmt.Errorf("propose playbook: %w", err)
	}
	return nil
}

// DecideBook approves or refuses a proposed version, which nobody does with their
// own, or takes it back, which nobody does with another's.
func (s *Service) DecideBook(ctx context.Context, t store.Tenant, viewer caseflow.Actor, proposal string, to store.ProposalState) error {
	p, err := t.Proposal(ctx, bookProposals, proposal)
	if err != nil {
		return fmt.Errorf("decide playbook: %w", err)
	}
	action, known := bookActions[to]
	allowed := caseflow.MayApprove(viewer, p.Author, false)
	if to == store.Withdrawn {
		allowed = caseflow.MayPropose(viewer) && viewer.User == p.Author.User
	}
	if !known || !allowed {
		return store.ErrNotFound
	}
	if p.State != store.Proposed {
		return &caseflow.InvalidError{Field: "main-content", Message: "This change has been decided already."}
	}
	who := audit.Who{User: string(viewer.User), Name: viewer.Name, Via: audit.ViaConsole}
	p.Version, p.State, p.Decided, p.DecidedAt = p.Version+1, to, who, s.cfg.Now()
	if to == store.Approved {
		if err := s.putBook(ctx, t, p, who); err != nil {
			return err
		}
	}
	id := bookOfProposal(p.ID)
	if err := t.PutProposal(ctx, p, audit.Entry{At: p.DecidedAt, Who: who, Action: action, Object: []string{id}}); err != nil {
		return fmt.Errorf("decide playbook: %w", err)
	}
	return nil
}

var bookActions = map[store.ProposalState]audit.Action{
	store.Approved: audit.PlaybookApproved, store.Refused: audit.PlaybookRefused, store.Withdrawn: audit.PlaybookWithdrawn,
}

// putBook brings an approved version into force; once, if it is tried again.
func (s *Service) putBook(ctx context.Context, t store.Tenant, p store.Proposal, by audit.Who) error {
	id := bookOfProposal(p.ID)
	shipped, _ := s.cfg.Playbooks.Get(id)
	last, err := t.LatestDocument(ctx, schoolBook+id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read playbook: %w", err)
	}
	if bytes.Equal(last.Body, p.Body) {
		return nil
	}
	err = t.PutDocument(ctx, store.Document{Kind: schoolBook + id, Version: max(last.Version, uint64(shipped.Version)) + 1, Body: p.Body,
		Proposed: p.By, Approved: by, Created: s.cfg.Now()})
	if err != nil {
		return fmt.Errorf("keep playbook: %w", err)
	}
	return nil
}
