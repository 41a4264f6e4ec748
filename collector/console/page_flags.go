package console

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// pupilsShown is how many a search lists.
const pupilsShown = 20

// flagsView lists flags in force, those to be reviewed first before the others.
type flagsView struct {
	Tabs           []tab
	Sentence, Rest string
	Rows           []flagRow
	Who            string
	Searched       bool
	Found          []pupilRow
	Errors         []fieldError
}

// FieldError is the message for one field, or "".
func (v flagsView) FieldError(field string) string { return messageFor(v.Errors, field) }

type pupilRow struct{ Key, Name, Year, Accounts string }

type flagRow struct {
	ID, Key, Name, Year string
	Kind, Reason        string
	Review              string
	Overdue             bool
	By                  string
}

func (c *Console) flagsPage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showFlags(w, r, id, http.StatusOK, flagsView{})
}

func (c *Console) showFlags(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, v flagsView) error {
	flags, err := c.directory.Flags(r.Context(), id.Tenant, id.Actor, caseflow.PersonKey{})
	if err != nil {
		return fmt.Errorf("list flags: %w", err)
	}
	overdue := 0
	for _, f := range flags {
		p, err := c.directory.Show(r.Context(), id.Tenant, id.Actor, f.Person)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("list flags: %w", err)
		}
		row := c.flagRow(f)
		row.Name, row.Year = p.Name, p.Year
		if row.Name == "" {
			row.Name = "Name not known"
		}
		v.Rows = append(v.Rows, row)
		if f.Overdue {
			overdue++
		}
	}
	v.Tabs = c.directoryTabs(id, "/people/flags")
	v.Sentence = plural(len(flags), "flag is in force.", "flags are in force.")
	if len(flags) == 0 {
		v.Sentence = "No flag is in force."
	}
	if overdue > 0 {
		v.Rest = plural(overdue, "is", "are") + " past the review date. "
	}
	v.Rest += "A flag stands beside the pupil’s name in the queue and on the case, for DSLs and deputies only. Its reason is on this page only."
	return c.pages.write(w, r, status, "flags", view{chrome: c.chrome(id, "/people"), Title: "Vulnerable pupils", Content: v})
}

func (c *Console) flagRow(f roster.FlagView) flagRow {
	return flagRow{ID: f.ID, Key: hex.EncodeToString(f.Person[:]), Kind: flagWord(f.Kind), Reason: f.Reason,
		Review: f.Review.In(c.zone).Format("2 January 2006"), Overdue: f.Overdue, By: f.ByName + ", " + f.Set.In(c.zone).Format("2 January 2006")}
}

// findPupil is a form, not an address: a name has no place in a browser's history.
func (c *Console) findPupil(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	v := flagsView{Who: clipText(r.PostForm.Get("who"), 100), Searched: true}
	found, err := c.directory.FindPupils(r.Context(), id.Tenant, id.Actor, v.Who, pupilsShown)
	var invalid *caseflow.InvalidError
	if errors.As(err, &invalid) {
		v.Searched, v.Errors = false, []fieldError{{Field: "who", Message: invalid.Message}}
		return c.showFlags(w, r, id, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return fmt.Errorf("find pupil: %w", err)
	}
	for _, p := range found {
		row := pupilRow{Key: hex.EncodeToString(p.Key[:]), Name: p.Name, Year: p.Year}
		if len(p.Accounts) > 0 {
			row.Accounts = p.Accounts[0]
		}
		v.Found = append(v.Found, row)
	}
	return c.showFlags(w, r, id, http.StatusOK, v)
}

// pupilView is one pupil's flags and the form for another.
type pupilView struct {
	Tabs       []tab
	Key        string
	Name, Year string
	Rows       []flagRow
	Kinds      []choice
	Reason     string
	Review     string
	Errors     []fieldError
	MaxReason  int
	Form       string // key of the form
}

type choice struct {
	Value, Label string
	Chosen       bool
}

// FieldError is the message for one field, or "".
func (v pupilView) FieldError(field string) string { return messageFor(v.Errors, field) }

func (c *Console) pupilPage(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showPupil(w, r, id, http.StatusOK, pupilView{}, "")
}

func (c *Console) showPupil(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, v pupilView, chosen store.FlagKind) error {
	key, err := personOf(r)
	if err != nil {
		return err
	}
	p, err := c.directory.Show(r.Context(), id.Tenant, id.Actor, key)
	if err != nil {
		return fmt.Errorf("show pupil: %w", err)
	}
	flags, err := c.directory.Flags(r.Context(), id.Tenant, id.Actor, key)
	if err != nil {
		return fmt.Errorf("show pupil: %w", err)
	}
	for _, f := range flags {
		v.Rows = append(v.Rows, c.flagRow(f))
	}
	v.Form = rand.Text()
	v.Tabs, v.Key, v.Name, v.Year, v.MaxReason = c.directoryTabs(id, "/people/flags"), hex.EncodeToString(key[:]), p.Name, p.Year, roster.MaxFlagReason
	if v.Name == "" {
		v.Name = "Name not known"
	}
	for _, k := range store.FlagKinds() {
		v.Kinds = append(v.Kinds, choice{string(k), flagWord(k), k == chosen})
	}
	return c.pages.write(w, r, status, "pupil", view{chrome: c.chrome(id, "/people"), Title: "Flags of a pupil", Content: v})
}

func (c *Console) setFlag(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	key, err := personOf(r)
	if err != nil {
		return err
	}
	v := pupilView{Reason: r.PostForm.Get("reason"), Review: r.PostForm.Get("review")}
	kind := store.FlagKind(r.PostForm.Get("kind"))
	// A date that is none is one that is not after today.
	review, _ := time.ParseInLocation(time.DateOnly, v.Review, c.zone)
	err = c.directory.SetFlag(r.Context(), id.Tenant, id.Actor, id.Who(), roster.FlagForm{Person: key, Kind: kind, Reason: v.Reason, Review: review, Key: r.PostForm.Get("key")})
	if v.Errors, err = formErrors(err); len(v.Errors) > 0 {
		return c.showPupil(w, r, id, http.StatusUnprocessableEntity, v, kind)
	}
	if err != nil {
		return fmt.Errorf("set flag: %w", err)
	}
	http.Redirect(w, r, "/people/flags/person/"+hex.EncodeToString(key[:]), http.StatusSeeOther)
	return nil
}

func (c *Console) endFlag(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	key, err := personOf(r)
	if err != nil {
		return err
	}
	err = c.directory.EndFlag(r.Context(), id.Tenant, id.Actor, id.Who(), key, r.PostForm.Get("flag"))
	if err != nil && !errors.Is(err, store.ErrNotFound) { // ended twice is ended
		return fmt.Errorf("end flag: %w", err)
	}
	http.Redirect(w, r, "/people/flags/person/"+hex.EncodeToString(key[:]), http.StatusSeeOther)
	return nil
}

// personOf is the person of an address.
func personOf(r *http.Request) (k caseflow.PersonKey, err error) {
	b, err := hex.DecodeString(r.PathValue("key"))
	if err != nil || len(b) != len(k) {
		return k, errMissing
	}
	copy(k[:], b)
	return k, nil
}
