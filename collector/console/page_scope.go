package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/audit"
	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// Which years and sites a DSL or deputy sees: an administrator asks for it, a
// DSL or the head confirms it, and for an hour the person may look beyond it
// (break glass).

// scopeView is the form for one person's years and sites.
type scopeView struct {
	ID           caseflow.UserID
	Name         string
	Years, Sites []option
	Errors       []fieldError
	Now          string
}

func (c *Console) scopeForm(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showScope(w, r, id, http.StatusOK, nil)
}

func (c *Console) showScope(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, wrong []fieldError) error {
	u, err := id.Tenant.User(r.Context(), caseflow.UserID(r.PathValue("id")))
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	if !safeguarding(u) {
		return errMissing
	}
	years, sites, err := id.Tenant.Years(r.Context())
	if err != nil {
		return fmt.Errorf("read years: %w", err)
	}
	v := scopeView{ID: u.ID, Name: u.Name, Errors: wrong, Now: reachWords(u.Reach.Years, u.Reach.Sites),
		Years: ticks(years, u.Reach.Years), Sites: ticks(sites, u.Reach.Sites)}
	view := view{chrome: c.chrome(id, "/people"), Title: "Years and sites", Content: v}
	return c.pages.write(w, r, status, "scope", view)
}

func ticks(all, chosen []string) (out []option) {
	for _, s := range all {
		out = append(out, option{s, s, slices.Contains(chosen, s)})
	}
	return out
}

// safeguarding reports whether a scope means anything for the user.
func safeguarding(u store.User) bool {
	return slices.ContainsFunc(u.Roles, func(r caseflow.Role) bool { return r == caseflow.DSL || r == caseflow.Deputy })
}

func reachWords(years, sites []string) string {
	all := slices.Concat(years, sites)
	if len(all) == 0 {
		return "the whole school"
	}
	return strings.Join(all, ", ")
}

// askScope keeps the limits that an administrator asks for. They are in force
// once a DSL or the head has confirmed them: narrower ones too, for they hide cases.
func (c *Console) askScope(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	years, sites, err := id.Tenant.Years(r.Context())
	if err != nil {
		return fmt.Errorf("read years: %w", err)
	}
	keep := func(asked, known []string) []string {
		return slices.DeleteFunc(slices.Clone(known), func(s string) bool { return !slices.Contains(asked, s) })
	}
	nextYears, nextSites := keep(r.PostForm["years"], years), keep(r.PostForm["sites"], sites)
	of := caseflow.UserID(r.PathValue("id"))
	_, err = store.ChangeUser(r.Context(), id.Tenant, of, id.Who(), c.now(), func(u *store.User) error {
		if !safeguarding(*u) {
			return errMissing
		}
		u.Reach.NextYears, u.Reach.NextSites, u.Reach.HasNext, u.Reach.NextBy = nextYears, nextSites, true, id.User.ID
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask for years and sites: %w", err)
	}
	if err := c.recordScope(r, id, audit.ScopeAsked, of); err != nil {
		return err
	}
	http.Redirect(w, r, "/people", http.StatusSeeOther)
	return nil
}

func (c *Console) recordScope(r *http.Request, id auth.Identity, a audit.Action, of caseflow.UserID) error {
	if err := id.Tenant.Append(r.Context(), audit.Entry{At: c.now(), Who: id.Who(), Action: a, Object: []string{string(of)}}); err != nil {
		return fmt.Errorf("record years and sites: %w", err)
	}
	return nil
}

// errLastWhole: somebody must see the whole school.
var errLastWhole = errors.New("the last DSL or deputy who sees the whole school")

// confirmScope puts the limits in force that were asked for. Nobody confirms
// their own, or what they asked for themselves, and one DSL or deputy keeps the
// whole school in view: no case may be in nobody's years.
func (c *Console) confirmScope(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	of := caseflow.UserID(r.PathValue("id"))
	users, err := id.Tenant.Users(r.Context())
	if err != nil {
		return fmt.Errorf("list people: %w", err)
	}
	others := slices.ContainsFunc(users, func(u store.User) bool {
		a := store.ActorOf(u, id.Tenant, c.now())
		return u.ID != of && !u.Disabled && (a.Has(caseflow.DSL) || a.Has(caseflow.Deputy)) && !a.Scope.Limited()
	})
	_, err = store.ChangeUser(r.Context(), id.Tenant, of, id.Who(), c.now(), func(u *store.User) error {
		next := u.Reach
		switch {
		case of == id.User.ID || next.NextBy == id.User.ID || u.Disabled:
			return errMissing
		case !next.HasNext || r.PostForm.Get("grant") != reachWords(next.NextYears, next.NextSites):
			return errNothingToDo
		case !others && len(next.NextYears)+len(next.NextSites) > 0:
			return errLastWhole
		}
		u.Reach = store.Reach{Years: next.NextYears, Sites: next.NextSites}
		return nil
	})
	switch {
	case errors.Is(err, errLastWhole):
		return c.problem422(w, r, id, "Somebody must see the whole school",
			"This is the last DSL or deputy who does. Give another the whole school first; no case may be in nobody’s years.")
	case errors.Is(err, errNothingToDo):
	case err != nil:
		return fmt.Errorf("confirm years and sites: %w", err)
	default:
		if err := c.recordScope(r, id, audit.ScopeSet, of); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/people", http.StatusSeeOther)
	return nil
}

func (c *Console) problem422(w http.ResponseWriter, r *http.Request, id auth.Identity, heading, text string) error {
	c.problem(w, r, &id, http.StatusUnprocessableEntity, problem{Heading: heading, Text: text})
	return nil
}

// beyondView is the form that breaks the glass.
type beyondView struct {
	Mine   string
	Until  string // while it is broken
	Reason string
	Errors []fieldError
}

func (c *Console) beyondForm(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showBeyond(w, r, id, http.StatusOK, beyondView{})
}

func (c *Console) showBeyond(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, v beyondView) error {
	if !id.Actor.Scope.Limited() {
		return errMissing // nothing is hidden by a scope
	}
	v.Mine, v.Until = reachWords(id.Actor.Scope.Years, id.Actor.Scope.Sites), c.glassUntil(id)
	return c.pages.write(w, r, status, "beyond", view{chrome: c.chrome(id, "/cases"), Title: "Look beyond your years", Content: v})
}

// glassUntil is when broken glass ends, or "".
func (c *Console) glassUntil(id auth.Identity) string {
	if !id.Actor.Scope.Broken {
		return ""
	}
	return clock(id.User.Reach.GlassUntil.In(c.zone))
}

func (c *Console) breakGlass(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	reason := r.PostForm.Get("reason")
	err := c.cases.BreakGlass(r.Context(), id.Tenant, id.Actor, reason)
	var invalid *caseflow.InvalidError
	if errors.As(err, &invalid) {
		return c.showBeyond(w, r, id, http.StatusUnprocessableEntity, beyondView{Reason: reason, Errors: []fieldError{{Field: "reason", Message: invalid.Message}}})
	}
	if err != nil {
		return fmt.Errorf("break glass: %w", err)
	}
	http.Redirect(w, r, "/cases", http.StatusSeeOther)
	return nil
}

func (c *Console) mendGlass(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := c.cases.MendGlass(r.Context(), id.Tenant, id.Actor); err != nil {
		return fmt.Errorf("mend glass: %w", err)
	}
	http.Redirect(w, r, "/cases", http.StatusSeeOther)
	return nil
}
