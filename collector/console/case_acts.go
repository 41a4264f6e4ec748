package console

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// act is one form about a case, as sent.
type act struct {
	casework.Form
	seen    vocab.Severity // that the page showed
	outcome caseflow.Outcome
	note    string
	reason  string
}

// readAct reads the form. A missing or odd version means "any" only where the
// act overwrites nothing; the pages always send one.
func readAct(r *http.Request) (act, error) {
	ref, err := caseflow.ParseRef(r.PathValue("ref"))
	if err != nil {
		return act{}, errMissing
	}
	if err := r.ParseForm(); err != nil {
		return act{}, errTooLong
	}
	a := act{Form: casework.Form{Ref: ref, Key: r.PostForm.Get("key")}, outcome: caseflow.Outcome(r.PostForm.Get("outcome")),
		note: r.PostForm.Get("note"), reason: r.PostForm.Get("reason")}
	a.Expect, _ = strconv.ParseUint(r.PostForm.Get("version"), 10, 64)
	a.seen, _ = vocab.ParseSeverity(r.PostForm.Get("seen"))
	return a, nil
}

// claimCase takes the case and opens it. No version is asked for: of two who
// claim, the domain lets one win.
func (c *Console) claimCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	a, err := readAct(r)
	if err != nil {
		return err
	}
	a.Expect = 0
	_, err = c.cases.Claim(r.Context(), id.Tenant, id.Actor, a.Form)
	return c.afterAct(w, r, id, a, err, "/cases/"+string(a.Ref))
}

func (c *Console) releaseCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	a, err := readAct(r)
	if err != nil {
		return err
	}
	a.Expect = 0
	_, err = c.cases.Release(r.Context(), id.Tenant, id.Actor, a.Form)
	return c.afterAct(w, r, id, a, err, "/cases/"+string(a.Ref))
}

// recordCase is the decision form: "act" is note or close. A note is added
// whatever else happened meanwhile, as it overwrites nothing.
func (c *Console) recordCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	a, err := readAct(r)
	if err != nil {
		return err
	}
	if r.PostForm.Get("act") == "note" {
		a.Expect = 0
		_, err = c.cases.Note(r.Context(), id.Tenant, id.Actor, a.Form, a.note)
		return c.afterAct(w, r, id, a, err, "/cases/"+string(a.Ref)+"#what-happened")
	}
	if a.outcome == "" {
		return c.afterAct(w, r, id, a, &caseflow.InvalidError{Field: "outcome", Message: "Choose an outcome before you close the case"}, "")
	}
	// Where to go on is looked up before: the closed case has no place in the queue.
	next, err := c.nextFree(r, id, a.Ref)
	if err != nil {
		return err
	}
	return c.afterAct(w, r, id, a, c.closeCase(r, id, a), next)
}

// closeCase closes. If the case changed in ways that do not concern the
// decision (the reviewer's own acts, a capture completed without growing more
// serious), it closes the case as it is now; otherwise the reviewer looks again.
func (c *Console) closeCase(r *http.Request, id auth.Identity, a act) error {
	form := casework.CloseForm{Form: a.Form, Outcome: a.outcome, Note: a.note}
	_, err := c.cases.Close(r.Context(), id.Tenant, id.Actor, form)
	var stale *caseflow.StaleError
	if !errors.As(err, &stale) {
		return err
	}
	k, openErr := c.cases.Open(r.Context(), id.Tenant, id.Actor, a.Ref)
	if openErr != nil {
		return openErr
	}
	for _, it := range since(k, a.Expect) {
		harmless := it.You || it.Kind == casework.ItemSeen || it.Kind == casework.ItemRevised && it.Severity <= a.seen
		if !harmless {
			return err
		}
	}
	form.Expect = k.Case.Version
	_, err = c.cases.Close(r.Context(), id.Tenant, id.Actor, form)
	return err
}

// since returns what happened to the case after version, newest first: each
// event is one version.
func since(k casework.CaseView, version uint64) []casework.Item {
	if version >= k.Case.Version {
		return nil
	}
	return k.History[:min(uint64(len(k.History)), k.Case.Version-version)]
}

func (c *Console) reopenCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	a, err := readAct(r)
	if err != nil {
		return err
	}
	_, err = c.cases.Reopen(r.Context(), id.Tenant, id.Actor, a.Form, a.reason)
	return c.afterAct(w, r, id, a, err, "/cases/"+string(a.Ref))
}

// afterAct goes on to next, or shows the case again with what is in the way;
// what was written is kept in the form.
func (c *Console) afterAct(w http.ResponseWriter, r *http.Request, id auth.Identity, a act, err error, next string) error {
	var stale *caseflow.StaleError
	var claimed *caseflow.ClaimedError
	var invalid *caseflow.InvalidError
	form := caseForm{Note: a.note, Reason: a.reason, Outcomes: outcomeOptions(a.outcome)}
	switch {
	case err == nil:
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	case errors.As(err, &invalid):
		form.Errors = []fieldError{{fieldOf(invalid.Field), invalid.Message}}
		return c.showCase(w, r, id, http.StatusUnprocessableEntity, a.Ref, form)
	case errors.As(err, &claimed):
		form.Conflict = fmt.Sprintf("%s has claimed this case until %s.", orWord(claimed.Name, "Somebody else"), clock(claimed.Until.In(c.zone)))
		return c.showCase(w, r, id, http.StatusConflict, a.Ref, form)
	case errors.As(err, &stale):
		return c.showStale(w, r, id, a, form)
	}
	return fmt.Errorf("act on case: %w", err)
}

// showStale tells what changed since the page was opened.
func (c *Console) showStale(w http.ResponseWriter, r *http.Request, id auth.Identity, a act, form caseForm) error {
	k, err := c.cases.Open(r.Context(), id.Tenant, id.Actor, a.Ref)
	if err != nil {
		return fmt.Errorf("open case: %w", err)
	}
	form.Conflict = "This case changed before you saved."
	for i, it := range since(k, a.Expect) {
		at := it.At.In(c.zone)
		if i == 0 {
			form.Conflict = fmt.Sprintf("%s changed this case at %s, before you saved.", doer(it), clock(at))
		}
		form.Changes = append(form.Changes, fmt.Sprintf("%s: %s %s", moment(at, c.now().In(c.zone)), doer(it), it.Does))
	}
	return c.showCase(w, r, id, http.StatusConflict, a.Ref, form)
}

// fieldOf maps a refused field to one that the page has.
func fieldOf(field string) string {
	switch field {
	case "outcome", "note", "reason":
		return field
	}
	return "main-content"
}

// nextFree is where to go after closing ref: the next case in order that
// nobody else holds, else the first such, else the list.
func (c *Console) nextFree(r *http.Request, id auth.Identity, ref caseflow.Ref) (string, error) {
	now := c.now()
	page, err := id.Tenant.Queue(r.Context(), id.Actor, store.QueueQuery{Now: now, Limit: 200})
	if err != nil {
		return "", fmt.Errorf("read queue order: %w", err)
	}
	first, passed := caseflow.Ref(""), false
	for _, row := range page.Rows {
		k := row.Case
		if k.Ref == ref {
			passed = true
			continue
		}
		if !free(k, id.User.ID, now) {
			continue
		}
		if passed {
			return nextAddress(k.Ref, ref), nil
		}
		if first == "" {
			first = k.Ref
		}
	}
	return nextAddress(first, ref), nil
}

func free(k caseflow.Case, me caseflow.UserID, now time.Time) bool {
	owner, held := k.Held(now)
	return !held || owner == me
}

func nextAddress(to, done caseflow.Ref) string {
	return strings.TrimSuffix("/cases/"+string(to), "/") + "?done=" + string(done)
}
