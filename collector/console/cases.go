package console

import (
	"context"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Cases is what the console needs of casework; *casework.Service is one. All
// errors are as there: store.ErrNotFound for what the viewer may not know of.
type Cases interface {
	Queue(ctx context.Context, t store.Tenant, viewer caseflow.Actor, q store.QueueQuery) (casework.QueueView, error)
	Open(ctx context.Context, t store.Tenant, viewer caseflow.Actor, ref caseflow.Ref) (casework.CaseView, error)
	FindPeople(ctx context.Context, t store.Tenant, viewer caseflow.Actor, typed string) ([]caseflow.PersonKey, error)
	CloseTogether(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.TogetherForm) (casework.Together, error)
	BreakGlass(ctx context.Context, t store.Tenant, viewer caseflow.Actor, reason string) error
	MendGlass(ctx context.Context, t store.Tenant, viewer caseflow.Actor) error
	GlassReads(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]casework.GlassRead, error)
	Claim(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form) (caseflow.Case, error)
	Release(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form) (caseflow.Case, error)
	Note(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, text string) (caseflow.Case, error)
	Close(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.CloseForm) (caseflow.Case, error)
	Reopen(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, reason string) (caseflow.Case, error)
	CaseFlow
	Reviews
	Books(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]casework.BookView, error)
	ProposeBook(ctx context.Context, t store.Tenant, viewer caseflow.Actor, id string, p playbook.Playbook, reason string) error
	DecideBook(ctx context.Context, t store.Tenant, viewer caseflow.Actor, proposal string, to store.ProposalState) error
	Book(ctx context.Context, t store.Tenant, viewer caseflow.Actor, id string) (casework.BookView, error)
}

// CaseFlow is what may be done with a case on its way.
type CaseFlow interface {
	Escalate(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, to caseflow.Role, reason string) (caseflow.Case, error)
	EndEscalation(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, reason string) (caseflow.Case, error)
	Transfer(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, to caseflow.UserID, reason string) (caseflow.Case, error)
	Wait(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, on string, until time.Time) (caseflow.Case, error)
	EndWait(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form) (caseflow.Case, error)
	Mark(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, step string, done bool) (caseflow.Case, error)
	KeepDraft(ctx context.Context, t store.Tenant, viewer caseflow.Actor, ref caseflow.Ref, fields map[string]string) (time.Time, error)
	Consult(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, to caseflow.UserID, question string) (caseflow.Case, error)
	EndConsult(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, from caseflow.UserID) (caseflow.Case, error)
	PassOn(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, self bool, reason string) (caseflow.Case, error)
	OpenName(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, reason string) (caseflow.Case, error)
	Export(ctx context.Context, t store.Tenant, viewer caseflow.Actor, ref caseflow.Ref, reason string) (casework.CaseView, error)
}

// severity is what the glyph's template draws.
type severity struct {
	Word, Class string
	Bars        int
}

func severityGlyph(s vocab.Severity) severity {
	return severity{Word: severityWords[s], Class: s.String(), Bars: int(s)}
}

// words are a capture's words ready to draw: pieces of text, some of them
// marked, or a sentence that says why there are none.
type words struct {
	Pieces  []piece
	Instead string
	Covered bool // the person prefers them covered; nothing of them is sent with a list
}

type piece struct {
	Text string
	Hit  bool
}

// drawWords cuts an excerpt at its marks. casework promises marks that stand
// on rune borders, in order.
func drawWords(w casework.Words, covered bool) words {
	switch w.State {
	case casework.WordsShown:
	case casework.WordsErased:
		return words{Instead: "Erased, as asked for"}
	case casework.WordsUnreadable:
		return words{Instead: "These words cannot be read with the key on this server"}
	case casework.WordsWithheld:
		return words{Instead: "These words are not shown: the school’s directory must be imported again before names in them can be hidden"}
	default:
		if w.Ask != nil {
			return words{Instead: "They left the words empty: asking is enough"}
		}
		return words{Instead: "No words: the finished text no longer matched"}
	}
	out := words{Covered: covered}
	at := 0
	for _, m := range w.Marks {
		if m.Start > at {
			out.Pieces = append(out.Pieces, piece{Text: w.Excerpt[at:m.Start]})
		}
		out.Pieces = append(out.Pieces, piece{Text: w.Excerpt[m.Start:m.End], Hit: true})
		at = m.End
	}
	if at < len(w.Excerpt) {
		out.Pieces = append(out.Pieces, piece{Text: w.Excerpt[at:]})
	}
	return out
}

func personName(p casework.Person) string {
	switch {
	case p.Name != "" && p.Shared:
		return "Shared account " + p.Name
	case p.Name != "":
		return p.Name
	case p.State == casework.WordsErased:
		return "Name erased"
	case p.State == casework.WordsUnreadable:
		return "Name cannot be read"
	}
	return "Nobody logged on"
}

// flagChips are a person's flags in words; one whose review is overdue says so.
func flagChips(p casework.Person) (all []string) {
	for _, f := range p.Flags {
		w := flagWord(f.Kind)
		if f.Overdue {
			w += ", review overdue"
		}
		all = append(all, w)
	}
	return all
}

// claimWords is a claim as the viewer is told of it.
type claimWords struct {
	Held, Yours bool
	Who         string // "you" or a name
	Until       string
	Since       string
}

func newClaimWords(v casework.ClaimView, zone *time.Location, now time.Time) claimWords {
	c := claimWords{Held: v.Held, Yours: v.Yours, Who: v.Name}
	if v.Yours {
		c.Who = "you"
	}
	if v.Held {
		c.Until, c.Since = moment(v.Until.In(zone), now), moment(v.Since.In(zone), now)
	}
	return c
}

// placeOf says where something was typed: the program and the device.
func placeOf(app, host string) string {
	var parts []string
	for _, p := range []string{app, host} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " on ")
}
