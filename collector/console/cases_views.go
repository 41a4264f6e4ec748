package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// saveView keeps the queue's filter under a name, for its person alone; sent
// with drop it takes one away. A search by person is not kept: it would keep
// who was looked for.
func (c *Console) saveView(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	f := backFilter(r.PostForm.Get("back"))
	f.Person = ""
	query := f.parts().Encode()
	name := strings.Join(strings.Fields(r.PostForm.Get("name")), " ")
	drop := r.PostForm.Get("drop")
	problem := ""
	switch n := utf8.RuneCountInString(name); {
	case drop != "":
	case query == "" || f.Show != "" && len(f.parts()) == 1:
		problem = "Set a filter first. A search for a person is not kept."
	case n == 0:
		problem = "Enter a name for this view."
	case n > store.MaxViewName || !utf8.ValidString(name):
		problem = "The name must be at most 40 characters of plain text."
	}
	if problem == "" {
		_, err := store.ChangeUser(r.Context(), id.Tenant, id.User.ID, id.Who(), c.now(), func(u *store.User) error {
			views := slices.DeleteFunc(slices.Clone(u.Views), func(v store.SavedView) bool { return v.Name == name || v.Name == drop })
			if drop == "" && len(views) == store.MaxViews {
				problem = "You have 12 saved views, and can keep no more. Remove one first."
				return errNothingToDo
			}
			if drop == "" {
				views = append(views, store.SavedView{Name: name, Query: query})
			}
			u.Views = views
			return nil
		})
		if err != nil && problem == "" {
			return fmt.Errorf("save view: %w", err)
		}
	}
	if problem != "" {
		return c.casesAgain(w, r, id, backFilter(r.PostForm.Get("back")), casesForm{Errors: []fieldError{{Field: "view-name", Message: problem}}})
	}
	http.Redirect(w, r, f.address("", ""), http.StatusSeeOther)
	return nil
}
