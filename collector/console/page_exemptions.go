package console

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/exemption"
	"github.com/lapwing-schools/lapwing/collector/oversight"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// exemptionsView lists what is asked for, in force, coming and over.
type exemptionsView struct {
	Sentence, Rest string
	Groups         []exemptionGroup
	MayAsk         bool
	Conflict       string
	Errors         []fieldError
}

type exemptionGroup struct {
	Title string
	Rows  []exemptionRow
}

type exemptionRow struct {
	ID      string
	Version uint64
	Title   string
	Chip    string // how it stands now
	Kind    string
	When    string
	Where   string
	What    string
	Asker   string
	Reason  string
	Risk    string
	History []stepRow
	// What the viewer may do.
	Approve, Withdraw, Revoke bool
	Note                      string
	Errors                    []fieldError
}

// FieldError is the message for one field, or "".
func (r exemptionRow) FieldError(field string) string { return messageFor(r.Errors, field) }

type stepRow struct{ When, What, Note string }

func (c *Console) exemptions(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showExemptions(w, r, id, http.StatusOK, exemptionRow{}, "")
}

// showExemptions draws the list; filled is the form that came back, if one did.
func (c *Console) showExemptions(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, filled exemptionRow, conflict string) error {
	all, err := c.oversight.Exemptions(r.Context(), id.Tenant, id.Actor)
	if err != nil {
		return fmt.Errorf("list exemptions: %w", err)
	}
	may, err := c.oversight.Delegated(r.Context(), id.Tenant)
	if err != nil {
		return fmt.Errorf("list exemptions: %w", err)
	}
	titles := c.ruleTitles()
	now := c.now()
	groups := []exemptionGroup{{Title: "Waiting for approval"}, {Title: "In force now"}, {Title: "Coming"}, {Title: "Ended"}}
	for _, e := range all {
		row := c.exemptionRow(e, titles, now)
		row.Approve = e.State == exemption.Proposed && caseflow.MayApprove(id.Actor, e.Author, may)
		row.Withdraw = e.State == exemption.Proposed && e.Author.User == id.User.ID
		row.Revoke = e.InForce(now) && caseflow.MayRevoke(id.Actor, may)
		if e.ID == filled.ID {
			row.Note, row.Errors = filled.Note, filled.Errors
		}
		at := 3
		switch {
		case e.State == exemption.Proposed && !e.Over(now):
			at = 0
		case e.InForce(now) && now.Before(e.From):
			at = 2
		case e.InForce(now):
			at = 1
		}
		groups[at].Rows = append(groups[at].Rows, row)
	}
	v := exemptionsView{MayAsk: caseflow.MayPropose(id.Actor), Conflict: conflict, Errors: filled.Errors}
	v.Sentence = plural(len(groups[1].Rows), "exemption is in force now.", "exemptions are in force now.")
	if len(groups[1].Rows) == 0 {
		v.Sentence = "No exemption is in force now."
	}
	if n := len(groups[0].Rows); n > 0 {
		v.Rest = plural(n, "waits", "wait") + " for approval. "
	}
	v.Rest += "What is exempt is kept, marked and put lower in the list. Suicide, self-harm, requests for help and anything about staff are never exempt."
	v.Groups = slices.DeleteFunc(groups, func(g exemptionGroup) bool { return len(g.Rows) == 0 })
	return c.pages.write(w, r, status, "exemptions", view{chrome: c.chrome(id, "/exemptions"), Title: titleOf("Exemptions", filled.Errors), Content: v})
}

func titleOf(title string, errs []fieldError) string {
	if len(errs) > 0 {
		return "Error: " + title
	}
	return title
}

func (c *Console) ruleTitles() map[string]string {
	titles := map[string]string{}
	for _, r := range c.rulesOf() {
		titles[r.ID] = r.Title
	}
	return titles
}

func (c *Console) exemptionRow(e exemption.Exemption, titles map[string]string, now time.Time) exemptionRow {
	row := exemptionRow{ID: e.ID, Version: e.Version, Title: e.Title, Kind: map[exemption.Kind]string{exemption.Lesson: "Lesson", exemption.Exam: "Exam"}[e.Kind],
		Asker: c.askedBy(e, now), Reason: e.Reason, Risk: e.RiskNote, When: c.exemptionTimes(e.Terms)}
	switch {
	case e.State == exemption.Approved && !e.Over(now):
		row.Chip = "Exempt until " + exemption.LastDay(e.Until, c.zone).Format("2 January")
	case e.State == exemption.Approved:
		row.Chip = "Ended " + exemption.LastDay(e.Until, c.zone).Format("2 January")
	case e.State == exemption.Proposed && e.Over(now):
		row.Chip = "Ended before anybody decided"
	default:
		row.Chip = map[exemption.State]string{exemption.Proposed: "Waits for approval", exemption.Refused: "Refused", exemption.Withdrawn: "Taken back", exemption.Revoked: "Revoked"}[e.State]
	}
	var whom []string
	for _, y := range e.Years {
		whom = append(whom, yearWords(y))
	}
	row.Where = strings.Join(whom, ", ")
	if len(e.Classes) > 0 {
		var classes []string
		for _, k := range e.Classes {
			classes = append(classes, k.Title)
		}
		in := "class " + strings.Join(classes, ", ")
		if len(classes) > 1 {
			in = "classes " + strings.Join(classes, ", ")
		}
		row.Where = strings.TrimPrefix(row.Where+" in "+in, " in ")
	}
	if on := strings.Join(e.Groups, ", "); row.Where != "" && on != "" {
		row.Where += " on " + on
	} else {
		row.Where += on
	}
	row.Where = orWord(row.Where, "The whole school")
	var what []string
	for _, cat := range e.Categories {
		what = append(what, categoryWord(cat))
	}
	for _, rule := range e.Rules {
		what = append(what, "rule “"+orWord(titles[rule], rule)+"”")
	}
	row.What = strings.Join(what, ", ")
	does := map[exemption.State]string{exemption.Proposed: "asked for it", exemption.Approved: "approved it", exemption.Refused: "refused it", exemption.Withdrawn: "took it back", exemption.Revoked: "revoked it"}
	for _, s := range slices.Backward(e.Steps) {
		row.History = append(row.History, stepRow{moment(s.At.In(c.zone), now.In(c.zone)), s.Name + " " + does[s.Did], s.Note})
	}
	return row
}

// askedBy says who asked and when, and who entered it.
func (c *Console) askedBy(e exemption.Exemption, now time.Time) string {
	first := e.Proposal()
	entered := orWord(first.Name, "somebody") + ", " + moment(first.At.In(c.zone), now.In(c.zone))
	if e.Asker == "" {
		return entered
	}
	asked := e.Asker
	if !e.Asked.IsZero() {
		asked += ", " + e.Asked.In(c.zone).Format("2 January 2006")
	}
	return asked + "; entered by " + entered
}

func yearWords(y string) string {
	if _, err := strconv.Atoi(y); err == nil {
		return "Year " + y
	}
	return y
}

// exemptionTimes is "9 to 20 November 2026, Monday and Wednesday, 9:00am to 10:00am".
func (c *Console) exemptionTimes(t exemption.Terms) string {
	from, last := t.From.In(c.zone), exemption.LastDay(t.Until, c.zone)
	words := from.Format("2 January 2006") + " to " + last.Format("2 January 2006")
	if sameDay(from, last) {
		words = last.Format("Monday 2 January 2006")
	}
	if len(t.Weekdays) > 0 {
		var days []string
		for _, d := range t.Weekdays {
			days = append(days, d.String())
		}
		words += ", " + strings.Join(days, ", ")
	}
	if t.Start != 0 || t.End != 0 {
		at := func(m int) string { return clock(time.Date(2000, 1, 1, 0, m, 0, 0, time.UTC)) }
		words += ", " + at(t.Start) + " to " + at(t.End)
	}
	return words
}

// askView is the form for a new exemption, as filled in so far.
type askView struct {
	Key         string
	Kinds       []choice
	Title       string
	Asker       string
	Asked       string // day
	Groups      []choice
	Years       []choice
	Classes     []choice
	ClassesOpen bool
	Categories  []choice
	Rules       []choice
	RulesOpen   bool
	From        string
	Until       string
	Weekdays    []choice
	Start, End  string
	Reason      string
	Risk        string
	Errors      []fieldError
}

// FieldError is the message for one field, or "".
func (v askView) FieldError(field string) string { return messageFor(v.Errors, field) }

// askOrder is the order of the form's fields, for the summary of errors.
var askOrder = []string{"kind", "title", "asker", "asked", "groups", "years", "classes", "categories", "rules", "from", "until", "weekdays", "start", "end", "reason", "risk"}

func (c *Console) askForm(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	form := url.Values{"kind": {string(exemption.Lesson)}}
	if rule := r.URL.Query().Get("rule"); rule != "" {
		form.Set("rules", rule)
	}
	return c.showAsk(w, r, id, http.StatusOK, form, nil)
}

func (c *Console) showAsk(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, form url.Values, errs []fieldError) error {
	choices, err := c.oversight.Choices(r.Context(), id.Tenant)
	if err != nil {
		return fmt.Errorf("ask for exemption: %w", err)
	}
	v := askView{Key: orWord(form.Get("key"), rand.Text()), Title: form.Get("title"), Asker: form.Get("asker"), Asked: form.Get("asked"), From: form.Get("from"), Until: form.Get("until"),
		Start: form.Get("start"), End: form.Get("end"), Reason: form.Get("reason"), Risk: form.Get("risk"), Errors: errs}
	pick := func(field, value, label string) choice {
		return choice{value, label, slices.Contains(form[field], value)}
	}
	v.Kinds = []choice{pick("kind", string(exemption.Lesson), "A lesson"), pick("kind", string(exemption.Exam), "An exam: the same for exam rooms, or the whole school")}
	for _, g := range choices.Groups {
		v.Groups = append(v.Groups, pick("groups", g, g))
	}
	for _, k := range choices.Classes {
		v.Classes = append(v.Classes, pick("classes", k.ID, k.Title))
	}
	v.ClassesOpen = len(form["classes"]) > 0 || messageFor(errs, "classes") != ""
	for _, y := range choices.Years {
		v.Years = append(v.Years, pick("years", y, yearWords(y)))
	}
	for _, cat := range vocab.RuleCategories() {
		if caseflow.MayBeExempt(cat) {
			v.Categories = append(v.Categories, pick("categories", string(cat), categoryWord(cat)))
		}
	}
	for _, rule := range c.rulesOf() {
		if len(rule.Categories) > 0 && caseflow.MayBeExempt(rule.Categories[0]) {
			v.Rules = append(v.Rules, pick("rules", rule.ID, rule.Title+" ("+strings.ToLower(categoryWord(rule.Categories[0]))+")"))
		}
	}
	v.RulesOpen = len(form["rules"]) > 0
	for d := time.Monday; d <= time.Saturday; d++ {
		v.Weekdays = append(v.Weekdays, pick("weekdays", strconv.Itoa(int(d)), d.String()))
	}
	v.Weekdays = append(v.Weekdays, pick("weekdays", "0", "Sunday"))
	return c.pages.write(w, r, status, "exemption-ask", view{chrome: c.chrome(id, "/exemptions"), Title: titleOf("Ask for an exemption", errs), Content: v})
}

func (c *Console) askExemption(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	form := r.PostForm
	terms, errs := c.readTerms(form)
	var err error
	if len(errs) == 0 {
		err = c.oversight.Ask(r.Context(), id.Tenant, id.Actor, id.Who(), form.Get("key"), terms)
		errs, err = formErrors(err)
	}
	if err != nil {
		return fmt.Errorf("ask for exemption: %w", err)
	}
	if len(errs) > 0 {
		slices.SortStableFunc(errs, func(a, b fieldError) int { return slices.Index(askOrder, a.Field) - slices.Index(askOrder, b.Field) })
		return c.showAsk(w, r, id, http.StatusUnprocessableEntity, form, errs)
	}
	http.Redirect(w, r, "/exemptions", http.StatusSeeOther)
	return nil
}

// readTerms reads what needs more than a trim; the domain judges the rest.
func (c *Console) readTerms(form url.Values) (t exemption.Terms, errs []fieldError) {
	t = exemption.Terms{Kind: exemption.Kind(form.Get("kind")), Title: form.Get("title"), Asker: form.Get("asker"), Groups: form["groups"], Years: form["years"],
		Rules: form["rules"], Reason: form.Get("reason"), RiskNote: form.Get("risk")}
	for _, cat := range form["categories"] {
		t.Categories = append(t.Categories, vocab.Category(cat))
	}
	for _, id := range form["classes"] {
		t.Classes = append(t.Classes, exemption.Class{ID: id})
	}
	for _, d := range form["weekdays"] {
		n, err := strconv.Atoi(d)
		if err != nil {
			n = -1 // none of the list
		}
		t.Weekdays = append(t.Weekdays, time.Weekday(n))
	}
	slices.Sort(t.Weekdays)
	date := func(field string) (d time.Time) {
		d, err := time.ParseInLocation(time.DateOnly, form.Get(field), c.zone)
		if err != nil && form.Get(field) != "" {
			errs = append(errs, fieldError{field, "Enter a date with day, month and year, for example 2026-11-20."})
		}
		return d
	}
	t.From, t.Asked = date("from"), date("asked")
	if last := date("until"); !last.IsZero() {
		t.Until = last.AddDate(0, 0, 1) // the last day is part of it
	}
	minute := func(field string) int {
		if form.Get(field) == "" {
			return 0
		}
		at, err := time.Parse("15:04", form.Get(field))
		if err != nil {
			errs = append(errs, fieldError{field, "Enter a time, for example 09:00."})
		}
		return at.Hour()*60 + at.Minute()
	}
	t.Start, t.End = minute("start"), minute("end")
	return t, errs
}

func (c *Console) decideExemption(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	to, ok := map[string]exemption.State{"approve": exemption.Approved, "refuse": exemption.Refused, "withdraw": exemption.Withdrawn, "revoke": exemption.Revoked}[r.PostForm.Get("act")]
	if !ok {
		return errMissing
	}
	f := decisionOf(r)
	err := c.oversight.DecideExemption(r.Context(), id.Tenant, id.Actor, id.Who(), f, to)
	if errors.As(err, new(oversight.StaleError)) {
		return c.showExemptions(w, r, id, http.StatusConflict, exemptionRow{}, "Somebody decided on this exemption before you did. Nothing was changed; here it is as it stands now.")
	}
	errs, err := formErrors(err)
	if err != nil {
		return fmt.Errorf("decide on exemption: %w", err)
	}
	if len(errs) > 0 {
		return c.showExemptions(w, r, id, http.StatusUnprocessableEntity, exemptionRow{ID: f.ID, Note: f.Note, Errors: named(errs, f.ID)}, "")
	}
	http.Redirect(w, r, "/exemptions#e-"+url.PathEscape(f.ID), http.StatusSeeOther)
	return nil
}

func decisionOf(r *http.Request) oversight.Form {
	f := oversight.Form{ID: r.PathValue("id"), Note: r.PostForm.Get("note")}
	f.Version, _ = strconv.ParseUint(r.PostForm.Get("version"), 10, 64)
	return f
}

// named gives a field of one form among many its own name.
func named(errs []fieldError, id string) []fieldError {
	for i := range errs {
		errs[i].Field = "note-" + id
	}
	return errs
}

// formErrors parts the refusals that a form shows from faults.
func formErrors(err error) ([]fieldError, error) {
	var one *caseflow.InvalidError
	if errors.As(err, &one) {
		return []fieldError{{one.Field, one.Message}}, nil
	}
	var many interface {
		Refusals() []*caseflow.InvalidError
	}
	if errors.As(err, &many) {
		var errs []fieldError
		for _, e := range many.Refusals() {
			errs = append(errs, fieldError{e.Field, e.Message})
		}
		return errs, nil
	}
	return nil, err
}
