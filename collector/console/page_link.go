package console

import (
	"errors"
	"net/http"

	"github.com/lapwing-schools/lapwing/collector/auth"
)

// linkView is the first-run form: the field names are fixed, other people's
// scripts fill them in.
type linkView struct {
	School, Name, Token string
	Again               bool // the person has a passphrase already
	Errors              []fieldError
}

// FieldError returns the message for a field, or "".
func (v linkView) FieldError(field string) string { return messageFor(v.Errors, field) }

// linkForm shows the form without using the link: mail scanners open links too.
func (c *Console) linkForm(w http.ResponseWriter, r *http.Request) {
	if v, ok := c.linkView(w, r); ok {
		c.showLink(w, r, http.StatusOK, v)
	}
}

func (c *Console) linkView(w http.ResponseWriter, r *http.Request) (linkView, bool) {
	token := r.PathValue("token")
	tenant, user, err := c.auth.LookLink(r.Context(), token)
	if errors.Is(err, auth.ErrLink) {
		c.deadLink(w, r)
		return linkView{}, false
	} else if err != nil {
		c.fail(w, r, err)
		return linkView{}, false
	}
	return linkView{School: tenant.Info().Name, Name: user.Name, Token: token, Again: user.Passphrase != ""}, true
}

func (c *Console) showLink(w http.ResponseWriter, r *http.Request, status int, v linkView) {
	title := "Choose a passphrase"
	if len(v.Errors) > 0 {
		title = "Error: " + title
	}
	if err := c.pages.write(w, r, status, "link", view{Title: title, Bare: true, Content: v}); err != nil {
		c.fail(w, r, err)
	}
}

func (c *Console) deadLink(w http.ResponseWriter, r *http.Request) {
	c.problem(w, r, nil, http.StatusNotFound, problem{Heading: "This sign-in link does not work any more",
		Text: "Each link works once and for a limited time. Ask the person who looks after Lapwing at your school for a new one."})
}

func (c *Console) linkUse(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.answer(w, r, auth.Identity{}, errTooLong)
		return
	}
	v, ok := c.linkView(w, r)
	if !ok {
		return
	}
	passphrase := r.PostForm.Get("passphrase")
	if m := auth.CheckPassphrase(passphrase, v.Name, v.School); m != "" {
		v.Errors = append(v.Errors, fieldError{"passphrase", m})
	} else if passphrase != r.PostForm.Get("passphrase_again") {
		v.Errors = append(v.Errors, fieldError{"passphrase_again", "The two passphrases are not the same"})
	}
	if len(v.Errors) > 0 {
		c.showLink(w, r, http.StatusUnprocessableEntity, v)
		return
	}
	started, err := c.auth.RedeemLink(r.Context(), v.Token, passphrase)
	switch {
	case errors.Is(err, auth.ErrLink):
		c.deadLink(w, r)
	case err != nil:
		c.fail(w, r, err)
	default:
		c.enter(w, r, started, "")
	}
}
