package console

import (
	"net/http"
	"slices"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
)

// homeView tells people with no work page of their own what their role opens.
type homeView struct {
	Name    string
	Roles   []roleHelp
	Pending string // roles that wait for a confirmation
	Waiting int    // people who wait for the viewer's
}

// roleHelp says in a sentence each what a role sees here today.
type roleHelp struct{ Role, Now, Never string }

// home sends people to their work, and tells the others where they stand.
func (c *Console) home(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	a := id.Actor
	switch {
	case a.Has(caseflow.DSL), a.Has(caseflow.Deputy):
		http.Redirect(w, r, "/cases", http.StatusSeeOther)
		return nil
	case len(a.Roles) == 1 && a.Has(caseflow.External):
		http.Redirect(w, r, "/reviews", http.StatusSeeOther)
		return nil
	case len(a.Roles) == 1 && a.Has(caseflow.Technician):
		http.Redirect(w, r, "/devices", http.StatusSeeOther)
		return nil
	}
	v := homeView{Name: id.User.Name, Pending: roleWords(id.User.Pending)}
	var err error
	if v.Waiting, err = c.waiting(r.Context(), id); err != nil {
		return err
	}
	for _, role := range caseflow.Roles() {
		if slices.Contains(a.Roles, role) {
			v.Roles = append(v.Roles, homeHelp(role))
		}
	}
	return c.show(w, r, id, "home", "/", "Home", v)
}

func homeHelp(r caseflow.Role) roleHelp {
	h := roleHelp{Role: roleWord(r)}
	switch r {
	case caseflow.Administrator:
		h.Now = "You keep the directory, and who may open what. Accounts are added with the lapwing-collector command on the server."
		h.Never = "You never see what anybody typed."
	case caseflow.Technician:
		h.Now = "Under Devices you find each device, what Lapwing can see on it, and what to do where it cannot."
		h.Never = "You never see what anybody typed, or who typed it."
	case caseflow.Head:
		h.Now = "Under Cases you find those about members of staff, and about a safeguarding lead. Under Devices you see whether monitoring works."
		h.Never = "A case about you goes to the chair of governors, and is never shown or counted here."
	case caseflow.Chair:
		h.Now = "Under Cases you find those about the head teacher."
		h.Never = "You see no other case."
	case caseflow.Leadership, caseflow.Governor:
		h.Now = "Under Compliance you find the answer to \"Is our monitoring working?\". The termly report comes with a later version."
		h.Never = "You never see what anybody typed, and no number small enough to tell who it was."
	case caseflow.DPO:
		h.Now = "The audit log shows who did and who read what."
		h.Never = "You see content only for a recorded request, which comes with a later version."
	case caseflow.External:
		h.Now = "Under Reviews you find the cases that the school asks you about. You say what you would do; the school decides."
		h.Never = "You never see a name, a device, or what colleagues wrote."
	default:
		h.Now = "Under Cases you find what waits for review."
	}
	return h
}
