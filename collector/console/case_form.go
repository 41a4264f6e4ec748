package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// act is the form about a case, as sent. There is one form on the page, and
// every button sends the whole of it, so that nothing that was written is lost
// by pressing another button.
type act struct {
	casework.Form
	seen   vocab.Severity    // that the page showed
	fields map[string]string // what was filled in, by field name
	// shown and ticked are the steps that the page showed as done, and those that were sent as done.
	shown, ticked []string
	steps         bool // the page had steps to tick
}

// caseFields are the fields that a person fills in. They make the draft.
var caseFields = []string{
	"note", "outcome", "rule", "why", "parents_whom", "parents_when", "record_agency", "record_reference",
	"refer_agency", "refer_whom", "refer_when", "refer_reference",
	"to", "escalate_reason", "colleague", "transfer_reason", "on", "until", "end_reason", "reason", "name_reason", "reviewer", "question", "pass_reason",
}

// readAct reads the form, of which fields are filled in by a person. A missing or odd version means "any" only where the
// act overwrites nothing; the pages always send one.
func readAct(r *http.Request, fields []string) (act, error) {
	ref, err := refOf(r)
	if err != nil {
		return act{}, err
	}
	if err := r.ParseForm(); err != nil {
		return act{}, errTooLong
	}
	f := r.PostForm
	a := act{Form: casework.Form{Ref: ref, Key: f.Get("key")}, fields: map[string]string{}, steps: f.Has("steps")}
	a.Expect, _ = strconv.ParseUint(f.Get("version"), 10, 64)
	a.seen, _ = vocab.ParseSeverity(f.Get("seen"))
	for _, name := range fields {
		if f.Has(name) {
			a.fields[name] = f.Get(name)
		}
	}
	a.shown = strings.Fields(f.Get("steps"))
	for _, step := range f["step"] {
		if len(a.ticked) < maxSteps && step != "" && len(step) <= 32 {
			a.ticked = append(a.ticked, step)
		}
	}
	return a, nil
}

// maxSteps bounds the steps of one form; a playbook has at most 12.
const maxSteps = 24

// keyed gives each kind of act, and each text that it carries, a key of its
// own: a second press of the same button is harmless, and another button, or
// words changed after going back, is not taken for the first.
func (a act) keyed(kind string, texts ...string) casework.Form {
	f := a.Form
	if f.Key != "" && len(f.Key) <= 40 {
		f.Key += "/" + kind + "." + digest(strings.Join(texts, "\x00"))
	}
	return f
}

// without drops fields that an act has made into something.
func (a act) without(names ...string) map[string]string {
	out := map[string]string{}
	for k, v := range a.fields {
		if !slices.Contains(names, k) {
			out[k] = v
		}
	}
	return out
}

// closing reads what the chosen outcome asks for.
func (a act) closing(zone *time.Location, now time.Time) (casework.CloseForm, error) {
	f := casework.CloseForm{Outcome: caseflow.Outcome(a.fields["outcome"]), Note: a.fields["note"]}
	when := ""
	switch f.Outcome {
	case caseflow.FalseAlarm:
		f.Rule, f.Why = a.fields["rule"], caseflow.WhyFalse(a.fields["why"])
	case caseflow.ParentsInformed:
		f.Whom, when = a.fields["parents_whom"], a.fields["parents_when"]
	case caseflow.ConcernRecorded:
		f.Agency, f.Reference = caseflow.Agency(a.fields["record_agency"]), a.fields["record_reference"]
	case caseflow.Referred:
		f.Agency, f.Whom, f.Reference = caseflow.Agency(a.fields["refer_agency"]), a.fields["refer_whom"], a.fields["refer_reference"]
		when = a.fields["refer_when"]
	}
	var err error
	f.When, err = readWhen("when", when, zone, now)
	f.Form = a.keyed("close", string(f.Outcome), f.Rule, string(f.Why), string(f.Agency), f.Reference, f.Whom, when, f.Note)
	return f, err
}

// readWhen reads a date and time as the browser's field writes it, or as a
// person does where the browser has no such field. Empty is no time.
func readWhen(field, s string, zone *time.Location, now time.Time) (time.Time, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2/1/2006 15:04", "2/1/2006 3:04pm", "2 January 2006 15:04", "2 Jan 2006 15:04"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04", "3:04pm"} { // today
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			n := now.In(zone)
			return time.Date(n.Year(), n.Month(), n.Day(), t.Hour(), t.Minute(), 0, 0, zone), nil
		}
	}
	return time.Time{}, &caseflow.InvalidError{Field: field, Message: "Enter a date and time, like 12/11/2026 08:45."}
}

// fieldOf maps a refused field to the one of the page, by the act that was sent.
func (a act) fieldOf(kind, field string) string {
	prefix := map[caseflow.Outcome]string{
		caseflow.ParentsInformed: "parents_", caseflow.ConcernRecorded: "record_", caseflow.Referred: "refer_",
	}[caseflow.Outcome(a.fields["outcome"])]
	switch field {
	case "outcome", "note", "rule", "why", "to", "colleague", "on", "reviewer", "question":
		return field
	case "whom", "when", "reference", "agency":
		return prefix + field
	case "until":
		if kind == "wait" {
			return "until"
		}
	case "reason":
		switch kind {
		case "escalate", "transfer", "end", "name", "pass":
			return kind + "_reason"
		}
		return "reason"
	case "step":
		return "steps"
	}
	return "main-content"
}
