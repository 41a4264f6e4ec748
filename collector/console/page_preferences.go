package console

import (
	"fmt"
	"net/http"

	"github.com/lapwing-schools/lapwing/collector/auth"
)

// setPreferences keeps a person's own choice: field "set" is cover, uncover,
// keys-on or keys-off; field "back" is the page to return to.
func (c *Console) setPreferences(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	// Read again just before writing: nothing else of the user may go back in time.
	u, err := id.Tenant.User(r.Context(), id.User.ID)
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
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
	if err := id.Tenant.PutUser(r.Context(), u, id.Who(), c.now()); err != nil {
		return fmt.Errorf("keep preference: %w", err)
	}
	back := localPath(r.PostForm.Get("back"))
	if back == "" {
		back = "/"
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}
