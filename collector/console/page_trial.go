package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Trials tries phrases on captures; *casework.Service is one.
type Trials interface {
	NewTrial(phrase string) (*casework.Trial, error)
	Try(ctx context.Context, t store.Tenant, viewer caseflow.Actor, tr *casework.Trial, enough func() bool) error
}

const (
	trialsKept = 32
	trialFor   = 15 * time.Minute
	// trialStep is how long one page looks before it shows how far it is.
	trialStep = 1500 * time.Millisecond
)

// trials are the phrases being tried, in memory only: one for each person, for
// a quarter of an hour. A phrase is never in an address or a log.
type trials struct {
	mu sync.Mutex // guards by
	by map[string]*trying
}

type trying struct {
	mu     sync.Mutex // held while a step is taken
	user   caseflow.UserID
	school store.SchoolID
	phrase string
	began  time.Time
	trial  *casework.Trial
}

func (s *trials) add(t *trying) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[string]*trying{}
	}
	oldest, when := "", t.began
	for key, o := range s.by {
		if o.user == t.user && o.school == t.school || t.began.Sub(o.began) > trialFor {
			delete(s.by, key)
		} else if o.began.Before(when) {
			oldest, when = key, o.began
		}
	}
	if len(s.by) >= trialsKept {
		delete(s.by, oldest)
	}
	key := rand.Text()
	s.by[key] = t
	return key
}

func (s *trials) get(key string, id auth.Identity, now time.Time) *trying {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.by[key]
	if t == nil || t.user != id.User.ID || t.school != id.Tenant.Info().ID || now.Sub(t.began) > trialFor {
		return nil
	}
	return t
}

// trialView is the form, and how far a phrase has come.
type trialView struct {
	Tabs           []tab
	Phrase         string
	Errors         []fieldError
	Asked          bool
	Running        bool
	Sentence, Rest string
	Rows           []trialRow
}

// FieldError is the message for one field, or "".
func (v trialView) FieldError(field string) string { return messageFor(v.Errors, field) }

type trialRow struct {
	Ref                          caseflow.Ref
	Severity                     severity
	Category, Hits, Last, Stands string
}

func (c *Console) trialPage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showTrial(w, r, id, http.StatusOK, trialView{}, "")
}

func (c *Console) showTrial(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, v trialView, again string) error {
	v.Tabs = c.ruleTabs("/rules/try", id)
	page := view{chrome: c.chrome(id, "/rules"), Title: titleOf("Try a phrase", v.Errors), Content: v}
	if v.Running {
		w.Header().Set("Refresh", "1; url="+again)
	}
	return c.pages.write(w, r, status, "trial", page)
}

// tryPhrase is a form, not an address: a phrase has no place in a browser's history.
func (c *Console) tryPhrase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	phrase := r.PostForm.Get("phrase")
	tr, err := c.trialsOf.NewTrial(phrase)
	errs, err := formErrors(err)
	if err != nil {
		return fmt.Errorf("try a phrase: %w", err)
	}
	if len(errs) > 0 {
		return c.showTrial(w, r, id, http.StatusUnprocessableEntity, trialView{Phrase: phrase, Errors: errs}, "")
	}
	key := c.trials.add(&trying{user: id.User.ID, school: id.Tenant.Info().ID, phrase: phrase, began: c.now(), trial: tr})
	http.Redirect(w, r, "/rules/try/"+url.PathEscape(key), http.StatusSeeOther)
	return nil
}

// trialStepPage takes one step and shows how far it is. Whoever lost the right
// to a case in between is not shown it.
func (c *Console) trialStepPage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	key := r.PathValue("key")
	t := c.trials.get(key, id, c.now())
	if t == nil {
		return errMissing
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	began := time.Now()
	err := c.trialsOf.Try(r.Context(), id.Tenant, id.Actor, t.trial, func() bool { return time.Since(began) > trialStep })
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("try a phrase: %w", err)
	}
	now := c.now().In(c.zone)
	v := trialView{Phrase: t.phrase, Asked: true, Running: !t.trial.Done}
	for _, h := range t.trial.Listed {
		if !caseflow.MaySee(h.Case, id.Actor) {
			continue
		}
		row := trialRow{Ref: h.Case.Ref, Severity: severityGlyph(h.Case.Severity), Category: categoryWord(h.Case.Category), Hits: thousands(h.Hits), Last: moment(h.Last.In(c.zone), now), Stands: "Open"}
		if h.Case.State == caseflow.Closed {
			row.Stands = outcomeWord(h.Case.Outcome)
		}
		v.Rows = append(v.Rows, row)
	}
	tr := t.trial
	v.Sentence = "It would have hit " + plural(tr.Hits, "capture", "captures") + " in " + plural(tr.In, "case", "cases") + "."
	if tr.Hits == 0 {
		v.Sentence = "It would have hit nothing."
	}
	v.Rest = "Looked at " + plural(tr.Looked, "capture", "captures") + " of " + plural(tr.Cases, "case", "cases") + " that you may see."
	switch {
	case v.Running:
		v.Sentence = "Still looking. So far: " + plural(tr.Hits, "capture", "captures") + " in " + plural(tr.In, "case", "cases") + "."
	case tr.Cut:
		v.Rest += " That is as many as one try looks at; there are more."
	}
	if len(tr.Listed) < tr.In {
		v.Rest += " The first " + thousands(len(tr.Listed)) + " are listed."
	}
	return c.showTrial(w, r, id, http.StatusOK, v, "/rules/try/"+url.PathEscape(key))
}
