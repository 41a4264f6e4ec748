package console

import (
	"net/http"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
)

func (c *Console) escalateCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(act) doing {
		return doing{kind: "escalate", used: []string{"to", "escalate_reason"}, do: func(a act) error {
			to, reason := a.fields["to"], a.fields["escalate_reason"]
			f := a.keyed("up", to, reason)
			f.Expect = 0 // it asks for help; nothing is overwritten
			_, err := c.cases.Escalate(r.Context(), id.Tenant, id.Actor, f, caseflow.Role(to), reason)
			return err
		}}
	})
}

// endEscalation may take the case out of the viewer's sight: then the list is next.
func (c *Console) endEscalation(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(a act) doing {
		d := doing{kind: "end", used: []string{"end_reason"}, do: func(a act) error {
			f := a.keyed("end", a.fields["end_reason"])
			f.Expect = 0
			_, err := c.cases.EndEscalation(r.Context(), id.Tenant, id.Actor, f, a.fields["end_reason"])
			return err
		}}
		if !id.Actor.Has(caseflow.DSL) && !id.Actor.Has(caseflow.Deputy) {
			d.next = func(act) (string, error) { return "/cases?returned=" + string(a.Ref), nil }
			d.gone = true
		}
		return d
	})
}

// passOnCase takes the case out of the viewer's sight, as a rule.
func (c *Console) passOnCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(a act) doing {
		return doing{kind: "pass", used: caseFields, gone: true, next: func(act) (string, error) { return "/cases?passed=" + string(a.Ref), nil }, do: func(a act) error {
			reason, self := a.fields["pass_reason"], r.PostForm.Get("act") == "self"
			f := a.keyed("pass", reason, r.PostForm.Get("act"))
			f.Expect = 0 // it must not wait for anybody else's act
			_, err := c.cases.PassOn(r.Context(), id.Tenant, id.Actor, f, self, reason)
			return err
		}}
	})
}

func (c *Console) transferCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(act) doing {
		return doing{kind: "transfer", used: []string{"colleague", "transfer_reason"}, do: func(a act) error {
			to, reason := a.fields["colleague"], a.fields["transfer_reason"]
			f := a.keyed("give", to, reason)
			f.Expect = 0
			_, err := c.cases.Transfer(r.Context(), id.Tenant, id.Actor, f, caseflow.UserID(to), reason)
			return err
		}}
	})
}

func (c *Console) waitCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(act) doing {
		return doing{kind: "wait", used: []string{"on", "until"}, do: func(a act) error {
			until, err := readWhen("until", a.fields["until"], c.zone, c.now())
			if err != nil {
				return err
			}
			f := a.keyed("wait", a.fields["on"], a.fields["until"])
			f.Expect = 0
			_, err = c.cases.Wait(r.Context(), id.Tenant, id.Actor, f, a.fields["on"], until)
			return err
		}}
	})
}

func (c *Console) endWait(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(act) doing {
		return doing{kind: "wait", do: func(a act) error {
			_, err := c.cases.EndWait(r.Context(), id.Tenant, id.Actor, casework.Form{Ref: a.Ref})
			return err
		}}
	})
}
