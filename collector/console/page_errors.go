package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// errMissing is a page that does not exist, or not for this person: the same.
var errMissing = errors.New("no such page")

// errTooLong is a form over maxForm.
var errTooLong = errors.New("form too long")

// problem is the content of an error page.
type problem struct {
	Heading, Text, Reference string
	HomeLink                 string
}

// answer maps a page's error to what the person sees, in one place.
func (c *Console) answer(w http.ResponseWriter, r *http.Request, id auth.Identity, err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
	case errors.Is(err, errMissing), errors.Is(err, store.ErrNotFound),
		errors.Is(err, caseflow.ErrHidden), errors.Is(err, caseflow.ErrNotAllowed):
		c.missing(w, r, id)
	case errors.Is(err, errTooLong), errors.As(err, &tooLarge):
		c.problem(w, r, &id, http.StatusRequestEntityTooLarge, problem{Heading: "That is too much text",
			Text: "The form was not saved. Go back, shorten what you wrote and try again."})
	default:
		c.fail(w, r, err)
	}
}

// missing is the one page for: no permission, one's own case, does not exist.
func (c *Console) missing(w http.ResponseWriter, r *http.Request, id auth.Identity) {
	c.problem(w, r, &id, http.StatusNotFound, problem{Heading: "You cannot open this page",
		Text: "It may not exist, or it may be for someone else. Nothing more can be said here.", HomeLink: "Go to your first page"})
}

// fail is the page for our own errors. It says nothing of them; the log has
// the error under the reference.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && errors.Is(r.Context().Err(), context.Canceled) {
		return // the browser went away: nobody is there to read a page, and nothing is wrong
	}
	ref := reference()
	if errors.Is(err, context.DeadlineExceeded) {
		c.log.ErrorContext(r.Context(), "page took too long", "reference", ref, "error", err)
		c.problem(w, r, nil, http.StatusServiceUnavailable, problem{Heading: "Lapwing is slow just now",
			Text: "Wait a moment, then go back and try again.", Reference: ref})
		return
	}
	c.log.ErrorContext(r.Context(), "page failed", "reference", ref, "error", err)
	c.problem(w, r, nil, http.StatusInternalServerError, problem{Heading: "Something went wrong",
		Text: "It was not your doing, and it has been noted. Go back to keep what you wrote, and try again.", Reference: ref})
}

func (c *Console) crossOrigin(w http.ResponseWriter, r *http.Request) {
	c.problem(w, r, nil, http.StatusForbidden, problem{Heading: "That did not come from this console",
		Text: "Your browser did not say that one of Lapwing's own pages sent it, so nothing was changed. Open the page again here and try once more."})
}

// problem writes an error page; id is nil when who asks is not known.
func (c *Console) problem(w http.ResponseWriter, r *http.Request, id *auth.Identity, status int, p problem) {
	view := view{Title: p.Heading, Content: p}
	if id != nil && id.Tenant != nil {
		view.chrome = c.chrome(*id, "")
	}
	if err := c.pages.write(w, r, status, "problem", view); err != nil {
		c.log.ErrorContext(r.Context(), "error page failed", "error", err)
	}
}
