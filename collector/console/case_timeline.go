package console

import (
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
)

// caseDay is a day of the timeline, newest first.
type caseDay struct {
	Label string
	Items []caseItem
}

type caseItem struct {
	Time, Title, Detail string
	Capture             bool
	Words               *words
	Note                string
}

// Filters of the timeline, by the address's "show".
const (
	showCaptures  = "captures"
	showDecisions = "decisions"
)

// timeline puts what happened by day, the newest first.
func (c *Console) timeline(k casework.CaseView, now time.Time, covered bool, show string) []caseDay {
	var days []caseDay
	for _, it := range k.History {
		if show == showCaptures && !it.Kind.ByCapture() || show == showDecisions && it.Kind.ByCapture() {
			continue
		}
		at := it.At.In(c.zone)
		label := day(at, now)
		if len(days) == 0 || days[len(days)-1].Label != label {
			days = append(days, caseDay{Label: label})
		}
		d := &days[len(days)-1]
		d.Items = append(d.Items, c.caseItem(it, k, now, covered))
	}
	return days
}

func (c *Console) caseItem(it casework.Item, k casework.CaseView, now time.Time, covered bool) caseItem {
	out := caseItem{Time: clock(it.At.In(c.zone)), Title: doer(it) + " " + it.Does, Capture: it.Kind.ByCapture()}
	switch it.Kind {
	case casework.ItemOpened, casework.ItemJoined, casework.ItemReturned, casework.ItemRevised:
		if i := slices.IndexFunc(k.Captures, func(cp casework.CaptureView) bool { return cp.Event == it.Event }); i >= 0 {
			out.ofCapture(it, k.Captures[i], covered)
			if it.Kind == casework.ItemRevised {
				out.Detail = sourceWord(k.Captures[i]) + ", " + moment(k.Captures[i].At.In(c.zone), now)
			}
		}
	case casework.ItemClaimed:
		out.Detail = "until " + moment(it.Until.In(c.zone), now)
	case casework.ItemSeen:
		if wait := it.At.Sub(k.Case.OpenedAt); wait >= 0 {
			out.Detail = "First human eyes " + inWords(wait) + " after it came in"
		}
	case casework.ItemEscalated:
		out.Detail = "answer wanted by " + moment(it.Until.In(c.zone), now)
	case casework.ItemWaits, casework.ItemTransferred:
		out.Detail = "until " + moment(it.Until.In(c.zone), now)
	case casework.ItemSuggested:
		out.Detail = suggestionWords(it.Outcome, it.Severity)
	case casework.ItemClosed:
		out.Detail = c.closedWords(it, k, now)
	}
	switch it.State {
	case casework.WordsShown:
		out.Note = it.Text
	case casework.WordsErased:
		out.Note = "(the note was erased)"
	case casework.WordsUnreadable:
		out.Note = "(the note cannot be read with the key on this server)"
	}
	return out
}

// ofCapture shows the capture that the item is about, in the words that the
// page has of it now.
func (i *caseItem) ofCapture(it casework.Item, cp casework.CaptureView, covered bool) {
	w := drawWords(cp.Words, covered)
	i.Words = &w
	if it.Kind == casework.ItemRevised {
		// "Raised from high to critical": which capture, its words say.
		i.Title = upper(strings.Replace(it.Does, " a capture", "", 1))
		return
	}
	i.Title, i.Detail = sourceWord(cp), severityWords[it.Severity]
	if cp.App != "" {
		i.Detail += ", " + cp.App
	}
	if it.Kind != casework.ItemJoined {
		i.Detail += ", " + it.Does
	}
}

func doer(it casework.Item) string {
	switch {
	case it.You:
		return "You"
	case it.Who != "":
		return it.Who
	case it.Kind.ByCapture():
		return "The device"
	}
	return "Lapwing"
}

// closedWords is an outcome with what was said of it.
func (c *Console) closedWords(it casework.Item, k casework.CaseView, now time.Time) string {
	parts := []string{outcomeWord(it.Outcome)}
	switch it.Outcome {
	case caseflow.FalseAlarm:
		rule := "every rule that matched"
		if it.Rule != "" {
			rule = ruleTitle(k, it.Rule)
		}
		parts = append(parts, rule, whyWord(it.Why))
	case caseflow.ConcernRecorded, caseflow.Referred:
		parts = append(parts, agencyWord(it.Told.Agency))
	}
	if it.Told.Whom != "" {
		parts = append(parts, "spoke to "+it.Told.Whom)
	}
	if !it.Told.When.IsZero() {
		parts = append(parts, moment(it.Told.When.In(c.zone), now))
	}
	if it.Told.Reference != "" {
		parts = append(parts, "reference "+it.Told.Reference)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// ruleTitle is what the case's captures call a rule.
func ruleTitle(k casework.CaseView, id string) string {
	for _, cp := range k.Captures {
		for _, r := range cp.Rules {
			if r.ID == id {
				return orWord(r.Title, id)
			}
		}
	}
	return id
}
