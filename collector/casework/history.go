package casework

import (
	"context"
	"slices"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/vault"
	"github.com/lapwing-schools/lapwing/internal/ulid"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// ItemKind is what happened.
type ItemKind string

// Kinds of history.
const (
	ItemOpened    ItemKind = "opened"    // by a first capture
	ItemJoined    ItemKind = "joined"    // another capture
	ItemRevised   ItemKind = "revised"   // a capture's later revision
	ItemWithdrawn ItemKind = "withdrawn" // a capture taken back by its device
	ItemReturned  ItemKind = "returned"  // reopened for a graver capture
	ItemMatched   ItemKind = "matched"   // the directory told something new of its people
	ItemExempted  ItemKind = "exempted"  // an exemption was approved or revoked
	ItemMoved     ItemKind = "moved"     // to another queue
	ItemSeen      ItemKind = "seen"
	ItemClaimed   ItemKind = "claimed"
	ItemReleased  ItemKind = "released"
	ItemNoted     ItemKind = "noted"
	ItemClosed    ItemKind = "closed"
	ItemReopened  ItemKind = "reopened"

	ItemEscalated   ItemKind = "escalated"
	ItemAnswered    ItemKind = "answered"
	ItemGivenBack   ItemKind = "given-back" // an escalation was ended
	ItemWaits       ItemKind = "waits"
	ItemWaitEnded   ItemKind = "wait-ended"
	ItemTransferred ItemKind = "transferred"
	ItemStep        ItemKind = "step"
	// Asking somebody from outside, and what they say.
	ItemConsulted    ItemKind = "consulted"
	ItemConsultEnded ItemKind = "consult-ended"
	ItemSuggested    ItemKind = "suggested"
	ItemPassedOn     ItemKind = "passed-on"
	// ItemNameOpened: somebody gave a reason to see who asked for help.
	ItemNameOpened ItemKind = "name-opened"
)

// ByCapture reports whether the item is a capture's, not a person's act.
func (k ItemKind) ByCapture() bool {
	switch k {
	case ItemOpened, ItemJoined, ItemRevised, ItemWithdrawn, ItemReturned:
		return true
	}
	return false
}

// Item is one line of a case's history, in parts that a page puts into words.
type Item struct {
	At   time.Time
	Kind ItemKind
	// Version is the case's after it.
	Version uint64
	// Who did it, as named then; empty for Lapwing itself. You: the viewer did.
	Who string
	You bool
	// Does is what was done, to stand after the name: "claimed this case".
	Does string
	// Text of a note or a reason, and whether it could be unsealed.
	Text  string
	State WordsState
	// Until of a claim; Outcome and Rule of a closing; Event and Severity of a
	// capture; Was, what it weighed before a revision, 0 when that is not known.
	Until    time.Time
	Outcome  caseflow.Outcome
	Rule     string
	Why      caseflow.WhyFalse
	Told     ToldView
	Event    ulid.ID
	Severity vocab.Severity
	Was      vocab.Severity
}

// ToldView is who was told outside Lapwing, in words.
type ToldView struct {
	Agency          caseflow.Agency
	When            time.Time
	Reference, Whom string
}

// history puts a case's events into words, newest first.
func (s *Service) history(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f store.CaseFile) ([]Item, error) {
	var items []Item
	weights := map[ulid.ID]vocab.Severity{}
	for i, e := range f.History {
		it, by, sealed, purpose := describe(e)
		if it.Kind == "" {
			continue // an event of a later version; the case itself has it
		}
		if it.Kind.ByCapture() {
			was, known := weights[it.Event]
			weights[it.Event] = it.Severity
			if it.Kind == ItemRevised && known && was == it.Severity {
				continue // nearly every capture is completed like this; only the excerpt may be longer
			}
			if it.Kind == ItemRevised {
				it.Was = was
				it.Does = weighed(was, it.Severity, finished(f.Captures, e))
			}
		}
		it.At, it.Who, it.Version = by.At, by.Name, uint64(i+1)
		it.You = by.User == viewer.User
		it.State = WordsNone
		if len(sealed) > 0 {
			var err error
			if it.Text, it.State, err = s.text(ctx, t, f.Case.Typist, purpose, sealed); err != nil {
				return nil, err
			}
		}
		if closed, ok := e.(caseflow.CaseClosed); ok {
			var err error
			if it.Told, err = s.told(ctx, t, f.Case.Typist, closed.Told); err != nil {
				return nil, err
			}
		}
		if mark, ok := e.(caseflow.StepMarked); ok {
			it.Does = s.stepWords(ctx, t, mark)
		}
		items = append(items, it)
	}
	slices.Reverse(items)
	return items, nil
}

// weighed says how a revision changed what a capture weighs: "raised a capture
// from high to critical when the text was finished".
func weighed(was, is vocab.Severity, finished bool) string {
	when := " as more of the text was typed"
	if finished {
		when = " when the text was finished"
	}
	switch {
	case was == 0:
		return "weighed a capture as " + is.String() + when
	case is < was:
		return "lowered a capture from " + was.String() + " to " + is.String() + when
	}
	return "raised a capture from " + was.String() + " to " + is.String() + when
}

// finished reports whether e brought the last revision of its capture.
func finished(captures []store.CaptureRecord, e caseflow.Event) bool {
	r, ok := e.(caseflow.Revised)
	return ok && slices.ContainsFunc(captures, func(c store.CaptureRecord) bool {
		return c.Event == r.Capture.Event && c.Revision == r.Capture.Revision && c.Capture != nil && c.Capture.Final
	})
}

// describe gives the parts of one event, who did it, and what of it is sealed.
// An unknown event has no kind.
func describe(e caseflow.Event) (it Item, by caseflow.Stamp, sealed caseflow.Sealed, p vault.Purpose) {
	capture := func(k ItemKind, c caseflow.CaptureRef, does string) Item {
		return Item{Kind: k, Event: c.Event, Severity: c.Severity, Does: does}
	}
	switch e := e.(type) {
	case caseflow.Opened:
		return capture(ItemOpened, e.Capture, "opened this case"), e.Stamp, nil, ""
	case caseflow.Joined:
		return capture(ItemJoined, e.Capture, "added a capture"), e.Stamp, nil, ""
	case caseflow.Revised:
		if e.Capture.Withdrawn {
			return capture(ItemWithdrawn, e.Capture, "took a capture back: the finished text no longer matched"), e.Stamp, nil, ""
		}
		return capture(ItemRevised, e.Capture, "changed a capture"), e.Stamp, nil, ""
	case caseflow.ReopenedFor:
		return capture(ItemReturned, e.Capture, "reopened this case for a more serious capture"), e.Stamp, nil, ""
	case caseflow.Rematched:
		does := "found a member of staff named in this case"
		if !e.Person.IsZero() {
			does = "matched the account to the school's directory: " + e.Audience.String()
		}
		return Item{Kind: ItemMatched, Does: does}, e.Stamp, nil, ""
	case caseflow.Tagged:
		does := "took the exemption off captures of this case"
		if slices.ContainsFunc(e.Tags, func(t caseflow.CaptureTag) bool { return t.Exemption != "" }) {
			does = "marked captures of this case as exempt"
		}
		return Item{Kind: ItemExempted, Does: does}, e.Stamp, nil, ""
	case caseflow.Rerouted:
		return Item{Kind: ItemMoved, Does: "moved this case to " + queueName(e.Queue)}, e.Stamp, nil, ""
	case caseflow.SeenFirst:
		return Item{Kind: ItemSeen, Does: "opened this case first"}, e.Stamp, nil, ""
	case caseflow.ClaimTaken:
		return Item{Kind: ItemClaimed, Does: "claimed this case", Until: e.Until}, e.Stamp, nil, ""
	case caseflow.ClaimReleased:
		return Item{Kind: ItemReleased, Does: "gave this case back"}, e.Stamp, nil, ""
	case caseflow.Noted:
		return Item{Kind: ItemNoted, Does: "wrote a note"}, e.Stamp, e.Text, vault.Note
	case caseflow.CaseClosed:
		return Item{Kind: ItemClosed, Does: "closed this case", Outcome: e.Outcome, Rule: e.Rule, Why: e.Why}, e.Stamp, e.Text, vault.Note
	case caseflow.NameOpened:
		return Item{Kind: ItemNameOpened, Does: "opened the name of the person who asked"}, e.Stamp, e.Reason, vault.Reason
	case caseflow.Reopened:
		return Item{Kind: ItemReopened, Does: "reopened this case"}, e.Stamp, e.Reason, vault.Reason
	}
	return describeFlow(e)
}

func queueName(q caseflow.Queue) string {
	switch q {
	case caseflow.QueueHead:
		return "the head teacher"
	case caseflow.QueueChair:
		return "the chair of governors"
	}
	return "the safeguarding team"
}
