package exemption

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// Propose makes an exemption that waits for another person's approval. Its
// refusals are Problems, or caseflow.ErrNotAllowed.
func Propose(id string, t Terms, a caseflow.Actor, now time.Time) (Exemption, error) {
	if !caseflow.MayPropose(a) {
		return Exemption{}, caseflow.ErrNotAllowed
	}
	t.Title, t.Asker, t.Reason, t.RiskNote = caseflow.Clean(t.Title), caseflow.Clean(t.Asker), caseflow.Clean(t.Reason), caseflow.Clean(t.RiskNote)
	if p := check(t, now); len(p) > 0 {
		return Exemption{}, p
	}
	return Exemption{ID: id, Version: 1, State: Proposed, Terms: t, Author: caseflow.AuthorOf(a),
		Steps: []Step{{At: now, User: a.User, Name: a.Name, Did: Proposed}}, Settled: true}, nil
}

// Decide moves an exemption on: approve or refuse (another person), withdraw
// (who proposed it), revoke. delegated says whether leadership may approve.
func Decide(e Exemption, to State, note string, a caseflow.Actor, delegated bool, now time.Time) (Exemption, error) {
	if e.Version == 0 || !caseflow.MayReadChanges(a) {
		return Exemption{}, caseflow.ErrHidden
	}
	from, allowed := Proposed, false
	switch to {
	case Approved, Refused:
		allowed = caseflow.MayApprove(a, e.Author, delegated)
	case Withdrawn:
		allowed = a.User == e.Author.User
	case Revoked:
		from, allowed = Approved, caseflow.MayRevoke(a, delegated)
	}
	if !allowed {
		return Exemption{}, caseflow.ErrNotAllowed
	}
	if e.State != from {
		return Exemption{}, &caseflow.InvalidError{Field: "state", Message: "This exemption is " + string(e.State) + " already. Nothing was changed."}
	}
	if to == Approved && e.Over(now) {
		return Exemption{}, &caseflow.InvalidError{Field: "state", Message: "This exemption has ended already. Refuse it, and ask for a new one."}
	}
	note = caseflow.Clean(note)
	if to == Refused || to == Revoked {
		if err := caseflow.CheckChars("note", utf8.RuneCountInString(note), MaxReason); err != nil {
			return Exemption{}, err
		}
	}
	if !caseflow.Plain(note) || utf8.RuneCountInString(note) > MaxReason {
		return Exemption{}, &caseflow.InvalidError{Field: "note", Limit: MaxReason, Message: "The note must be plain text of at most 500 characters."}
	}
	e.Steps = append(slices.Clip(e.Steps), Step{At: now, User: a.User, Name: a.Name, Did: to, Note: note})
	e.State, e.Version = to, e.Version+1
	e.Settled = to != Approved && to != Revoked
	return e, nil
}

// Problems are what is wrong with a form, one for each field.
type Problems = caseflow.Problems

func check(t Terms, now time.Time) (p Problems) {
	bad := func(field string, limit int, format string, args ...any) {
		p = append(p, &caseflow.InvalidError{Field: field, Limit: limit, Message: fmt.Sprintf(format, args...)})
	}
	words := func(field, name, value string, limit int, needed bool) {
		switch n := utf8.RuneCountInString(value); {
		case !caseflow.Plain(value):
			bad(field, 0, "%s has characters that cannot be read. Type it again, or paste it as plain text.", name)
		case n == 0 && needed:
			bad(field, 0, "Enter %s.", strings.ToLower(name[:1])+name[1:])
		case n > limit:
			bad(field, limit, "%s must be %d characters or fewer. Shorten it.", name, limit)
		}
	}
	if !slices.Contains(Kinds(), t.Kind) {
		bad("kind", 0, "Choose whether it is a lesson or an exam.")
	}
	words("title", "The name of the lesson or exam", t.Title, MaxTitle, true)
	if strings.ContainsAny(t.Title, "\n\r\t") {
		bad("title", 0, "The name of the lesson or exam must stand on one line.")
	}
	words("asker", "The name of who asked for it", t.Asker, MaxAsker, false)
	words("reason", "The reason", t.Reason, MaxReason, true)
	words("risk", "The risk note: what might be missed, and what is done about it", t.RiskNote, MaxReason, true)
	if len(t.Categories)+len(t.Rules) == 0 {
		bad("categories", 0, "Choose at least one category or rule that it covers.")
	}
	for _, c := range t.Categories {
		if !c.Valid() || !c.ForRules() || !caseflow.MayBeExempt(c) {
			bad("categories", 0, "Suicide, self-harm and requests for help are never exempt. Take them out.")
			break
		}
	}
	if len(t.Classes) > MaxList {
		bad("classes", MaxList, "Choose at most %d classes.", MaxList)
	}
	checkAsked(t, now, bad)
	if max(len(t.Groups), len(t.Years), len(t.Categories), len(t.Rules)) > MaxList || longest(t.Groups, t.Years, t.Rules) > 128 {
		bad("groups", MaxList, "Choose at most %d groups, years, categories and rules.", MaxList)
	}
	if len(t.Groups)+len(t.Years)+len(t.Classes) == 0 && t.Kind != Exam {
		bad("groups", 0, "Choose the device groups, the year groups or the classes that have this lesson. Only an exam can be for the whole school.")
	}
	checkTimes(t, now, bad)
	return p
}

// checkAsked wants who asked and when, or neither.
func checkAsked(t Terms, now time.Time, bad func(field string, limit int, format string, args ...any)) {
	switch {
	case t.Asker == "" && !t.Asked.IsZero():
		bad("asker", 0, "Enter who asked for it, or leave the day empty too.")
	case t.Asker != "" && t.Asked.IsZero():
		bad("asked", 0, "Enter the day on which they asked, for example 9 November 2026.")
	case t.Asked.After(now):
		bad("asked", 0, "The day on which they asked must not be in the future.")
	case !t.Asked.IsZero() && now.Sub(t.Asked) > 366*24*time.Hour:
		bad("asked", 366, "The day on which they asked must be within the last 366 days.")
	}
}

func checkTimes(t Terms, now time.Time, bad func(field string, limit int, format string, args ...any)) {
	if _, err := time.LoadLocation(t.Zone); err != nil || t.Zone == "" {
		bad("zone", 0, "The school's time zone is not known.")
	}
	if t.From.IsZero() {
		bad("from", 0, "Enter the first day, for example 9 November 2026.")
	}
	if t.Until.IsZero() {
		bad("until", 0, "Enter the last day, for example 20 November 2026.")
	}
	switch {
	case t.From.IsZero() || t.Until.IsZero():
	case !t.Until.After(t.From):
		bad("until", 0, "The last day must not be before the first.")
	case !t.Until.After(now):
		bad("until", 0, "The last day must not be in the past.")
	case t.Until.Sub(t.From) > MaxDays*24*time.Hour:
		bad("until", MaxDays, "An exemption lasts %d days at most. Choose an earlier last day.", MaxDays)
	case now.Sub(t.From) > 7*24*time.Hour:
		bad("from", 7, "The first day must not be more than 7 days ago.")
	}
	if t.Start < 0 || t.End < 0 || t.Start > 24*60 || t.End > 24*60 || (t.Start != 0 || t.End != 0) && t.End <= t.Start {
		bad("end", 0, "Enter when the lesson starts and ends, for example 9:00 and 10:00, the end after the start; or leave both empty.")
	}
	for _, d := range t.Weekdays {
		if d < time.Sunday || d > time.Saturday {
			bad("weekdays", 0, "Choose weekdays from the list.")
			break
		}
	}
}

func longest(lists ...[]string) int {
	n := 0
	for _, l := range lists {
		for _, s := range l {
			n = max(n, len(s))
		}
	}
	return n
}
