package console

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
)

// casesForm is what a form on the queue was sent with, and what is wrong with it.
type casesForm struct {
	Typed, SearchError string

	Errors   []fieldError // of the bulk form
	Selected map[string]bool
	Outcome  caseflow.Outcome
	Why      caseflow.WhyFalse
	Reason   string
}

// togetherDone says what became of cases that were to be closed together.
type togetherDone struct {
	Closed string
	Left   []leftRow
}

type leftRow struct {
	Ref caseflow.Ref
	Why string
}

// closeTogether closes selected cases of low severity with one reason.
func (c *Console) closeTogether(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	form := casework.TogetherForm{Key: r.PostForm.Get("key"), Outcome: caseflow.Outcome(r.PostForm.Get("outcome")),
		Why: caseflow.WhyFalse(r.PostForm.Get("why")), Reason: r.PostForm.Get("reason")}
	again := casesForm{Selected: map[string]bool{}, Outcome: form.Outcome, Why: form.Why, Reason: form.Reason}
	for _, v := range r.PostForm["cases"] {
		word, version, _ := strings.Cut(v, ".")
		ref, err := caseflow.ParseRef(word)
		if err != nil {
			continue
		}
		f := casework.Form{Ref: ref}
		f.Expect, _ = strconv.ParseUint(version, 10, 64)
		form.Cases = append(form.Cases, f)
		again.Selected[string(ref)] = true
	}
	f := backFilter(r.PostForm.Get("back"))
	done, err := c.cases.CloseTogether(r.Context(), id.Tenant, id.Actor, form)
	var invalid *caseflow.InvalidError
	if errors.As(err, &invalid) {
		again.Errors = []fieldError{{Field: "together-" + invalid.Field, Message: invalid.Message}}
		return c.casesAgain(w, r, id, f, again)
	}
	if err != nil {
		return fmt.Errorf("close cases together: %w", err)
	}
	v, err := c.casesView(r, id, f, casesForm{})
	if err != nil {
		return err
	}
	v.Together = &togetherDone{Closed: plural(len(done.Closed), "case is recorded and closed.", "cases are recorded and closed.")}
	for _, l := range done.Left {
		v.Together.Left = append(v.Together.Left, leftRow{l.Ref, l.Why})
	}
	return c.showCases(w, r, id, http.StatusOK, v)
}
