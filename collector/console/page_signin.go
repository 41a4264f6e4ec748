package console

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// signInView is the sign-in form, with what was typed but the passphrase.
type signInView struct {
	School  string
	Schools []store.School // only when there is a choice
	Chosen  store.SchoolID
	Login   string
	Next    string
	Errors  []fieldError
}

// fieldError is one line of the error summary and the message at its field.
type fieldError struct{ Field, Message string }

// FieldError returns the message for a field, or "".
func (v signInView) FieldError(field string) string { return messageFor(v.Errors, field) }

func messageFor(errs []fieldError, field string) string {
	for _, e := range errs {
		if e.Field == field {
			return e.Message
		}
	}
	return ""
}

// askToSignIn sends someone without a session to the form. A browser that
// follows a link from elsewhere leaves the Strict cookie out; a page of our
// own that opens the address again gets it back.
func (c *Console) askToSignIn(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Dest") == "document" {
		to := orWord(localPath(r.URL.RequestURI()), "/")
		if err := c.pages.write(w, r, http.StatusOK, "again", view{Title: "Opening Lapwing", Bare: true, Content: to}); err != nil {
			c.fail(w, r, err)
		}
		return
	}
	if !byPerson(r) {
		http.Error(w, "signed out", http.StatusUnauthorized)
		return
	}
	to := "/sign-in"
	if r.Method == http.MethodGet && r.URL.Path != "/" {
		to += "?next=" + pathEscape(r.URL.Path)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	c.showSignIn(w, r, http.StatusOK, signInView{Next: localPath(r.URL.Query().Get("next"))})
}

func (c *Console) showSignIn(w http.ResponseWriter, r *http.Request, status int, v signInView) {
	all, err := c.store.Schools(r.Context())
	if err != nil {
		c.fail(w, r, fmt.Errorf("list schools: %w", err))
		return
	}
	if len(all) == 1 {
		v.School = all[0].Name
	} else {
		v.Schools = all
	}
	title := "Sign in"
	if len(v.Errors) > 0 {
		title = "Error: " + title
	}
	if err := c.pages.write(w, r, status, "sign-in", view{Title: title, Bare: true, Content: v}); err != nil {
		c.fail(w, r, err)
	}
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.answer(w, r, auth.Identity{}, errTooLong)
		return
	}
	v := signInView{Login: strings.ToValidUTF8(r.PostForm.Get("login"), ""), Next: localPath(r.PostForm.Get("next"))}
	passphrase := r.PostForm.Get("passphrase")
	if strings.TrimSpace(v.Login) == "" {
		v.Errors = append(v.Errors, fieldError{"login", "Enter your name or e-mail address"})
	} else if len(v.Login) > auth.MaxLoginBytes {
		v.Login = ""
		v.Errors = append(v.Errors, fieldError{"login", "Enter a name or e-mail address of at most 320 characters"})
	}
	if passphrase == "" {
		v.Errors = append(v.Errors, fieldError{"passphrase", "Enter your passphrase"})
	} else if len(passphrase) > auth.MaxPassphraseBytes {
		v.Errors = append(v.Errors, fieldError{"passphrase", "Enter a passphrase of at most 1,024 characters"})
	}
	school, err := c.chosenSchool(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if v.Chosen = school; school == 0 {
		v.Errors = append(v.Errors, fieldError{"school", "Choose your school"})
	}
	if len(v.Errors) > 0 {
		c.showSignIn(w, r, http.StatusUnprocessableEntity, v)
		return
	}
	started, err := c.auth.SignIn(r.Context(), school, v.Login, passphrase, auth.Browser{Address: clientAddress(r), Cookies: r.Cookies()})
	var slow *auth.ThrottledError
	switch {
	case errors.As(err, &slow):
		w.Header().Set("Retry-After", strconv.Itoa(int(slow.Wait/time.Second)+1))
		v.Errors = []fieldError{{"login", "Too many tries. Wait " + inWords(max(slow.Wait, time.Minute)) + ", then try again"}}
		c.showSignIn(w, r, http.StatusTooManyRequests, v)
	case errors.Is(err, auth.ErrRefused):
		v.Errors = []fieldError{{"login", "That name and passphrase do not go together"}}
		c.showSignIn(w, r, http.StatusUnprocessableEntity, v)
	case err != nil:
		c.fail(w, r, err)
	default:
		c.enter(w, r, started, v.Next)
	}
}

// enter replaces whatever session the browser had and opens the first page.
func (c *Console) enter(w http.ResponseWriter, r *http.Request, s auth.Started, next string) {
	if old, err := c.auth.Resolve(r.Context(), r, false); err == nil {
		if _, err := c.auth.SignOut(r.Context(), old); err != nil {
			c.log.WarnContext(r.Context(), "older session not ended", "error", err)
		}
	}
	http.SetCookie(w, s.Cookie)
	http.SetCookie(w, s.Known)
	if next == "" {
		next = "/"
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// chosenSchool is the only school, or the one chosen in the form; 0 for none.
func (c *Console) chosenSchool(r *http.Request) (store.SchoolID, error) {
	all, err := c.store.Schools(r.Context())
	if err != nil {
		return 0, fmt.Errorf("list schools: %w", err)
	}
	if len(all) == 1 {
		return all[0].ID, nil
	}
	for _, s := range all {
		if strconv.Itoa(int(s.ID)) == r.PostForm.Get("school") {
			return s.ID, nil
		}
	}
	return 0, nil
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	cookie, err := c.auth.SignOut(r.Context(), id)
	if err != nil {
		return err
	}
	http.SetCookie(w, cookie)
	// Pages are no-store; this also drops what the back-forward cache may hold.
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, "/signed-out", http.StatusSeeOther)
	return nil
}

func (c *Console) signedOut(w http.ResponseWriter, r *http.Request) {
	if err := c.pages.write(w, r, http.StatusOK, "signed-out", view{Title: "You are signed out", Bare: true}); err != nil {
		c.fail(w, r, err)
	}
}
