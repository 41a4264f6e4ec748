package console

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// caseView is one case and the form to decide it.
type caseView struct {
	Ref        caseflow.Ref
	Version    uint64
	Seen       string // severity shown, for the form
	Name       string
	Unmatched  bool
	Year       string
	Flags      []string
	Concerns   string // staff whom it names
	Account    string // as the device sent it, where Name is the directory's
	Severity   severity
	Category   string
	Due        due
	Claim      claimWords
	Closed     bool
	Outcome    string
	ClosedAt   string
	Exempt     string // what covers it, or ""
	Captures   string
	Top        *captureView // the newest that stands
	Rules      []ruleWhy
	Device     string
	DeviceHref string // only for those who may open devices
	Playbook   playbook.Playbook
	Days       []caseDay
	Kept       string
	Earlier    []earlierCase
	Moves      caseMoves
	Form       caseForm
	Live       string
	Back       string
	Done       string // the case closed just before, or ""
	Covered    bool
}

// Taken reports that somebody else holds the case, so it is not the viewer's to close.
func (v caseView) Taken() bool { return v.Claim.Held && !v.Claim.Yours }

// captureView is one capture in words.
type captureView struct {
	Source, When string
	Words        words
	App, Title   string
	Note         string // about its time or completeness, or ""
}

// ruleWhy is why a rule's hit weighs what it weighs.
type ruleWhy struct {
	Title, Pack     string
	Raised, Lowered string
}

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

type earlierCase struct {
	Ref                     caseflow.Ref
	When, Category, Outcome string
}

// caseMoves are the neighbours in the queue.
type caseMoves struct {
	Previous, Next caseflow.Ref
	Place          string // "2 of 28"
}

// caseForm is the decision as filled in so far, and what came of sending it.
type caseForm struct {
	Key      string
	Outcomes []option
	Note     string
	Reason   string
	Errors   []fieldError
	Conflict string
	Changes  []string // what happened since the page was opened
}

// FieldError returns the message for a field, or "".
func (f caseForm) FieldError(field string) string { return messageFor(f.Errors, field) }

func (c *Console) casePage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	ref, err := caseflow.ParseRef(r.PathValue("ref"))
	if err != nil {
		return errMissing
	}
	return c.showCase(w, r, id, http.StatusOK, ref, caseForm{})
}

// showCase reads the case as it is now and draws it around a form.
func (c *Console) showCase(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, ref caseflow.Ref, form caseForm) error {
	at, err := id.Tenant.Position(r.Context(), id.Actor)
	if err != nil {
		return fmt.Errorf("read position: %w", err)
	}
	k, err := c.cases.Open(r.Context(), id.Tenant, id.Actor, ref)
	if err != nil {
		return fmt.Errorf("open case: %w", err)
	}
	v := c.caseView(k, id)
	if form.Key == "" {
		form.Key = rand.Text()
	}
	if form.Outcomes == nil {
		form.Outcomes = outcomeOptions("")
	}
	v.Form = form
	if done, err := caseflow.ParseRef(r.URL.Query().Get("done")); err == nil {
		v.Done = string(done)
	}
	v.Live = "/cases/live?after=" + url.QueryEscape(string(at))
	if v.Moves, err = c.moves(r, id, ref); err != nil {
		return err
	}
	title := "Case " + string(ref)
	if len(form.Errors) > 0 {
		title = "Error: " + title
	}
	view := view{chrome: c.chrome(id, "/cases"), Title: title, Content: v}
	view.Live = true
	return c.pages.write(w, r, status, "case", view)
}

func outcomeOptions(chosen caseflow.Outcome) []option {
	var out []option
	for _, o := range []caseflow.Outcome{caseflow.NoConcern, caseflow.LowLevelNote, caseflow.PastoralSupport} { // the others ask for more than the form has yet
		out = append(out, option{string(o), outcomeWord(o), o == chosen})
	}
	return out
}

func (c *Console) caseView(k casework.CaseView, id auth.Identity) caseView {
	now := c.now().In(c.zone)
	cs := k.Case
	v := caseView{Ref: cs.Ref, Version: cs.Version, Seen: cs.Severity.String(), Name: personName(k.Person),
		Unmatched: k.Person.Unmatched && k.Person.Name != "", Year: k.Person.Year, Account: k.Person.Account, Concerns: strings.Join(k.Concerns, ", "), Flags: flagChips(k.Person), Severity: severityGlyph(cs.Severity), Category: categoryWord(cs.Category),
		Due: dueWords(cs.DueAt.In(c.zone), now, k.Late), Claim: newClaimWords(k.Claim, c.zone, now), Closed: cs.State == caseflow.Closed,
		Exempt: k.Exemption, Captures: captureSpan(cs), Device: k.DeviceHost, Playbook: k.Playbook,
		Back: "/cases/" + string(cs.Ref), Covered: id.User.CoverWords}
	if k.Exemption != "" {
		v.Due = due{Word: "when you can", Date: "exempt"}
	}
	if v.Closed {
		v.Outcome, v.ClosedAt = outcomeWord(cs.Outcome), moment(cs.ClosedAt.In(c.zone), now)
	}
	if fleetKeeper(id.Actor) && cs.Device != "" {
		v.DeviceHref = "/devices/" + url.PathEscape(string(cs.Device))
	}
	if top := newestStanding(k.Captures); top != nil {
		v.Top = c.captureView(*top, now, id.User.CoverWords)
		for _, rule := range top.Rules {
			v.Rules = append(v.Rules, whyRule(rule))
		}
	}
	v.Days = c.timeline(k, now, id.User.CoverWords)
	v.Kept = keptSentence(len(k.Captures))
	for _, e := range k.Earlier {
		outcome := "Not closed"
		if e.State == caseflow.Closed {
			outcome = outcomeWord(e.Outcome)
		}
		v.Earlier = append(v.Earlier, earlierCase{e.Ref, moment(e.OpenedAt.In(c.zone), now), categoryWord(e.Category), outcome})
	}
	return v
}

func keptSentence(n int) string {
	if n == 1 {
		return "This capture is all that Lapwing kept. What did not match never left the device."
	}
	return "These " + thousands(n) + " captures are all that Lapwing kept. What did not match never left the device."
}

// captureSpan is "3 in 12 minutes".
func captureSpan(cs caseflow.Case) string {
	if span := cs.LastAt.Sub(cs.FirstAt); cs.Count > 1 && span >= time.Minute {
		return thousands(cs.Count) + " in " + inWords(span)
	}
	return thousands(cs.Count)
}

func newestStanding(cs []casework.CaptureView) *casework.CaptureView {
	for i := range cs {
		if !cs[i].Withdrawn {
			return &cs[i]
		}
	}
	if len(cs) > 0 {
		return &cs[0]
	}
	return nil
}

func sourceWord(s triage.Source) string {
	switch lapwingv1.Source(s) {
	case lapwingv1.Source_SOURCE_WINDOW_TITLE:
		return "Window title"
	case lapwingv1.Source_SOURCE_PAGE_TITLE:
		return "Page title"
	}
	return "Typed text"
}

func (c *Console) captureView(k casework.CaptureView, now time.Time, covered bool) *captureView {
	v := &captureView{Source: sourceWord(k.Source), When: moment(k.At.In(c.zone), now), Words: drawWords(k.Words, covered), App: k.App, Title: k.Title}
	switch {
	case k.Withdrawn:
		v.Note = "The finished text no longer matched, so the device took this capture back."
	case k.Suspect:
		v.Note = "The device's clock was wrong; the time is when the words arrived."
	case !k.Final:
		v.Note = "The writer had not finished when this was sent; more of the sentence may follow."
	}
	if k.Count > 1 {
		v.Note = strings.TrimSpace(v.Note + " The same words came " + thousands(k.Count) + " times.")
	}
	return v
}

func whyRule(r triage.Rule) ruleWhy {
	return ruleWhy{Title: orWord(r.Title, r.ID), Pack: r.Pack,
		Raised: strings.Join(plainNames(r.RaisedBy), ", "), Lowered: strings.Join(plainNames(r.LoweredBy), ", ")}
}

// plainNames turns a pack's own condition names into words: said_to_someone → said to someone.
func plainNames(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.NewReplacer("_", " ", "-", " ").Replace(n)
	}
	return out
}

// timeline puts what happened by day, the newest first.
func (c *Console) timeline(k casework.CaseView, now time.Time, covered bool) []caseDay {
	var days []caseDay
	for _, it := range k.History {
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
				out.Detail = sourceWord(k.Captures[i].Source) + ", " + moment(k.Captures[i].At.In(c.zone), now)
			}
		}
	case casework.ItemClaimed:
		out.Detail = "until " + moment(it.Until.In(c.zone), now)
	case casework.ItemSeen:
		if wait := it.At.Sub(k.Case.OpenedAt); wait >= 0 {
			out.Detail = "First human eyes " + inWords(wait) + " after it came in"
		}
	case casework.ItemClosed:
		out.Detail = outcomeWord(it.Outcome)
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
	i.Title, i.Detail = sourceWord(cp.Source), severityWords[it.Severity]
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

// moves finds the case among those to review, in the queue's order. It reads
// references only. Beyond the first 200 there is no place to tell.
func (c *Console) moves(r *http.Request, id auth.Identity, ref caseflow.Ref) (caseMoves, error) {
	page, err := id.Tenant.Queue(r.Context(), id.Actor, store.QueueQuery{Now: c.now(), Limit: 200})
	if err != nil {
		return caseMoves{}, fmt.Errorf("read queue order: %w", err)
	}
	var m caseMoves
	for i, row := range page.Rows {
		if row.Case.Ref != ref {
			continue
		}
		m.Place = fmt.Sprintf("%d of %s", i+1, thousands(page.Total))
		if i > 0 {
			m.Previous = page.Rows[i-1].Case.Ref
		}
		if i+1 < len(page.Rows) {
			m.Next = page.Rows[i+1].Case.Ref
		}
	}
	return m, nil
}
