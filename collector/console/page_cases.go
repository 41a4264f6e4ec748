package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// queuePage is how many rows a page of the queue has: four screens.
const queuePage = 50

// casesView is the queue.
type casesView struct {
	Sentence, Rest string
	First          string // reference of the case to start with, or ""
	Covered        bool
	Back           string // this page, for the preference forms
	Tabs           []tab
	Filter         caseFilter
	Groups         []caseGroup
	Total          int
	Shown          int
	Next           string
	Live           string // address of the live stream
	Done           string // a case just closed
	ServerRead     string
	Waiting        int // people who wait for the viewer to confirm a role
	Keys           bool
}

// Empty reports that nothing is listed.
func (v casesView) Empty() bool { return v.Shown == 0 }

// caseFilter is what the address asks for. Unknown words are left out, so a
// filter that is not shown is never in force.
type caseFilter struct {
	Show     string // "", mine or closed
	Category vocab.Category
	Severity vocab.Severity
	After    string

	Categories []option
	Severities []option
	Chips      []chip
}

type option struct {
	Value, Label string
	Chosen       bool
}

// chip is an active filter and the address without it.
type chip struct{ Label, Without string }

// caseGroup is one of the groups of the queue, in the domain's order.
type caseGroup struct {
	Key, Title, Sub string
	Rows            []caseRow
}

// caseRow is a case, judged without opening it.
type caseRow struct {
	Ref            caseflow.Ref
	Name           string
	Unmatched      bool
	Year           string
	Flags          []string
	Severity       severity
	Category       string
	Captures, Rule string
	Place          string
	When           string // the newest capture was typed, or ""
	Words          words
	Due            due
	Claim          claimWords
	Outcome        string // of a closed case
	Exempt         string // what covers it, or ""
	ClaimButton    bool
}

func (c *Console) casesPage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	v, err := c.casesView(r, id)
	if err != nil {
		return err
	}
	view := view{chrome: c.chrome(id, "/cases"), Title: "Cases to review", Content: v}
	view.Live = v.Live != ""
	return c.pages.write(w, r, http.StatusOK, "cases", view)
}

func (c *Console) casesView(r *http.Request, id auth.Identity) (casesView, error) {
	ctx := r.Context()
	// The position is read before the list: a change in between shows twice, never not at all.
	at, err := id.Tenant.Position(ctx, id.Actor)
	if err != nil {
		return casesView{}, fmt.Errorf("read position: %w", err)
	}
	f := readFilter(r.URL.Query())
	q, err := c.cases.Queue(ctx, id.Tenant, id.Actor, f.query(id.User.ID))
	if errors.Is(err, store.ErrInvalid) {
		return casesView{}, errMissing // a page address that was made up
	} else if err != nil {
		return casesView{}, fmt.Errorf("read queue: %w", err)
	}
	now := c.now().In(c.zone)
	v := casesView{Covered: id.User.CoverWords, Back: f.address("", ""), Filter: f, Total: q.Total, Shown: len(q.Rows),
		Keys: !id.User.NoShortcuts, Groups: c.groups(q, id.User.CoverWords, now)}
	v.Sentence, v.Rest = c.queueSentence(f, q)
	if v.Tabs, err = c.caseTabs(r, id, f, q.Total); err != nil {
		return casesView{}, err
	}
	if f.After == "" && f.Show != "closed" {
		v.Live = "/cases/live?after=" + url.QueryEscape(string(at))
	}
	if q.Next != "" {
		v.Next = f.address("after", q.Next)
	}
	if ref, err := caseflow.ParseRef(r.URL.Query().Get("done")); err == nil {
		v.Done = string(ref)
	}
	if s := q.ServerRead; s != nil {
		v.ServerRead = fmt.Sprintf("Content was read on the server itself by the account %s, %s.", s.Actor, moment(s.At.In(c.zone), now))
	}
	if v.Waiting, err = c.waiting(ctx, id); err != nil {
		return casesView{}, err
	}
	for _, row := range q.Rows {
		if f.Show != "closed" && (!row.Claim.Held || row.Claim.Yours) {
			v.First = string(row.Case.Ref)
			break
		}
	}
	return v, nil
}

func readFilter(q url.Values) caseFilter {
	var f caseFilter
	if s := q.Get("show"); s == "mine" || s == "closed" {
		f.Show = s
	}
	if cat := vocab.Category(q.Get("category")); cat.Valid() {
		f.Category = cat
	}
	if sev, err := vocab.ParseSeverity(q.Get("severity")); err == nil {
		f.Severity = sev
	}
	if a := q.Get("after"); len(a) <= 512 {
		f.After = a
	}
	f.Categories = []option{{"", "All categories", f.Category == ""}}
	for _, cat := range vocab.Categories() {
		f.Categories = append(f.Categories, option{string(cat), categoryWord(cat), cat == f.Category})
	}
	f.Severities = []option{{"", "Any severity", f.Severity == 0}}
	for s := vocab.Critical; s >= vocab.Low; s-- {
		f.Severities = append(f.Severities, option{s.String(), severityWords[s], s == f.Severity})
	}
	if f.Category != "" {
		f.Chips = append(f.Chips, chip{categoryWord(f.Category), f.address("category", "")})
	}
	if f.Severity != 0 {
		f.Chips = append(f.Chips, chip{severityWords[f.Severity], f.address("severity", "")})
	}
	return f
}

// address is the queue's address under this filter with one part changed. A
// change of filter starts at the first page.
func (f caseFilter) address(part, value string) string {
	q := url.Values{}
	set := func(k, v string) {
		if k == part {
			v = value
		}
		if v != "" {
			q.Set(k, v)
		}
	}
	set("show", f.Show)
	set("category", string(f.Category))
	if f.Severity != 0 {
		set("severity", f.Severity.String())
	}
	if part == "after" {
		set("after", "")
	}
	if len(q) == 0 {
		return "/cases"
	}
	return "/cases?" + q.Encode()
}

func (f caseFilter) query(me caseflow.UserID) store.QueueQuery {
	q := store.QueueQuery{Category: f.Category, Severity: f.Severity, Cursor: f.After, Limit: queuePage}
	switch f.Show {
	case "mine":
		q.Owner = me
		q.States = []caseflow.State{caseflow.Claimed}
	case "closed":
		q.States = []caseflow.State{caseflow.Closed}
	}
	return q
}

// caseTabs counts each tab without unsealing anything.
func (c *Console) caseTabs(r *http.Request, id auth.Identity, f caseFilter, total int) ([]tab, error) {
	tabs := []tab{{Label: "To review", Href: "/cases", Current: f.Show == ""},
		{Label: "Mine", Href: "/cases?show=mine", Current: f.Show == "mine"},
		{Label: "Closed", Href: "/cases?show=closed", Current: f.Show == "closed"}}
	for i, show := range []string{"", "mine", "closed"} {
		if show == f.Show && len(f.Chips) == 0 && f.After == "" {
			tabs[i].Count = total
			continue
		}
		q := caseFilter{Show: show}.query(id.User.ID)
		q.Limit, q.Now = 1, c.now()
		page, err := id.Tenant.Queue(r.Context(), id.Actor, q)
		if err != nil {
			return nil, fmt.Errorf("count cases: %w", err)
		}
		tabs[i].Count = page.Total
	}
	return tabs, nil
}

// groups cuts the ordered rows where the domain's groups change.
func (c *Console) groups(q casework.QueueView, covered bool, now time.Time) []caseGroup {
	all := []caseGroup{
		{Key: "now", Title: "Now", Sub: "critical, or past its time"}, {Key: "soon", Title: "Today"},
		{Key: "later", Title: "When you can"}, {Key: "closed", Title: "Closed", Sub: "the last one first"},
	}
	for _, row := range q.Rows {
		g := min(max(int(row.Group), 1), len(all)) - 1
		all[g].Rows = append(all[g].Rows, c.row(row, covered, now))
	}
	if s := q.Summary; s.Soon > 0 {
		by := s.SoonBy.In(c.zone)
		if !sameDay(by, now) {
			all[1].Title = "Next two hours"
		}
		all[1].Sub = plural(len(all[1].Rows), "case", "cases") + ", due by " + clock(by)
	}
	if n := len(all[2].Rows); n > 0 {
		all[2].Sub = plural(n, "case", "cases")
	}
	var out []caseGroup
	for _, g := range all {
		if len(g.Rows) > 0 {
			out = append(out, g)
		}
	}
	return out
}

func (c *Console) row(r casework.Row, covered bool, now time.Time) caseRow {
	k := r.Case
	row := caseRow{Ref: k.Ref, Name: personName(r.Person), Unmatched: r.Person.Unmatched && r.Person.Name != "", Year: r.Person.Year, Flags: flagChips(r.Person),
		Severity: severityGlyph(k.Severity), Category: categoryWord(k.Category), Captures: plural(k.Count, "capture", "captures"),
		Rule: r.RuleTitle, Place: placeOf(r.App, r.DeviceHost), Words: drawWords(r.Words, covered),
		Due: dueWords(r.Due.In(c.zone), now, r.Late), Claim: newClaimWords(r.Claim, c.zone, now), Exempt: r.Exemption}
	if r.Exemption != "" {
		row.Due = due{Word: "when you can", Date: "exempt"}
	}
	if !r.At.IsZero() {
		row.When = moment(r.At.In(c.zone), now)
	}
	if k.State == caseflow.Closed {
		row.Outcome = outcomeWord(k.Outcome)
		row.Due = due{Word: "Closed", Date: moment(k.ClosedAt.In(c.zone), now)}
	}
	row.ClaimButton = r.Group == caseflow.GroupNow && !r.Claim.Held
	return row
}

// queueSentence answers the visit in one sentence, from counts alone.
func (c *Console) queueSentence(f caseFilter, q casework.QueueView) (string, string) {
	switch {
	case f.After != "":
		return "Cases further down the list.", ""
	case f.Show == "closed":
		return plural(q.Total, "case is closed.", "cases are closed."), ""
	case q.Total == 0 && len(f.Chips) > 0:
		return "No case matches.", ""
	case q.Total == 0 && f.Show == "mine":
		return "You hold no case.", ""
	case q.Total == 0:
		return "No case waits.", ""
	}
	s := q.Summary
	more := ""
	if s.AtLeast {
		more = "at least "
	}
	first, rest := "", ""
	switch {
	case s.Critical > 0:
		first = upper(more) + plural(s.Critical, "critical case has waited ", "critical cases have waited, the longest ") + inWords(s.Waited) + "."
	case s.Late > 0:
		first = upper(more) + plural(s.Late, "case is past its time.", "cases are past their time.")
	case s.Soon > 0:
		first = upper(more) + plural(s.Soon, "case is due by ", "cases are due by ") + clock(s.SoonBy.In(c.zone)) + "."
	default:
		return "Nothing is urgent.", plural(q.Total, "case can wait", "cases can wait") + " until you have time."
	}
	if s.Critical > 0 && s.Late > 0 {
		rest += plural(s.Late, "more is", "more are") + " past " + map[bool]string{true: "its", false: "their"}[s.Late == 1] + " time. "
	}
	if s.Critical+s.Late > 0 && s.Soon > 0 {
		rest += plural(s.Soon, "more is", "more are") + " due by " + clock(s.SoonBy.In(c.zone)) + ". "
	}
	switch {
	case s.Rest == 1:
		rest += "The other one can wait."
	case s.Rest > 1:
		rest += "The other " + thousands(s.Rest) + " can wait."
	}
	return first, rest
}
