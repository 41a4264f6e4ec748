package console

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
)

// caseForm is the form as filled in so far, what came of sending it, and what it offers.
type caseForm struct {
	written
	// Conflict says that somebody else's act is in the way; Since is the version
	// that the page showed, Changes what is different now.
	Conflict string
	Since    uint64
	Changes  []sinceRow

	Outcomes                         []option
	Rules, Whys                      []option
	Records, Agencies, Posts, Takers []option
	Reviewers                        []option
}

// Any reports whether one of the fields is refused or filled in: its part of
// the page stands open then.
func (f caseForm) Any(names ...string) bool {
	for _, n := range names {
		if f.Fields[n] != "" || f.FieldError(n) != "" {
			return true
		}
	}
	return false
}

// sinceRow is one thing that somebody changed meanwhile.
type sinceRow struct{ What, Was, Now string }

// fill completes a form for the case as it is now.
func (c *Console) fill(form caseForm, k casework.CaseView, id auth.Identity) caseForm {
	now := c.now().In(c.zone)
	form.Key = rand.Text()
	form.fromDraft(k.Draft, c.keptAt(k.Draft, k.Now))
	at := form.Field
	for _, o := range caseflow.Outcomes() {
		form.Outcomes = append(form.Outcomes, option{string(o), outcomeWord(o), string(o) == at("outcome")})
	}
	for _, w := range caseflow.WhysFalse() {
		form.Whys = append(form.Whys, option{string(w), whyWord(w), string(w) == at("why")})
	}
	form.Rules = ruleOptions(k, at("rule"))
	for _, a := range caseflow.Records() {
		form.Records = append(form.Records, option{string(a), agencyWord(a), string(a) == at("record_agency")})
	}
	for _, a := range caseflow.Agencies() {
		form.Agencies = append(form.Agencies, option{string(a), agencyWord(a), string(a) == at("refer_agency")})
	}
	for _, r := range k.EscalateTo {
		form.Posts = append(form.Posts, option{string(r), upper(roleWord(r)), string(r) == at("to") || len(k.EscalateTo) == 1})
	}
	for _, p := range k.Reviewers {
		form.Reviewers = append(form.Reviewers, option{string(p.ID), p.Name, string(p.ID) == at("reviewer") || len(k.Reviewers) == 1})
	}
	for _, p := range k.Colleagues {
		form.Takers = append(form.Takers, option{string(p.ID), p.Name + ", " + roleWords(p.Roles), string(p.ID) == at("colleague")})
	}
	if form.Conflict != "" && form.Since > 0 {
		if form.Conflict, form.Changes = c.conflict(form, k, id, now); len(form.Changes) == 0 {
			form.Changes = nil
		}
	}
	return form
}

// ruleOptions are the rules that hit, if there is more than one to choose from.
func ruleOptions(k casework.CaseView, chosen string) []option {
	var out []option
	seen := map[string]bool{}
	for _, cp := range k.Captures {
		for _, r := range cp.Rules {
			if !seen[r.ID] && !cp.Withdrawn {
				out = append(out, option{r.ID, orWord(r.Title, r.ID), r.ID == chosen})
			}
			seen[r.ID] = true
		}
	}
	if len(out) > 1 {
		out = append([]option{{"", "Every rule that matched", chosen == ""}}, out...)
	}
	return out
}

// conflict says who was in the way, and what is different now.
func (c *Console) conflict(form caseForm, k casework.CaseView, id auth.Identity, now time.Time) (string, []sinceRow) {
	first := form.Conflict
	for _, it := range since(k, form.Since) {
		if !it.You {
			first = fmt.Sprintf("%s changed this case at %s, before you saved.", doer(it), clock(it.At.In(c.zone)))
			break
		}
	}
	was := k.At(form.Since)
	var rows []sinceRow
	add := func(what, a, b string) {
		if a != b {
			rows = append(rows, sinceRow{what, a, b})
		}
	}
	add("Claimed by", holder(was, id, now), holder(k.Case, id, now))
	add("Stands", standing(was), standing(k.Case))
	add("Severity", severityWords[was.Severity], severityWords[k.Case.Severity])
	add("Captures", thousands(was.Count), thousands(k.Case.Count))
	add("Steps done", stepsDone(was, k), stepsDone(k.Case, k))
	add("Escalated to", escalatedTo(was), escalatedTo(k.Case))
	add("From outside", orWord(outside(was), "Nobody is asked"), orWord(outside(k.Case), "Nobody is asked"))
	add("Waiting", waiting(c, was, now), waiting(c, k.Case, now))
	notes, last := 0, ""
	for _, it := range since(k, form.Since) {
		if it.Kind == casework.ItemNoted && !it.You {
			notes, last = notes+1, orWord(last, it.Text)
		}
	}
	if notes > 0 {
		add("Notes", "None of these", plural(notes, "new note", "new notes")+": "+cut(last, 200))
	}
	return first, rows
}

func holder(cs caseflow.Case, id auth.Identity, now time.Time) string {
	owner, held := cs.Held(now)
	switch {
	case !held:
		return "Nobody"
	case owner == id.User.ID:
		return "You"
	}
	return cs.OwnerName
}

func standing(cs caseflow.Case) string {
	if cs.State == caseflow.Closed {
		return "Closed: " + outcomeWord(cs.Outcome)
	}
	return "Open"
}

func stepsDone(cs caseflow.Case, k casework.CaseView) string {
	var texts []string
	for _, s := range k.Playbook.Do {
		if _, ok := cs.Ticked(k.Playbook.ID, s.ID); ok {
			texts = append(texts, s.Text)
		}
	}
	out := fmt.Sprintf("%d of %d", len(texts), len(k.Playbook.Do))
	if len(texts) > 0 {
		out += ": " + strings.Join(texts, "; ")
	}
	return out
}

func escalatedTo(cs caseflow.Case) string {
	if cs.Escalated.To == "" {
		return "Nobody"
	}
	return upper(roleWord(cs.Escalated.To))
}

func waiting(c *Console, cs caseflow.Case, now time.Time) string {
	if cs.Waiting.Until.IsZero() {
		return "No"
	}
	return "Until " + moment(cs.Waiting.Until.In(c.zone), now)
}

// cut shortens s to n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// stepView is a step of the playbook.
type stepView struct {
	ID, Text, Why string
	Done          bool
	By            string // "You, 8:07am"
}

func (c *Console) steps(k casework.CaseView, me caseflow.Actor, now time.Time) []stepView {
	var out []stepView
	for _, s := range k.Playbook.Do {
		v := stepView{ID: s.ID, Text: s.Text, Why: s.Why}
		if d, ok := k.Case.Ticked(k.Playbook.ID, s.ID); ok {
			v.Done = true
			who := orWord(d.ByName, "Somebody")
			if d.By == me.User {
				who = "You"
			}
			v.By = who + ", " + moment(d.At.In(c.zone), now)
		}
		out = append(out, v)
	}
	return out
}

// passView is how the case may be passed on.
type passView struct {
	Staff bool // to the head, because it is about a member of staff; else only because it is about the viewer
	Self  bool // it may be said to be about the viewer
	To    string
}

func passTo(cs caseflow.Case, a caseflow.Actor) *passView {
	_, staff := caseflow.PassTo(cs, a, false)
	to, self := caseflow.PassTo(cs, a, true)
	if !staff && !self {
		return nil
	}
	v := &passView{Staff: staff, Self: self, To: "the head teacher"}
	if to == caseflow.QueueChair && !staff {
		v.To = "the chair of governors"
	}
	return v
}

// flowView is where the case stands on its way.
type flowView struct {
	Escalated, EscalatedBy, Answer string
	EscalatedWhy                   string
	AnswerLate, MayEnd             bool
	Waits, WaitsBy, WaitsUntil     string
	WaitOver                       bool
	// The claim of the viewer: when it ends, in milliseconds from now, and
	// whether that is soon.
	Ends    int64
	Lapsing bool
	Left    string
}

func (c *Console) flow(k casework.CaseView, id auth.Identity, now time.Time) flowView {
	cs := k.Case
	var v flowView
	if e := cs.Escalated; e.To != "" {
		v.Escalated, v.EscalatedBy = roleWord(e.To), orWord(e.ByName, "somebody")
		v.AnswerLate = cs.AnswerLate(now)
		for _, it := range k.History { // the newest first
			if it.Kind == casework.ItemEscalated {
				v.EscalatedWhy = it.Text
				break
			}
		}
		v.MayEnd = cs.State != caseflow.Closed && (e.By == id.User.ID || id.Actor.Has(e.To))
		switch {
		case !e.Answered.IsZero():
			v.Answer = "answered " + moment(e.Answered.In(c.zone), now)
		case v.AnswerLate:
			v.Answer = "the answer is " + inWords(now.Sub(e.Until)) + " late"
		default:
			v.Answer = "an answer is wanted by " + moment(e.Until.In(c.zone), now)
		}
	}
	if w := cs.Waiting; !w.Until.IsZero() {
		v.Waits, v.WaitsBy = orWord(k.WaitsOn, "somebody"), orWord(w.ByName, "Somebody")
		v.WaitsUntil, v.WaitOver = moment(w.Until.In(c.zone), now), !cs.Waits(now)
	}
	if k.Claim.Yours {
		left := k.Claim.Until.Sub(now)
		v.Ends, v.Lapsing, v.Left = left.Milliseconds(), cs.Lapsing(id.User.ID, now), inWords(left)
	}
	return v
}

// aroundCase is another case beside this one.
type aroundCase struct {
	Ref                          caseflow.Ref
	When, Category, Why, Outcome string
}

func (c *Console) aroundCase(k casework.CaseView, now time.Time) []aroundCase {
	var out []aroundCase
	row := func(cs caseflow.Case, when, why string) {
		outcome := "Not claimed"
		switch owner, held := cs.Held(now); {
		case cs.State == caseflow.Closed:
			outcome = outcomeWord(cs.Outcome)
		case held && owner != "":
			outcome = "Claimed by " + cs.OwnerName
		}
		out = append(out, aroundCase{cs.Ref, when, categoryWord(cs.Category) + ", " + cs.Severity.String(), why, outcome})
	}
	for _, cs := range k.Similar {
		row(cs, "Today, "+clock(cs.LastAt.In(c.zone)), "same rule and group")
	}
	for _, cs := range k.Earlier {
		row(cs, moment(cs.OpenedAt.In(c.zone), now), "same person")
	}
	return out
}

// readView is one time that somebody was shown the case's words.
type readView struct{ When, Who, What, Reason string }

func (c *Console) readers(k casework.CaseView, now time.Time) []readView {
	var out []readView
	for _, r := range k.Reads {
		what := "opened it"
		switch r.Action {
		case audit.QueueRead:
			what = "saw it in the list"
		case audit.CasesExported:
			what = "took it out of Lapwing"
		}
		who := orWord(r.Who, "Somebody")
		if r.You {
			who = "You"
		}
		out = append(out, readView{moment(r.At.In(c.zone), now), who, what, r.Reason})
	}
	return out
}
