package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// peopleView lists who may open what, by name, and the roles that open
// captured text and wait for a confirmation ("Roles" in the contract).
type peopleView struct {
	Waiting []personRow
	Rows    []personRow
	Confirm bool // the viewer may confirm
	Limits  int  // people whose years or sites wait for a confirmation
	Tabs    []tab
	// Gaps are posts that nobody holds; Unreviewed tells of cases that nobody may open.
	Gaps, Unreviewed []string
}

type personRow struct {
	ID      caseflow.UserID
	Name    string
	Roles   string
	Pending string // in words
	Grant   string // the pending roles as the form sends them
	State   string // "has not signed in yet", "switched off", or ""
	Self    bool
	Reach   string // what a DSL or deputy sees; "" for others
	Next    string // limits that wait for a confirmation
	Scope   bool   // the viewer may set them
	May     bool   // the viewer may confirm them
}

// confirmer says who may confirm a role that opens captured text.
func confirmer(a caseflow.Actor) bool { return caseflow.Allows(a, caseflow.ConfirmRoles) }

func peopleReader(a caseflow.Actor) bool { return caseflow.Allows(a, caseflow.ListUsers) }

func (c *Console) people(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	users, err := id.Tenant.Users(r.Context())
	if err != nil {
		return fmt.Errorf("list people: %w", err)
	}
	slices.SortFunc(users, func(a, b store.User) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	v := peopleView{Confirm: confirmer(id.Actor)}
	if c.directory != nil {
		v.Tabs = c.directoryTabs(id, "/people")
	}
	var inUse []caseflow.Actor
	for _, u := range users {
		if !u.Disabled {
			inUse = append(inUse, store.ActorOf(u, id.Tenant, c.now()))
		}
	}
	v.Gaps = gaps(inUse)
	if v.Unreviewed, err = c.unreviewed(r, id); err != nil {
		return err
	}
	for _, u := range users {
		row := personRow{ID: u.ID, Name: u.Name, Roles: roleWords(inForce(u)), Pending: roleWords(u.Pending), Grant: grantOf(u), Self: u.ID == id.User.ID}
		if safeguarding(u) {
			row.Reach, row.Scope = reachWords(u.Reach.Years, u.Reach.Sites), caseflow.Allows(id.Actor, caseflow.SetScope)
			if u.Reach.HasNext && !u.Disabled {
				v.Limits++
				row.Next = reachWords(u.Reach.NextYears, u.Reach.NextSites)
				row.May = v.Confirm && !row.Self && u.Reach.NextBy != id.User.ID
			}
		}
		switch {
		case u.Disabled:
			row.State = "Switched off"
		case u.Passphrase == "":
			row.State = "Has not signed in yet"
		}
		if row.Pending != "" && !u.Disabled {
			v.Waiting = append(v.Waiting, row)
		}
		v.Rows = append(v.Rows, row)
	}
	return c.show(w, r, id, "people", "/people", "People", v)
}

// confirmPerson puts a person's waiting roles in force. The form names the
// roles it showed: what was added since is not confirmed unseen. Nobody
// confirms their own.
func (c *Console) confirmPerson(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	of := caseflow.UserID(r.PathValue("id"))
	if of == id.User.ID {
		return errMissing
	}
	_, err := store.ChangeUser(r.Context(), id.Tenant, of, id.Who(), c.now(), func(u *store.User) error {
		if u.Disabled {
			return errMissing
		}
		if grant := grantOf(*u); grant == "" || grant != r.PostForm.Get("grant") {
			return errNothingToDo
		}
		for _, role := range u.Pending {
			if !slices.Contains(u.Roles, role) {
				u.Roles = append(u.Roles, role)
			}
		}
		u.Pending = nil
		return nil
	})
	if err != nil && !errors.Is(err, errNothingToDo) {
		return fmt.Errorf("confirm role: %w", err)
	}
	http.Redirect(w, r, "/people", http.StatusSeeOther)
	return nil
}

// errNothingToDo ends a change that would alter nothing.
var errNothingToDo = errors.New("nothing to do")

func inForce(u store.User) []caseflow.Role {
	return slices.DeleteFunc(slices.Clone(u.Roles), func(r caseflow.Role) bool { return slices.Contains(u.Pending, r) })
}

func grantOf(u store.User) string {
	words := make([]string, len(u.Pending))
	for i, r := range u.Pending {
		words[i] = string(r)
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// waiting counts people whose roles the viewer may confirm.
func (c *Console) waiting(ctx context.Context, id auth.Identity) (int, error) {
	if !confirmer(id.Actor) {
		return 0, nil
	}
	users, err := id.Tenant.Users(ctx)
	if err != nil {
		return 0, fmt.Errorf("list people: %w", err)
	}
	n := 0
	for _, u := range users {
		if len(u.Pending) > 0 && !u.Disabled && u.ID != id.User.ID {
			n++
		}
	}
	return n, nil
}
