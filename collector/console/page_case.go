package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/playbook"
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
	Shared     bool
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
	Rules      whyRules
	Device     string
	Group      string    // of the device
	DeviceHref string    // only for those who may open devices
	Help       *helpView // of a request for help
	Playbook   playbook.Playbook
	Days       []caseDay
	Kept       string
	Show       string // filter of the timeline
	Steps      []stepView
	Consulted  []consultView
	NoOutside  bool // the school has somebody outside, and this case cannot be shown to them
	Flow       flowView
	Pass       *passView // where the case may be passed on to, if anywhere
	Around     []aroundCase
	Reads      []readView
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
	Here            string // how often it was right at this school, in words, or ""
	Href            string // of the rule's page, for who may open it, or ""
}

// caseMoves are the neighbours in the queue.
type caseMoves struct {
	Previous, Next caseflow.Ref
	Place          string // "2 of 28"
}

func (c *Console) casePage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	ref, err := refOf(r)
	if err != nil {
		return err
	}
	return c.showCase(w, r, id, http.StatusOK, ref, caseForm{})
}

// showCase reads the case as it is now and draws it around a form.
func (c *Console) showCase(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, ref caseflow.Ref, form caseForm) error {
	return c.showLive(w, r, id, status, "case", "/cases", titleOf("Case "+string(ref), form.Errors), func(live string) (any, error) {
		k, err := c.cases.Open(r.Context(), id.Tenant, id.Actor, ref)
		if err != nil {
			return nil, fmt.Errorf("open case: %w", err)
		}
		v := c.caseView(k, id, r.URL.Query().Get("show"), c.now().In(c.zone))
		v.Form, v.Live = c.fill(form, k, id), live
		if done, err := caseflow.ParseRef(r.URL.Query().Get("done")); err == nil {
			v.Done = string(done)
		}
		v.Moves, err = c.moves(r, id, ref)
		return v, err
	})
}

// caseView puts a case into words as of now; a zero now gives each time its whole date.
func (c *Console) caseView(k casework.CaseView, id auth.Identity, show string, now time.Time) caseView {
	cs := k.Case
	v := caseView{Ref: cs.Ref, Version: cs.Version, Seen: cs.Severity.String(), Name: personName(k.Person),
		Shared: k.Person.Shared, Unmatched: k.Person.Unmatched && k.Person.Name != "", Year: k.Person.Year, Account: k.Person.Account, Concerns: strings.Join(k.Concerns, ", "), Flags: flagChips(k.Person), Severity: severityGlyph(cs.Severity), Category: categoryWord(cs.Category),
		Due: dueWords(cs.DueAt.In(c.zone), now, k.Late), Claim: newClaimWords(k.Claim, c.zone, now), Closed: cs.State == caseflow.Closed,
		Exempt: k.Exemption, Captures: captureSpan(cs), Device: k.DeviceHost, Group: k.DeviceGroup, Playbook: k.Playbook,
		Back: "/cases/" + string(cs.Ref), Covered: id.User.CoverWords}
	if cs.DownRanked() {
		v.Due = due{Word: "when you can", Date: "exempt"}
	}
	if v.Closed {
		v.Outcome, v.ClosedAt = outcomeWord(cs.Outcome), moment(cs.ClosedAt.In(c.zone), now)
	}
	if fleetKeeper(id.Actor) && cs.Device != "" && !k.Person.Hidden {
		v.DeviceHref = "/devices/" + url.PathEscape(string(cs.Device))
	}
	if top := newestStanding(k.Captures); top != nil {
		v.Top = c.captureView(*top, now, id.User.CoverWords)
		for _, rule := range top.Rules {
			why := whyRule(rule)
			why.Here = rightHere(k.Precision[rule.ID])
			if c.oversight != nil && rule.ID != "" && caseflow.MayReadChanges(id.Actor) {
				why.Href = "/rules/" + url.PathEscape(rule.ID)
			}
			v.Rules = append(v.Rules, why)
		}
	}
	v.Help = c.helpView(k)
	v.Steps = c.steps(k, id.Actor, now)
	v.Consulted = c.consulted(k, now)
	// Whether the account is known would tell who asked not to be named.
	v.NoOutside = k.HasOutside && !k.MayConsult && cs.Queue == caseflow.QueueDSL && !k.Person.Hidden
	v.Flow = c.flow(k, id, now)
	v.Pass = passTo(cs, id.Actor)
	v.Show = show
	v.Days = c.timeline(k, now, id.User.CoverWords, show)
	v.Kept = keptSentence(k)
	v.Around = c.aroundCase(k, now)
	v.Reads = c.readers(k, now)
	return v
}

func keptSentence(k casework.CaseView) string {
	switch n := len(k.Captures); {
	case k.Case.Help.Asked && n == 1:
		return "This request is all that Lapwing kept."
	case n == 1:
		return "This capture is all that Lapwing kept. What did not match never left the device."
	default:
		return "These " + thousands(n) + " captures are all that Lapwing kept. What did not match never left the device."
	}
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

// sourceWord says how a capture came about.
func sourceWord(k casework.CaptureView) string {
	if k.Ask != nil {
		return "Request for help"
	}
	switch lapwingv1.Source(k.Source) {
	case lapwingv1.Source_SOURCE_WINDOW_TITLE:
		return "Window title"
	case lapwingv1.Source_SOURCE_PAGE_TITLE:
		return "Page title"
	}
	return "Typed text"
}

func (c *Console) captureView(k casework.CaptureView, now time.Time, covered bool) *captureView {
	return &captureView{Source: sourceWord(k), When: moment(k.At.In(c.zone), now), Words: drawWords(k.Words, covered), App: k.App, Title: k.Title,
		Note: captureNote(k.Withdrawn, k.Suspect, k.Final, k.Count)}
}

func whyRule(r triage.Rule) ruleWhy {
	return ruleWhy{Title: orWord(r.Title, r.ID), Pack: r.Pack,
		Raised: strings.Join(plainNames(r.RaisedBy), ", "), Lowered: strings.Join(plainNames(r.LoweredBy), ", ")}
}

// judgedEnough is from how many judgements on a share says something.
const judgedEnough = 5

// rightHere is "right 7 times in 10 here".
func rightHere(p casework.Precision) string {
	switch {
	case p.Judged == 0:
		return "not judged here yet"
	case p.Judged < judgedEnough:
		return "judged " + plural(p.Judged, "time", "times") + " here"
	case p.Right == p.Judged:
		return "always right here, " + thousands(p.Judged) + " times"
	}
	return fmt.Sprintf("right %d times in 10 here", (10*p.Right+p.Judged/2)/p.Judged)
}

// plainNames turns a pack's own condition names into words: said_to_someone → said to someone.
func plainNames(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.NewReplacer("_", " ", "-", " ").Replace(n)
	}
	return out
}

// moves finds the case among those to review, in the queue's order.
func (c *Console) moves(r *http.Request, id auth.Identity, ref caseflow.Ref) (caseMoves, error) {
	at, err := id.Tenant.PlaceInQueue(r.Context(), caseflow.Working(id.Actor), ref, c.now())
	if err != nil {
		return caseMoves{}, fmt.Errorf("read queue order: %w", err)
	}
	m := caseMoves{Previous: at.Previous, Next: at.Next}
	if at.Place > 0 {
		m.Place = fmt.Sprintf("%s of %s", thousands(at.Place), thousands(at.Total))
	}
	return m, nil
}
