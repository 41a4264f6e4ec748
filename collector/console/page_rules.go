package console

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/oversight"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/tuning"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// rulesView lists the rules that hit, and those that have not.
type rulesView struct {
	Tabs           []tab
	Sentence, Rest string
	Rows, Quiet    []ruleRow
	Counted        bool
	MayTry         bool
}

type ruleRow struct {
	ID, Title, Category, Stands, Verdict string
	Hits                                 string
	Changed                              string // where the school has changed it
	Poor                                 bool   // wrong more often than right
}

func (c *Console) rulesOf() []tuning.Rule {
	if c.rules == nil {
		return nil
	}
	return c.rules.Rules()
}

func (c *Console) ruleTabs(current string, id auth.Identity) []tab {
	tabs := []tab{{Label: "Rules at work", Href: "/rules"}}
	if reviewer(id.Actor) {
		tabs = append(tabs, tab{Label: "Try a phrase", Href: "/rules/try"})
	}
	tabs = append(tabs, tab{Label: "Changes to monitoring", Href: "/rules/changes"})
	for i := range tabs {
		tabs[i].Current = tabs[i].Href == current
	}
	return tabs
}

func (c *Console) rulesPage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	all, err := c.oversight.Rules(r.Context(), id.Tenant, id.Actor)
	if err != nil {
		return fmt.Errorf("list rules: %w", err)
	}
	changes, err := c.oversight.Changes(r.Context(), id.Tenant, id.Actor)
	if err != nil {
		return fmt.Errorf("list rules: %w", err)
	}
	v := rulesView{Tabs: c.ruleTabs("/rules", id), MayTry: reviewer(id.Actor)}
	poor := 0
	for _, rule := range all {
		row := ruleRowOf(rule)
		v.Counted = v.Counted || rule.Counted
		if row.Poor {
			poor++
		}
		if rule.Hits+rule.Right+rule.Wrong > 0 || len(rule.Changed) > 0 {
			v.Rows = append(v.Rows, row)
		} else {
			v.Quiet = append(v.Quiet, row)
		}
	}
	waiting := len(slices.DeleteFunc(changes, func(c oversight.ChangeView) bool { return c.State != store.Proposed }))
	switch {
	case !v.Counted:
		v.Sentence = plural(len(all), "rule is on.", "rules are on.")
		v.Rest = "How often each was right is shown to those who review the cases. "
	case poor > 0:
		v.Sentence = plural(poor, "rule was a false alarm more often than not.", "rules were a false alarm more often than not.")
	default:
		v.Sentence = "No rule was a false alarm more often than not."
	}
	if waiting > 0 {
		v.Rest += plural(waiting, "change waits", "changes wait") + " for approval. "
	}
	if v.Counted {
		v.Rest += "A rule is right when its case was closed with any outcome but false alarm. The numbers are of the last 12 months, of the cases that you review."
	}
	return c.show(w, r, id, "rules", "/rules", "Rules at work", v)
}

func ruleRowOf(v oversight.RuleView) ruleRow {
	row := ruleRow{ID: v.ID, Title: v.Title, Category: categoriesWord(v.Categories), Stands: v.Words(), Hits: thousands(v.Hits), Poor: v.Wrong > v.Right,
		Verdict: upper(tuning.Precision(v.Right, v.Wrong))}
	row.Changed = strings.Join(changedWords(v), "; ")
	return row
}

func changedWords(v oversight.RuleView) (all []string) {
	for _, g := range v.Changed {
		all = append(all, g.Change.Words()+" "+placeWords(g.Group))
	}
	return all
}

func placeWords(group string) string {
	if group == "" {
		return "on all devices"
	}
	return "on " + group
}

func categoriesWord(cats []vocab.Category) string {
	var words []string
	for _, c := range cats {
		words = append(words, categoryWord(c))
	}
	return strings.Join(words, ", ")
}

// ruleView is one rule, what it looks for and what came of it.
type ruleView struct {
	ruleRow
	Tabs            []tab
	Pack            string
	For             string
	Counted         bool
	RightWords      string
	WrongWords      string
	NoConcern       int
	Whys            []string
	Months          []monthRow
	ExampleHit      []string
	ExampleMiss     []string
	ChangedHere     []string
	Changes         []changeRow
	MayPropose      bool
	MayExempt       bool
	Floored         bool
	Form            changeForm
	Conflict        string
	GroupsAvailable []choice
}

type monthRow struct {
	Month              string
	Hits, Right, Wrong int
}

// changeForm asks for a change, as filled in so far.
type changeForm struct {
	Key, Reason, Risk string
	Group             string
	Settings          []choice
	Levels            []choice
	Severities        []choice
	Errors            []fieldError
}

// FieldError is the message for one field, or "".
func (f changeForm) FieldError(field string) string { return messageFor(f.Errors, field) }

func (c *Console) rulePage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showRule(w, r, id, http.StatusOK, tuning.Form{}, nil)
}

func (c *Console) showRule(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, f tuning.Form, errs []fieldError) error {
	rule, changes, err := c.oversight.Rule(r.Context(), id.Tenant, id.Actor, r.PathValue("rule"))
	if err != nil {
		return fmt.Errorf("read rule: %w", err)
	}
	choices, err := c.oversight.Choices(r.Context(), id.Tenant)
	if err != nil {
		return fmt.Errorf("read rule: %w", err)
	}
	v := ruleView{ruleRow: ruleRowOf(rule), Tabs: c.ruleTabs("", id), Pack: fmt.Sprintf("%s (version %d of the rule)", rule.Pack, rule.Version), For: "Everybody",
		Counted: rule.Counted, RightWords: plural(rule.Right, "case", "cases"), WrongWords: plural(rule.Wrong, "case", "cases"), NoConcern: rule.NoConcern, ExampleHit: rule.Hit, ExampleMiss: rule.Miss,
		ChangedHere: changedWords(rule), MayPropose: caseflow.MayPropose(id.Actor), Floored: rulepack.Floored(rule.Categories)}
	v.MayExempt = v.MayPropose && caseflow.MayBeExempt(rule.Categories[0])
	if len(rule.Audience) == 1 {
		v.For = map[string]string{"pupil": "Pupils", "staff": "Staff"}[rule.Audience[0]]
	}
	for _, m := range rule.Months {
		v.Months = append(v.Months, monthRow{m.Month.Format("January 2006"), m.Hits, m.Right, m.Wrong})
	}
	for _, y := range rule.Whys {
		if y.N > 0 {
			v.Whys = append(v.Whys, whyFalseWord(y.Why)+": "+thousands(y.N))
		}
	}
	for _, ch := range changes {
		v.Changes = append(v.Changes, c.changeRow(ch))
	}
	v.GroupsAvailable = []choice{{"", "All devices", f.Group == ""}}
	for _, g := range choices.Groups {
		v.GroupsAvailable = append(v.GroupsAvailable, choice{g, g, f.Group == g})
	}
	v.Form = newChangeForm(rule.Rule, f, errs)
	return c.pages.write(w, r, status, "rule", view{chrome: c.chrome(id, "/rules"), Title: titleOf(rule.Title, errs), Content: v})
}

func newChangeForm(rule tuning.Rule, f tuning.Form, errs []fieldError) changeForm {
	form := changeForm{Key: orWord(f.ID, rand.Text()), Reason: f.Reason, Risk: f.RiskNote, Group: f.Group, Errors: errs}
	form.Settings = []choice{{string(tuning.Set), "Another level or severity", f.Setting == tuning.Set}}
	if !rulepack.Floored(rule.Categories) {
		form.Settings = append(form.Settings, choice{string(tuning.Off), "Off: it looks for nothing there", f.Setting == tuning.Off})
	}
	form.Settings = append(form.Settings, choice{string(tuning.AsPack), "As the pack has it (" + rule.Words() + ")", f.Setting == tuning.AsPack})
	level, severity := orWord(f.Level, rule.Level.String()), orWord(f.Severity, rule.Severity.String())
	form.Levels = []choice{{"alert", "Alert", level == "alert"}, {"log", "Log: kept, never notified, last in the list", level == "log"}}
	for s := vocab.Critical; s >= vocab.Low; s-- {
		form.Severities = append(form.Severities, choice{s.String(), severityWords[s], severity == s.String()})
	}
	return form
}

func whyFalseWord(w caseflow.WhyFalse) string {
	return map[caseflow.WhyFalse]string{caseflow.WhyLesson: "School work", caseflow.WhyQuote: "A song, film, game or news", caseflow.WhyMeaning: "The words mean something else",
		caseflow.WhyName: "A name or title", caseflow.WhyJoke: "A joke between friends", caseflow.WhyTest: "Somebody tried Lapwing out", caseflow.WhyOther: "Another reason"}[w]
}

func (c *Console) proposeChange(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	p := r.PostForm
	f := tuning.Form{ID: p.Get("key"), Group: p.Get("group"), Setting: tuning.Setting(p.Get("setting")), Level: p.Get("level"), Severity: p.Get("severity"),
		Reason: p.Get("reason"), RiskNote: p.Get("risk")}
	errs, err := formErrors(c.oversight.Propose(r.Context(), id.Tenant, id.Actor, id.Who(), r.PathValue("rule"), f))
	if err != nil {
		return fmt.Errorf("propose a change: %w", err)
	}
	if len(errs) > 0 {
		return c.showRule(w, r, id, http.StatusUnprocessableEntity, f, errs)
	}
	http.Redirect(w, r, "/rules/changes", http.StatusSeeOther)
	return nil
}

// changesView is the log of changes to monitoring, those that wait first.
type changesView struct {
	Tabs           []tab
	Sentence, Rest string
	Waiting, Past  []changeRow
	Versions       []versionRow
	Delegated      bool
	MayDelegate    bool
	Conflict       string
	Errors         []fieldError
}

type versionRow struct{ Group, Version, Since, By string }

type changeRow struct {
	ID, Rule, Title   string
	Version           uint64
	What, Place, Was  string
	Evidence          string
	Asked, Decided    string
	Reason, Risk      string
	Note              string
	State             string
	Approve, Withdraw bool
	Filled            string
	Errors            []fieldError
}

// FieldError is the message for one field, or "".
func (r changeRow) FieldError(field string) string { return messageFor(r.Errors, field) }

func (c *Console) changeRow(v oversight.ChangeView) changeRow {
	now := c.now().In(c.zone)
	row := changeRow{ID: v.ID, Rule: v.Rule, Title: v.Title, Version: v.Proposal.Version, What: v.Words(), Place: placeWords(v.Group), Was: v.Was, Evidence: v.Evidence,
		Asked: v.By.Name + ", " + moment(v.At.In(c.zone), now), Reason: v.Reason, Risk: v.RiskNote, Note: v.Note,
		State:   map[store.ProposalState]string{store.Proposed: "Waits for approval", store.Approved: "Approved", store.Refused: "Refused", store.Withdrawn: "Taken back"}[v.State],
		Approve: v.MayApprove, Withdraw: v.Yours}
	if !v.DecidedAt.IsZero() {
		row.Decided = v.Decided.Name + ", " + moment(v.DecidedAt.In(c.zone), now)
	}
	return row
}

func (c *Console) changesPage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showChanges(w, r, id, http.StatusOK, changeRow{}, "")
}

func (c *Console) showChanges(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, filled changeRow, conflict string) error {
	ctx := r.Context()
	changes, err := c.oversight.Changes(ctx, id.Tenant, id.Actor)
	if err != nil {
		return fmt.Errorf("list changes: %w", err)
	}
	v := changesView{Tabs: c.ruleTabs("/rules/changes", id), MayDelegate: caseflow.MayDelegate(id.Actor), Conflict: conflict, Errors: filled.Errors}
	if v.Delegated, err = c.oversight.Delegated(ctx, id.Tenant); err != nil {
		return fmt.Errorf("list changes: %w", err)
	}
	for _, ch := range changes {
		row := c.changeRow(ch)
		if row.ID == filled.ID {
			row.Filled, row.Errors = filled.Filled, filled.Errors
		}
		if ch.State == store.Proposed {
			v.Waiting = append(v.Waiting, row)
		} else {
			v.Past = append(v.Past, row)
		}
	}
	versions, err := c.oversight.Versions(ctx, id.Tenant, policy.Kind)
	if err != nil {
		return fmt.Errorf("list changes: %w", err)
	}
	now := c.now().In(c.zone)
	for _, d := range versions {
		by := d.Proposed.Name
		if d.Approved.Name != by {
			by += ", approved by " + d.Approved.Name
		}
		v.Versions = append(v.Versions, versionRow{d.Group, thousands(int(d.Version)), moment(d.Created.In(c.zone), now), by})
	}
	v.Sentence = plural(len(v.Waiting), "change waits", "changes wait") + " for approval."
	if len(v.Waiting) == 0 {
		v.Sentence = "No change waits for approval."
	}
	v.Rest = "One person proposes a change and another, the head teacher" + map[bool]string{true: " or a senior leader", false: ""}[v.Delegated] + ", approves it. Then it is signed into the policy that devices obey. Exemptions have their own page."
	return c.pages.write(w, r, status, "changes", view{chrome: c.chrome(id, "/rules"), Title: titleOf("Changes to monitoring", filled.Errors), Content: v})
}

func (c *Console) decideChange(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	to, ok := map[string]store.ProposalState{"approve": store.Approved, "refuse": store.Refused, "withdraw": store.Withdrawn}[r.PostForm.Get("act")]
	if !ok {
		return errMissing
	}
	f := decisionOf(r)
	err := c.oversight.DecideChange(r.Context(), id.Tenant, id.Actor, id.Who(), f, to)
	if errors.As(err, new(oversight.StaleError)) {
		return c.showChanges(w, r, id, http.StatusConflict, changeRow{}, "Somebody decided on this change before you did. Nothing was done; here it is as it stands now.")
	}
	errs, err := formErrors(err)
	if err != nil {
		return fmt.Errorf("decide on change: %w", err)
	}
	if len(errs) > 0 {
		return c.showChanges(w, r, id, http.StatusUnprocessableEntity, changeRow{ID: f.ID, Filled: f.Note, Errors: named(errs, f.ID)}, "")
	}
	http.Redirect(w, r, "/rules/changes", http.StatusSeeOther)
	return nil
}

func (c *Console) delegateApproval(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	if err := c.oversight.Delegate(r.Context(), id.Tenant, id.Actor, id.Who(), r.PostForm.Get("to") == "leadership"); err != nil {
		return fmt.Errorf("delegate: %w", err)
	}
	http.Redirect(w, r, "/rules/changes", http.StatusSeeOther)
	return nil
}

// Rules are the rules of the packs that are on.
type Rules interface {
	Rules() []tuning.Rule
}
