package console

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// homeView tells people with no work page of their own what their role opens.
type homeView struct {
	Name    string
	Roles   []roleHelp
	Pending string // roles that wait for a confirmation
	Waiting int    // people who wait for the viewer's
	// Unreviewed tells of cases that nobody may open.
	Unreviewed []string
	CheckDue   string
	// Cases waits for the viewer, in a sentence; "" where none does.
	Cases string
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
	if v.Unreviewed, err = c.unreviewed(r, id); err != nil {
		return err
	}
	if v.Cases, err = c.casesWait(r, id); err != nil {
		return err
	}
	if v.CheckDue, err = c.checkDue(r, id); err != nil {
		return err
	}
	for _, role := range caseflow.Roles() {
		if slices.Contains(a.Roles, role) {
			v.Roles = append(v.Roles, homeHelp(role))
		}
	}
	return c.show(w, r, id, "home", "/", "Home", v)
}

// casesWait says what waits for a head or chair, who have other pages besides:
// counts of what they may see, and no content.
func (c *Console) casesWait(r *http.Request, id auth.Identity) (string, error) {
	if !reviewer(id.Actor) {
		return "", nil
	}
	count := func(q store.QueueQuery) (int, error) {
		q.Now, q.CountOnly = c.now(), true
		page, err := id.Tenant.Queue(r.Context(), caseflow.Working(id.Actor), q)
		if err != nil {
			return 0, fmt.Errorf("count cases: %w", err)
		}
		return page.Total, nil
	}
	all, err := count(store.QueueQuery{})
	if err != nil || all == 0 {
		return "", err
	}
	asked, err := count(store.QueueQuery{Category: vocab.Help})
	if err != nil {
		return "", err
	}
	sentence := plural(all, "case waits for you.", "cases wait for you.")
	switch {
	case asked == 1 && all == 1:
		sentence += " Somebody asks for help in it."
	case asked == 1:
		sentence += " In one of them somebody asks for help."
	case asked > 1:
		sentence += " In " + thousands(asked) + " of them somebody asks for help."
	}
	return sentence, nil
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
