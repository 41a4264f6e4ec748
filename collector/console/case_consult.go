package console

import (
	"net/http"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
)

// consultView is somebody from outside who is asked about the case.
type consultView struct {
	ID       caseflow.UserID
	Name     string
	Asked    string // "by you, 8:14am"
	Answered string // when, or ""
	Suggests string // "No concern; severity low", or ""
	Outcome  string // the value that the form would take
	Why      string
}

func (c *Console) consulted(k casework.CaseView, now time.Time) (out []consultView) {
	for _, o := range k.Case.Consulted {
		v := consultView{ID: o.User, Name: o.Name, Asked: "by " + orWord(o.ByName, "a colleague") + ", " + moment(o.At.In(c.zone), now),
			Suggests: suggestionWords(o.Outcome, o.Severity), Outcome: string(o.Outcome)}
		if !o.Answered.IsZero() {
			v.Answered = moment(o.Answered.In(c.zone), now)
		}
		for _, it := range k.History { // the newest first
			if it.Kind == casework.ItemSuggested && it.Who == o.Name {
				v.Why = it.Text
				break
			}
		}
		out = append(out, v)
	}
	return out
}

// outside says in a row that somebody from outside is asked, or has answered.
func outside(k caseflow.Case) string {
	said := ""
	for _, o := range k.Consulted {
		if !o.Answered.IsZero() {
			return "View from outside is in"
		}
		said = "Asked outside"
	}
	return said
}

func (c *Console) consultCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(act) doing {
		return doing{kind: "consult", used: []string{"reviewer", "question"}, do: func(a act) error {
			to, question := a.fields["reviewer"], a.fields["question"]
			f := a.keyed("consult", to, question)
			f.Expect = 0 // it overwrites nothing
			_, err := c.cases.Consult(r.Context(), id.Tenant, id.Actor, f, caseflow.UserID(to), question)
			return err
		}}
	})
}

func (c *Console) endConsult(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(act) doing {
		return doing{kind: "consult", do: func(a act) error {
			_, err := c.cases.EndConsult(r.Context(), id.Tenant, id.Actor, casework.Form{Ref: a.Ref}, caseflow.UserID(r.PostForm.Get("from")))
			return err
		}}
	})
}
