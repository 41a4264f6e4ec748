package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// The pages of an external reviewer. They are made of casework.Review alone,
// which has no name in it.

// Reviews is what these pages need of casework.
type Reviews interface {
	Reviews(ctx context.Context, t store.Tenant, viewer caseflow.Actor) ([]casework.Review, int, error)
	Review(ctx context.Context, t store.Tenant, viewer caseflow.Actor, ref caseflow.Ref) (casework.Review, error)
	Suggest(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.SuggestForm) error
	ReviewNote(ctx context.Context, t store.Tenant, viewer caseflow.Actor, f casework.Form, text string) error
}

// reviewFields are the fields that a reviewer fills in. They make the draft.
var reviewFields = []string{"outcome", "severity", "reason", "note"}

// reviewsView lists the cases that somebody is asked about.
type reviewsView struct {
	Sentence string
	Rows     []reviewRow
	Total    int
	Covered  bool
	Live     string
}

type reviewRow struct {
	Ref                   caseflow.Ref
	Pupil, Year, Category string
	Severity              severity
	Words                 words
	Asked                 string
	Answer                string // "" while there is none
}

// reviewView is one case, without a name.
type reviewView struct {
	reviewRow
	Question string
	Exempt   bool
	Captures []reviewCapture
	Rules    whyRules
	Mine     []reviewAct
	Form     reviewForm
	Mark     int
	Covered  bool
	Live     string
	Back     string
	Sent     bool // a suggestion was just sent
}

type reviewCapture struct {
	Source, When, Note string
	Severity           severity
	Words              words
}

type reviewAct struct{ When, What, Text string }

// reviewForm is the form as filled in so far, and what it offers.
type reviewForm struct {
	written
	Outcomes, Severities []option
}

func (c *Console) reviews(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showLive(w, r, id, http.StatusOK, "reviews", "/reviews", "Cases you are asked about", func(live string) (any, error) {
		all, total, err := c.cases.Reviews(r.Context(), id.Tenant, id.Actor)
		if err != nil {
			return nil, fmt.Errorf("read reviews: %w", err)
		}
		now, open := c.now().In(c.zone), 0
		v := reviewsView{Total: total, Covered: id.User.CoverWords, Live: live}
		for _, k := range all {
			v.Rows = append(v.Rows, c.reviewRow(k, id.User.CoverWords, now))
			if k.Answered.IsZero() {
				open++
			}
		}
		switch {
		case total == 0:
			v.Sentence = "Nobody has asked you about a case."
		case open == 0:
			v.Sentence = "You have answered everything that you were asked."
		default:
			v.Sentence = plural(open, "case waits for your view.", "cases wait for your view.")
		}
		return v, nil
	})
}

func (c *Console) reviewRow(k casework.Review, covered bool, now time.Time) reviewRow {
	v := reviewRow{Ref: k.Ref, Pupil: k.Pupil, Year: k.Year, Category: categoryWord(k.Category), Severity: severityGlyph(k.Severity), Asked: moment(k.AskedAt.In(c.zone), now)}
	for _, cp := range k.Captures {
		if !cp.Withdrawn || len(k.Captures) == 1 {
			v.Words = drawWords(cp.Words, covered)
			break
		}
	}
	if !k.Answered.IsZero() {
		v.Answer = orWord(suggestionWords(k.Outcome, k.Suggested), "You wrote a note") + ", " + moment(k.Answered.In(c.zone), now)
	}
	return v
}

// suggestionWords is what somebody suggests: "No concern; severity low".
func suggestionWords(o caseflow.Outcome, s vocab.Severity) string {
	var parts []string
	if o != "" {
		parts = append(parts, outcomeWord(o))
	}
	if s != 0 {
		parts = append(parts, "severity "+s.String())
	}
	return upper(strings.Join(parts, "; "))
}

func (c *Console) review(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	ref, err := refOf(r)
	if err != nil {
		return err
	}
	return c.showReview(w, r, id, http.StatusOK, ref, reviewForm{})
}

// showReview reads the case as it is now and draws it around a form.
func (c *Console) showReview(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, ref caseflow.Ref, form reviewForm) error {
	return c.showLive(w, r, id, status, "review", "/reviews", titleOf("Case "+string(ref), form.Errors), func(live string) (any, error) {
		k, err := c.cases.Review(r.Context(), id.Tenant, id.Actor, ref)
		if err != nil {
			return nil, fmt.Errorf("open review: %w", err)
		}
		v := c.reviewView(k, id.User.CoverWords)
		v.Form, v.Live, v.Sent = c.fillReview(form, k), live, r.URL.Query().Has("sent")
		return v, nil
	})
}

func (c *Console) reviewView(k casework.Review, covered bool) reviewView {
	now := k.Now.In(c.zone)
	v := reviewView{reviewRow: c.reviewRow(k, covered, now), Question: k.Question, Exempt: k.Exempt, Mark: k.Mark, Covered: covered, Back: "/reviews/" + string(k.Ref)}
	for _, cp := range k.Captures {
		source := sourceWord(casework.CaptureView{Words: cp.Words, Source: cp.Source})
		s := reviewCapture{Source: source, When: moment(cp.At.In(c.zone), now), Severity: severityGlyph(cp.Severity), Words: drawWords(cp.Words, covered),
			Note: captureNote(cp.Withdrawn, false, cp.Final, cp.Count)}
		v.Captures = append(v.Captures, s)
		if len(v.Rules) == 0 && !cp.Withdrawn {
			for _, rule := range cp.Rules {
				v.Rules = append(v.Rules, whyRule(rule))
			}
		}
	}
	for _, a := range k.Mine {
		what := "You wrote a note"
		if !a.Note {
			what = "You suggested: " + suggestionWords(a.Outcome, a.Severity)
		}
		v.Mine = append(v.Mine, reviewAct{moment(a.At.In(c.zone), now), what, a.Text})
	}
	return v
}

func (c *Console) fillReview(form reviewForm, k casework.Review) reviewForm {
	form.Key = rand.Text()
	form.fromDraft(k.Draft, c.keptAt(k.Draft, k.Now))
	for _, o := range caseflow.Outcomes() {
		form.Outcomes = append(form.Outcomes, option{string(o), outcomeWord(o), string(o) == form.Field("outcome")})
	}
	form.Severities = []option{{"", "As it is: " + severityWords[k.Severity], false}}
	for s := vocab.Critical; s >= vocab.Low; s-- {
		if s != k.Severity {
			form.Severities = append(form.Severities, option{s.String(), severityWords[s], s.String() == form.Field("severity")})
		}
	}
	return form
}

func (c *Console) suggestReview(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.adviseOn(w, r, id, []string{"outcome", "severity", "reason"}, "?sent=yes", func(a act) error {
		f := casework.SuggestForm{Form: a.keyed("suggest", a.fields["outcome"], a.fields["severity"], a.fields["reason"]), Outcome: caseflow.Outcome(a.fields["outcome"]), Why: a.fields["reason"]}
		if s := a.fields["severity"]; s != "" {
			var err error
			if f.Severity, err = vocab.ParseSeverity(s); err != nil {
				return &caseflow.InvalidError{Field: "severity", Message: "Choose the severity that you suggest."}
			}
		}
		return c.cases.Suggest(r.Context(), id.Tenant, id.Actor, f)
	})
}

func (c *Console) noteReview(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.adviseOn(w, r, id, []string{"note"}, "#what-you-did", func(a act) error {
		return c.cases.ReviewNote(r.Context(), id.Tenant, id.Actor, a.keyed("note", a.fields["note"]), a.fields["note"])
	})
}

// draftReview keeps what was written and nothing more, as draftCase does.
func (c *Console) draftReview(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	a, err := readAct(r, reviewFields)
	if err != nil {
		return err
	}
	at, err := c.cases.KeepDraft(r.Context(), id.Tenant, id.Actor, a.Ref, a.fields)
	var invalid *caseflow.InvalidError
	switch {
	case errors.As(err, &invalid) && byScript(r):
		return answerJSON(w, http.StatusUnprocessableEntity, map[string]any{"message": invalid.Message})
	case err != nil:
		return c.refuseReview(w, r, id, a, err)
	case byScript(r):
		return answerJSON(w, http.StatusOK, map[string]any{"at": clock(at.In(c.zone))})
	}
	http.Redirect(w, r, "/reviews/"+string(a.Ref)+"#note", http.StatusSeeOther)
	return nil
}

// adviseOn keeps what was written, then does what was asked: whatever becomes
// of that, the words are there.
func (c *Console) adviseOn(w http.ResponseWriter, r *http.Request, id auth.Identity, used []string, to string, do func(act) error) error {
	a, err := readAct(r, reviewFields)
	if err != nil {
		return err
	}
	kept := c.keep(r, id, a, a.fields)
	if kept != nil && !errors.As(kept, new(*caseflow.InvalidError)) {
		return fmt.Errorf("keep draft: %w", kept)
	}
	if err := do(a); err != nil {
		return c.refuseReview(w, r, id, a, err)
	}
	if err := c.keep(r, id, a, a.without(used...)); err != nil {
		return c.refuseReview(w, r, id, a, err)
	}
	http.Redirect(w, r, "/reviews/"+string(a.Ref)+to, http.StatusSeeOther)
	return nil
}

func (c *Console) refuseReview(w http.ResponseWriter, r *http.Request, id auth.Identity, a act, err error) error {
	var invalid *caseflow.InvalidError
	if !errors.As(err, &invalid) {
		return fmt.Errorf("advise on case: %w", err)
	}
	field := "main-content"
	for _, name := range reviewFields {
		if name == invalid.Field {
			field = name
		}
	}
	return c.showReview(w, r, id, http.StatusUnprocessableEntity, a.Ref, reviewForm{written: written{Fields: a.fields, Sent: true, Errors: []fieldError{{field, invalid.Message}}}})
}
