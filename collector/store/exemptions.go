package store

import (
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/exemption"
)

// Exemptions holds what tags and down-ranks captures. Ingest asks the approved
// ones of each capture, in the transaction that keeps it; nothing is dropped.
type Exemptions interface {
	// PutExemption adds an exemption (Version 1; ErrExists for an id that is
	// taken) or replaces the version before (ErrStale), with its ledger entry.
	// One that was approved or revoked then tags the captures of every open case
	// anew before it returns; after a crash in between, that is made up for at
	// the next start.
	PutExemption(ctx context.Context, e exemption.Exemption, entry audit.Entry) error
	Exemption(ctx context.Context, id string) (exemption.Exemption, error)
	// Exemptions lists all of the school, in no order.
	Exemptions(ctx context.Context) ([]exemption.Exemption, error)
}

// Limits of exemptions.
const (
	MaxExemptions = 5000 // of one school, ended ones included
	maxSteps      = 100
)

// CheckExemption refuses an exemption that cannot be kept.
func CheckExemption(e exemption.Exemption) error {
	texts := []string{e.Title, e.Asker, e.Zone, string(e.Kind), string(e.State)}
	lists := slices.Concat(e.Groups, e.Years, e.Rules)
	for _, c := range e.Categories {
		lists = append(lists, string(c))
	}
	for _, c := range e.Classes {
		lists = append(lists, c.ID, c.Title)
	}
	notes := []string{e.Reason, e.RiskNote}
	for _, s := range e.Steps {
		texts, notes = append(texts, s.Name, string(s.User), string(s.Did)), append(notes, s.Note)
	}
	switch {
	case !CheckID(e.ID) || e.Version == 0:
		return invalid("an exemption without a plain id or a version")
	case longest(texts, lists) > MaxText || longest(notes) > 4*exemption.MaxReason:
		return invalid("an exemption's text over %d bytes", MaxText)
	case slices.ContainsFunc(slices.Concat(texts, lists, notes), func(s string) bool { return !utf8.ValidString(s) }):
		return invalid("an exemption's text is not UTF-8")
	case len(lists) > 6*exemption.MaxList || len(e.Steps) > maxSteps || len(e.Weekdays) > 7 || len(e.Author.Persons) > maxList:
		return invalid("an exemption with too long a list")
	case e.From.IsZero() || e.Until.IsZero() || e.Start < 0 || e.End < 0 || max(e.Start, e.End) > int(24*time.Hour/time.Minute):
		return invalid("an exemption without its time")
	}
	return nil
}
