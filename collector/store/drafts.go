package store

import (
	"context"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// Drafts keeps what people have written about a case and not sent yet: one for
// each person and case, sealed, shown to nobody else and no part of the record,
// so it writes no ledger entry. Act removes a person's draft together with the
// note, the closing or the suggestion that it became.
type Drafts interface {
	// PutDraft replaces by's draft; one without content removes it. It fails
	// with ErrNotFound for a case on which by may write no note, and with ErrInvalid
	// over MaxSealed.
	PutDraft(ctx context.Context, ref caseflow.Ref, by caseflow.Actor, d Draft) error
	// Draft returns ErrNotFound when there is none, or the case is hidden from by.
	Draft(ctx context.Context, ref caseflow.Ref, by caseflow.Actor) (Draft, error)
}

// Draft is what somebody has written so far.
type Draft struct {
	Content caseflow.Sealed
	At      time.Time
}

// Around is what stands around one case.
type Around interface {
	// Similar returns other people's cases of the same category, with a rule in
	// common, from a device of the same group, whose newest capture is not
	// before since: a class doing one lesson. Those that the viewer may see,
	// newest first, at most 20, without Captures. ErrNotFound as in Case.
	Similar(ctx context.Context, viewer caseflow.Actor, ref caseflow.Ref, since time.Time) ([]caseflow.Case, error)
	// Reads returns the ledger's entries that say who was shown the case's
	// content, newest first, at most limit (1-200). ErrNotFound as in Case.
	Reads(ctx context.Context, viewer caseflow.Actor, ref caseflow.Ref, limit int) ([]audit.Entry, error)
}

// MaxSimilar and MaxReads bound Around's lists.
const (
	MaxSimilar = 20
	MaxReads   = 200
)
