package store

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// Proposals holds changes of what is monitored that one person asks for and
// another decides. What was decided stays, as the log of changes.
type Proposals interface {
	// PutProposal adds a proposal (Version 1; ErrExists for an id that is taken)
	// or replaces the version before (ErrStale), with its ledger entry.
	PutProposal(ctx context.Context, p Proposal, entry audit.Entry) error
	Proposal(ctx context.Context, kind, id string) (Proposal, error)
	// Proposals lists all of a kind, the newest first.
	Proposals(ctx context.Context, kind string) ([]Proposal, error)
}

// Proposal is one asked-for change. Its body is its maker's.
type Proposal struct {
	Kind, ID string
	Version  uint64
	State    ProposalState
	Body     []byte
	Author   caseflow.Author
	By       audit.Who // who proposed it
	At       time.Time
	Reason   string
	RiskNote string
	Decided  audit.Who
	// DecidedAt is zero while it waits; Note says why it was decided so.
	DecidedAt time.Time
	Note      string
}

// ProposalState is where a proposal stands.
type ProposalState string

// States of a proposal.
const (
	Proposed  ProposalState = "proposed"
	Approved  ProposalState = "approved"
	Refused   ProposalState = "refused"
	Withdrawn ProposalState = "withdrawn" // by who proposed it
)

// MaxProposal bounds a proposal's body, in bytes.
const MaxProposal = 64 << 10

// CheckProposal refuses a proposal that cannot be kept.
func CheckProposal(p Proposal) error {
	switch p.State {
	case Proposed, Approved, Refused, Withdrawn:
	default:
		return invalid("a proposal's state is not a known one")
	}
	switch {
	case p.Kind == "" || len(p.Kind) > MaxKind || !utf8.ValidString(p.Kind) || !CheckID(p.ID) || p.Version == 0 || p.At.IsZero():
		return invalid("a proposal without kind, plain id, version or time")
	case len(p.Body) > MaxProposal || len(p.Author.Persons) > maxList || len(p.Author.User) > MaxID:
		return invalid("a proposal's body over %d bytes, or over %d persons", MaxProposal, maxList)
	case longest([]string{p.Reason, p.RiskNote, p.Note}) > 4*MaxText || !utf8.ValidString(p.Reason+p.RiskNote+p.Note):
		return invalid("a proposal's text over %d bytes or not UTF-8", 4*MaxText)
	}
	return checkWho(p.By, p.Decided)
}
