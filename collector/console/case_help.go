package console

import (
	"net/http"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
)

// helpView is a request for help, beside the person's own words.
type helpView struct {
	When, Whom string // they would like to talk
	AboutStaff bool
	Reader     string // who reads it for that
	// Hidden: they asked that their name is not shown, and nobody has opened it.
	// Opened says who did, and why.
	Hidden bool
	Opened string
	Reason string
}

// askWords says what somebody who asked for help would like.
func askWords(a casework.Ask) (when, whom string) {
	when, whom = "This week is soon enough", "Anybody"
	if a.Today {
		when = "Today"
	}
	if a.TalkTo != "" {
		whom = a.TalkTo
	}
	return when, whom
}

// askChip is how soon, for a row; whom they would like to talk to is with the words.
func askChip(a *casework.Ask) string {
	switch {
	case a == nil:
		return ""
	case a.Today:
		return "Wants to talk today"
	}
	return "This week is soon enough"
}

func (c *Console) helpView(k casework.CaseView) *helpView {
	h := k.Case.Help
	if !h.Asked {
		return nil
	}
	v := &helpView{AboutStaff: h.AboutStaff, Hidden: k.Person.Hidden}
	if v.Reader = "the head teacher"; k.Case.Queue == caseflow.QueueChair {
		v.Reader = "you, the chair of governors, because it concerns the head teacher"
	}
	for _, cp := range k.Captures {
		if cp.Ask != nil {
			v.When, v.Whom = askWords(*cp.Ask)
		}
	}
	for _, it := range k.History {
		if it.Kind == casework.ItemNameOpened {
			v.Opened, v.Reason = doer(it)+" opened it, "+moment(it.At.In(c.zone), k.Now.In(c.zone)), it.Text
		}
	}
	return v
}

// openName shows the name of somebody who asked not to be named, for a reason.
func (c *Console) openName(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(act) doing {
		return doing{kind: "name", used: []string{"name_reason"}, do: func(a act) error {
			reason := a.fields["name_reason"]
			f := a.keyed("name", reason)
			f.Expect = 0 // it overwrites nothing, and once opened it is open
			_, err := c.cases.OpenName(r.Context(), id.Tenant, id.Actor, f, reason)
			return err
		}}
	})
}
