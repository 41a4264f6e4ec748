package console

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
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
	Passed         string // a case just passed on, likewise
	Returned       string // a case just given back, which the viewer may not see any more
	ServerRead     string
	Waiting        int // people who wait for the viewer to confirm a role
	Keys           bool
	Form           casesForm
	Key            string // of the form that closes cases together
	Whys           []option
	Outcomes       []option
	Low            int // cases on the page that may be closed together
	Together       *togetherDone
	Views          []savedView
	CanSave        bool
	Proof          proof
	Scope          string   // what the viewer sees, where that is not the whole school
	Glass          string   // until when the glass is broken, or ""
	Unreviewed     []string // for who keeps the record besides: a case that nobody may open
	Beyond         []string // notices that colleagues read the viewer's cases from beyond their own
}

// savedView is a saved filter as a tab.
type savedView struct {
	Name, Href string
	Current    bool
}

// Empty reports that nothing is listed.
func (v casesView) Empty() bool { return v.Shown == 0 }

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
	Version        uint64
	Select         bool // may be closed together with others
	Selected       bool
	Waits          string
	Outside        string // somebody from outside is asked
	Ask            string // what somebody who asked for help would like
	Escalated      bool
}

func (c *Console) casesPage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	v, err := c.casesView(r, id, readFilter(r.URL.Query()), casesForm{})
	if err != nil {
		return err
	}
	if ref, err := caseflow.ParseRef(r.URL.Query().Get("done")); err == nil {
		v.Done = string(ref)
	}
	if ref, err := caseflow.ParseRef(r.URL.Query().Get("returned")); err == nil {
		v.Returned = string(ref)
	}
	if ref, err := caseflow.ParseRef(r.URL.Query().Get("passed")); err == nil {
		v.Passed = string(ref)
	}
	return c.showCases(w, r, id, http.StatusOK, v)
}

// casesAgain shows the queue with a form that could not be taken.
func (c *Console) casesAgain(w http.ResponseWriter, r *http.Request, id auth.Identity, f caseFilter, form casesForm) error {
	v, err := c.casesView(r, id, f, form)
	if err != nil {
		return err
	}
	return c.showCases(w, r, id, http.StatusUnprocessableEntity, v)
}

func (c *Console) showCases(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, v casesView) error {
	view := view{chrome: c.chrome(id, "/cases"), Title: "Cases to review", Content: v}
	view.Live = v.Live != ""
	return c.pages.write(w, r, status, "cases", view)
}

func (c *Console) casesView(r *http.Request, id auth.Identity, f caseFilter, form casesForm) (casesView, error) {
	ctx := r.Context()
	now := c.now().In(c.zone)
	// The position is read before the list: a change in between shows twice, never not at all.
	at, err := id.Tenant.Position(ctx, id.Actor)
	if err != nil {
		return casesView{}, fmt.Errorf("read position: %w", err)
	}
	if err := c.fillFilter(r, id, &f, now); err != nil {
		return casesView{}, err
	}
	q, err := c.cases.Queue(ctx, id.Tenant, id.Actor, f.query(id.User.ID, now))
	if errors.Is(err, store.ErrInvalid) {
		return casesView{}, errMissing // a page address that was made up
	} else if err != nil {
		return casesView{}, fmt.Errorf("read queue: %w", err)
	}
	v := casesView{Covered: id.User.CoverWords, Back: f.address("", ""), Filter: f, Total: q.Total, Shown: len(q.Rows), Form: form, Key: rand.Text(),
		Keys: !id.User.NoShortcuts, Groups: c.groups(q, id.User.CoverWords, now)}
	v.Sentence, v.Rest = c.queueSentence(f, q)
	if v.Tabs, err = c.caseTabs(r, id, f, now); err != nil {
		return casesView{}, err
	}
	v.views(id, f)
	v.selectable(id, q, form)
	if f.After == "" && f.Show != "closed" {
		v.Live = "/cases/live?after=" + url.QueryEscape(string(at))
	}
	if q.Next != "" {
		v.Next = f.address("after", q.Next)
	}
	if s := q.ServerRead; s != nil {
		v.ServerRead = fmt.Sprintf("Content was read on the server itself by the account %s, %s.", s.Actor, moment(s.At.In(c.zone), now))
	}
	if v.Waiting, err = c.waiting(ctx, id); err != nil {
		return casesView{}, err
	}
	if v.Unreviewed, err = c.unreviewed(r, id); err != nil {
		return casesView{}, err
	}
	if v.Empty() {
		if v.Proof, err = c.proofOf(r, id, now); err != nil {
			return casesView{}, err
		}
	}
	if id.Actor.Scope.Limited() {
		v.Scope, v.Glass = reachWords(id.Actor.Scope.Years, id.Actor.Scope.Sites), c.glassUntil(id)
	}
	reads, err := c.cases.GlassReads(ctx, id.Tenant, id.Actor)
	if err != nil {
		return casesView{}, fmt.Errorf("read notices: %w", err)
	}
	for _, g := range reads {
		v.Beyond = append(v.Beyond, fmt.Sprintf("%s opened case %s from beyond their own years or sites, %s.", g.By, g.Ref, moment(g.At.In(c.zone), now)))
	}
	for _, row := range q.Rows {
		if f.Show != "closed" && (!row.Claim.Held || row.Claim.Yours) {
			v.First = string(row.Case.Ref)
			break
		}
	}
	return v, nil
}

// fillFilter reads what stands sealed in the filter, and what its form offers.
func (c *Console) fillFilter(r *http.Request, id auth.Identity, f *caseFilter, now time.Time) error {
	if f.Person != "" {
		var ok bool
		if f.found, ok = c.searches.open(id, f.Person, now); !ok {
			f.Person = "" // over, or somebody else's
		}
	}
	if f.Device != "" {
		d, err := id.Tenant.Device(r.Context(), f.Device)
		switch {
		case errors.Is(err, store.ErrNotFound):
			f.Host = "not known"
		case err != nil:
			return fmt.Errorf("read device: %w", err)
		default:
			f.Host = cmp.Or(d.Report.Host, d.Host)
		}
	}
	years, _, err := id.Tenant.Years(r.Context())
	if err != nil {
		return fmt.Errorf("read years: %w", err)
	}
	f.options(years)
	return nil
}

// views are the person's saved filters; each is a tab.
func (v *casesView) views(id auth.Identity, f caseFilter) {
	here := f.parts().Encode()
	v.CanSave = len(f.Chips) > 0 && f.Person == ""
	for _, s := range id.User.Views {
		current := s.Query == here
		v.Views = append(v.Views, savedView{s.Name, "/cases?" + s.Query, current})
		if current {
			v.CanSave = false
			for i := range v.Tabs {
				v.Tabs[i].Current = false
			}
		}
	}
}

// selectable marks the cases that may be closed with one reason.
func (v *casesView) selectable(id auth.Identity, q casework.QueueView, form casesForm) {
	may := map[caseflow.Ref]bool{}
	for _, row := range q.Rows {
		may[row.Case.Ref] = row.Group == caseflow.GroupLater && caseflow.MayCloseTogether(row.Case, id.Actor, q.Now) == nil
	}
	for g := range v.Groups {
		for i := range v.Groups[g].Rows {
			row := &v.Groups[g].Rows[i]
			if row.Select = may[row.Ref]; row.Select {
				v.Low++
				row.Selected = form.Selected[string(row.Ref)]
			}
		}
	}
	v.Outcomes = []option{{"", "Choose", form.Outcome == ""}}
	for _, o := range caseflow.TogetherOutcomes() {
		v.Outcomes = append(v.Outcomes, option{string(o), outcomeWord(o), o == form.Outcome})
	}
	v.Whys = []option{{"", "Only for a false alarm", form.Why == ""}}
	for _, y := range caseflow.WhysFalse() {
		v.Whys = append(v.Whys, option{string(y), bulkWhyWords[y], y == form.Why})
	}
}

var bulkWhyWords = map[caseflow.WhyFalse]string{
	caseflow.WhyLesson: "School work", caseflow.WhyQuote: "A song, film, game or news", caseflow.WhyMeaning: "The words mean something else here",
	caseflow.WhyName: "A name, place or title", caseflow.WhyJoke: "Between friends, nobody was hurt", caseflow.WhyTest: "Somebody tried Lapwing out",
	caseflow.WhyOther: "Something else: the reason says what",
}

// caseTabs counts each tab without unsealing anything.
func (c *Console) caseTabs(r *http.Request, id auth.Identity, f caseFilter, now time.Time) ([]tab, error) {
	tabs := []tab{{Label: "To review"}, {Label: "Mine"}, {Label: "Waiting on others"}, {Label: "Closed this week"}}
	for i, show := range []string{"", "mine", "waiting", "closed"} {
		plain := caseFilter{Show: show}
		tabs[i].Href, tabs[i].Current = plain.address("", ""), f.Show == show
		q := plain.query(id.User.ID, now)
		q.Now, q.CountOnly = now, true
		page, err := id.Tenant.Queue(r.Context(), caseflow.Working(id.Actor), q)
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
		Due: dueWords(r.Due.In(c.zone), now, r.Late), Claim: newClaimWords(r.Claim, c.zone, now), Exempt: r.Exemption, Version: k.Version,
		Escalated: k.Escalated.To != "", Ask: askChip(r.Ask), Outside: outside(k)}
	if k.DownRanked() {
		row.Due = due{Word: "when you can", Date: "exempt"}
	}
	if k.Waits(now) {
		row.Waits = "Waiting on others until " + moment(k.Waiting.Until.In(c.zone), now)
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
		return plural(q.Total, "case was closed", "cases were closed") + map[bool]string{true: " this week.", false: "."}[f.From == "" && f.Until == ""], ""
	case q.Total == 0 && len(f.Chips) > 0:
		return "No case matches.", ""
	case q.Total == 0 && f.Show == "mine":
		return "You hold no case.", ""
	case f.Show == "waiting":
		return plural(q.Total, "case waits on somebody else.", "cases wait on somebody else."), ""
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
	case s.Held > 0:
		first = upper(more) + plural(s.Held, "critical case is", "critical cases are") + " claimed, and not closed yet."
	case s.Late > 0:
		first = upper(more) + plural(s.Late, "case is past its time.", "cases are past their time.")
	case s.Soon > 0:
		first = upper(more) + plural(s.Soon, "case is due by ", "cases are due by ") + clock(s.SoonBy.In(c.zone)) + "."
	default:
		return "Nothing is urgent.", plural(q.Total, "case can wait", "cases can wait") + " until you have time."
	}
	if s.Critical > 0 && s.Held > 0 {
		rest += plural(s.Held, "more is", "more are") + " claimed. "
	}
	if s.Critical+s.Held > 0 && s.Late > 0 {
		rest += plural(s.Late, "more is", "more are") + " past " + map[bool]string{true: "its", false: "their"}[s.Late == 1] + " time. "
	}
	if s.Critical+s.Held+s.Late > 0 && s.Soon > 0 {
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
