package console

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/playbook"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// booksView lists the playbooks.
type booksView struct{ Rows []bookRow }

type bookRow struct {
	ID, Title, Version, State string
}

// bookPage is one playbook, its pending change, and the form for a new version.
type bookPage struct {
	ID, Title, Version, State string
	Book                      playbook.Playbook
	Pending                   *casework.BookChange
	PendingBy                 string
	MayEdit                   bool
	Base                      int  // the version that the form changes
	Moved                     bool // it was another when the form was opened
	Changing                  bool // the form comes back
	Earlier                   []bookVersion
	Form                      bookForm
	Errors                    []fieldError
}

// bookVersion is a version that was in force.
type bookVersion struct {
	Title string
	Book  playbook.Playbook
}

// FieldError returns the message for a field, or "".
func (v bookPage) FieldError(field string) string { return messageFor(v.Errors, field) }

// bookForm is a playbook as a person edits it.
type bookForm struct {
	Title, Sources, DoNot, Reason string
	Steps                         []bookStep
}

type bookStep struct {
	N                   int
	ID, Text, Why       string
	TextError, WhyError string
}

func (c *Console) playbooks(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	books, err := c.cases.Books(r.Context(), id.Tenant, id.Actor)
	if err != nil {
		return fmt.Errorf("read playbooks: %w", err)
	}
	var v booksView
	for _, b := range books {
		v.Rows = append(v.Rows, bookRow{b.ID, b.Title, bookNumber(b.Version, b.Own), bookState(b)})
	}
	return c.show(w, r, id, "playbooks", "/playbooks", "Playbooks", v)
}

func bookNumber(version int, own bool) string {
	if own {
		return "Version " + strconv.Itoa(version) + ", this school’s"
	}
	return "Version " + strconv.Itoa(version) + ", Lapwing’s own"
}

func bookState(b casework.BookView) string {
	switch {
	case b.Pending != nil:
		return "A change by " + b.Pending.By.Name + " waits for approval"
	case b.Own:
		return "Proposed by " + b.Proposed.Name + ", approved by " + b.Approved.Name
	}
	return ""
}

func (c *Console) playbook(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showBook(w, r, id, http.StatusOK, nil, nil)
}

// showBook draws a playbook; form and problems are those of a refused change.
func (c *Console) showBook(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, form *bookForm, problems []fieldError) error {
	b, err := c.cases.Book(r.Context(), id.Tenant, id.Actor, r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("read playbook: %w", err)
	}
	now := c.now().In(c.zone)
	v := bookPage{ID: b.ID, Title: b.Title, Version: bookNumber(b.Version, b.Own), State: bookState(b), Book: b.Playbook, Pending: b.Pending,
		MayEdit: caseflow.MayPropose(id.Actor) && b.Pending == nil, Errors: problems, Base: b.Version}
	if b.Pending != nil {
		v.PendingBy = b.Pending.By.Name + ", " + moment(b.Pending.At.In(c.zone), now)
	}
	for _, e := range b.Earlier {
		title := bookNumber(e.Version, e.Own)
		if e.Own {
			title += ": proposed by " + e.Proposed.Name + ", approved by " + e.Approved.Name + ", " + moment(e.At.In(c.zone), now)
		}
		v.Earlier = append(v.Earlier, bookVersion{title, e.Playbook})
	}
	v.Form = formOf(b.Playbook)
	if form != nil {
		v.Form, v.Changing, v.Moved = *form, true, status == http.StatusConflict && v.MayEdit
		for i := range v.Form.Steps {
			s := &v.Form.Steps[i]
			s.TextError, s.WhyError = v.FieldError("step_text_"+strconv.Itoa(s.N)), v.FieldError("step_why_"+strconv.Itoa(s.N))
		}
	}
	return c.pages.write(w, r, status, "playbook", view{chrome: c.chrome(id, "/playbooks"), Title: titleOf(b.Title, problems), Content: v})
}

func formOf(p playbook.Playbook) bookForm {
	f := bookForm{Title: p.Title, Sources: strings.Join(p.Sources, "\n"), DoNot: strings.Join(p.DoNot, "\n")}
	for i := range playbook.MaxSteps {
		s := bookStep{N: i + 1}
		if i < len(p.Do) {
			s.ID, s.Text, s.Why = p.Do[i].ID, p.Do[i].Text, p.Do[i].Why
		}
		f.Steps = append(f.Steps, s)
	}
	return f
}

// readBook reads the form. A step keeps its id while it keeps its row; a new
// one gets a new id, so that a tick never comes to mean something else.
func readBook(q url.Values) (bookForm, playbook.Playbook) {
	base, _ := strconv.Atoi(q.Get("base"))
	f := bookForm{Title: strings.TrimSpace(q.Get("title")), Sources: q.Get("sources"), DoNot: q.Get("do_not"), Reason: q.Get("reason")}
	p := playbook.Playbook{Title: f.Title, Version: base, Sources: lines(f.Sources), DoNot: lines(f.DoNot)}
	for i := range playbook.MaxSteps {
		n := strconv.Itoa(i + 1)
		s := bookStep{N: i + 1, ID: q.Get("step_id_" + n), Text: strings.TrimSpace(q.Get("step_text_" + n)), Why: strings.TrimSpace(q.Get("step_why_" + n))}
		f.Steps = append(f.Steps, s)
		if s.Text == "" {
			continue
		}
		if s.ID == "" {
			s.ID = "s-" + strings.ToLower(rand.Text()[:10])
		}
		p.Do = append(p.Do, playbook.Step{ID: s.ID, Text: s.Text, Why: s.Why})
	}
	return f, p
}

// lines are the lines of a text that hold something.
func lines(s string) (out []string) {
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

func (c *Console) proposePlaybook(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	form, p := readBook(r.PostForm)
	problems := bookProblems(p, form.Steps)
	var err error
	if len(problems) == 0 {
		err = c.cases.ProposeBook(r.Context(), id.Tenant, id.Actor, r.PathValue("id"), p, form.Reason)
	}
	var invalid *caseflow.InvalidError
	switch {
	case errors.As(err, &invalid):
		problems = []fieldError{{invalid.Field, invalid.Message}}
	case errors.Is(err, casework.ErrBookMoved):
		return c.showBook(w, r, id, http.StatusConflict, &form, nil)
	case errors.Is(err, playbook.ErrPlaybook):
		problems = []fieldError{{"step_text_1", "This playbook cannot be kept: a line is empty, over " + strconv.Itoa(playbook.MaxStepChars) + " characters, or a step stands twice."}}
	case err != nil:
		return fmt.Errorf("propose playbook: %w", err)
	}
	if len(problems) > 0 {
		return c.showBook(w, r, id, http.StatusUnprocessableEntity, &form, problems)
	}
	http.Redirect(w, r, "/playbooks/"+url.PathEscape(r.PathValue("id")), http.StatusSeeOther)
	return nil
}

// bookProblems names each field that breaks a limit.
func bookProblems(p playbook.Playbook, steps []bookStep) (out []fieldError) {
	long := func(l []string) bool {
		for _, s := range l {
			if len([]rune(s)) > playbook.MaxStepChars {
				return true
			}
		}
		return false
	}
	limit := strconv.Itoa(playbook.MaxStepChars)
	switch {
	case p.Title == "":
		out = append(out, fieldError{"title", "Enter a title."})
	case len([]rune(p.Title)) > playbook.MaxNameChars:
		out = append(out, fieldError{"title", "Title must be " + strconv.Itoa(playbook.MaxNameChars) + " characters or fewer."})
	}
	switch {
	case len(p.DoNot) == 0:
		out = append(out, fieldError{"do_not", "Enter at least one thing not to do."})
	case len(p.DoNot) > playbook.MaxSteps:
		out = append(out, fieldError{"do_not", "Enter at most " + strconv.Itoa(playbook.MaxSteps) + " lines."})
	case long(p.DoNot):
		out = append(out, fieldError{"do_not", "Each line must be " + limit + " characters or fewer."})
	}
	if len(p.Do) == 0 {
		out = append(out, fieldError{"step_text_1", "Enter at least one step."})
	}
	for _, s := range steps {
		n := strconv.Itoa(s.N)
		if long([]string{s.Text}) {
			out = append(out, fieldError{"step_text_" + n, "Step " + n + " must be " + limit + " characters or fewer."})
		}
		if long([]string{s.Why}) {
			out = append(out, fieldError{"step_why_" + n, "Why step " + n + " must be " + limit + " characters or fewer."})
		}
		if s.Text == "" && s.Why != "" {
			out = append(out, fieldError{"step_text_" + n, "Enter step " + n + ", or take out why it is done."})
		}
	}
	switch {
	case len(p.Sources) == 0:
		out = append(out, fieldError{"sources", "Name the policy or guidance that it rests on."})
	case long(p.Sources):
		out = append(out, fieldError{"sources", "Each line must be " + limit + " characters or fewer."})
	}
	return out
}

var bookDecisions = map[string]store.ProposalState{"approve": store.Approved, "refuse": store.Refused, "withdraw": store.Withdrawn}

func (c *Console) decidePlaybook(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	err := c.cases.DecideBook(r.Context(), id.Tenant, id.Actor, r.PostForm.Get("proposal"), bookDecisions[r.PostForm.Get("decide")])
	var invalid *caseflow.InvalidError
	if errors.As(err, &invalid) {
		return c.showBook(w, r, id, http.StatusConflict, nil, []fieldError{{invalid.Field, invalid.Message}})
	}
	if err != nil {
		return fmt.Errorf("decide playbook: %w", err)
	}
	http.Redirect(w, r, "/playbooks/"+url.PathEscape(r.PathValue("id")), http.StatusSeeOther)
	return nil
}
