package console

import (
	"fmt"
	"net/http"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/store"
)

// setPreferences keeps a person's own choice: field "set" is cover, uncover,
// keys-on or keys-off; field "back" is the page to return to.
func (c *Console) setPreferences(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	_, err := store.ChangeUser(r.Context(), id.Tenant, id.User.ID, id.Who(), c.now(), func(u *store.User) error {
		switch r.PostForm.Get("set") {
		case "cover":
			u.CoverWords = true
		case "uncover":
			u.CoverWords = false
		case "keys-on":
			u.NoShortcuts = false
		case "keys-off":
			u.NoShortcuts = true
		default:
			return errMissing
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep preference: %w", err)
	}
	back := localPath(r.PostForm.Get("back"))
	if back == "" {
		back = "/"
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}
