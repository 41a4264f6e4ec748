package console

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
)

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// doing is one act: what it is called, what it does, which fields it makes
// into something, and where it leads.
type doing struct {
	kind string
	do   func(a act) error
	used []string
	next func(a act) (string, error)
	gone bool // done, the case may be out of the viewer's sight
}

// perform runs an act on a case. First what was written is kept, then the
// steps that were ticked, then comes the act itself: whatever becomes of it,
// the words are there.
func (c *Console) perform(w http.ResponseWriter, r *http.Request, id auth.Identity, make func(act) doing) error {
	a, err := readAct(r, caseFields)
	if err != nil {
		return err
	}
	d := make(a)
	kept := c.keep(r, id, a, a.fields)
	if kept != nil && !errors.As(kept, new(*caseflow.InvalidError)) {
		return fmt.Errorf("keep draft: %w", kept)
	}
	// A draft that is too long stands in the form that is shown next; the act says so at its field.
	err = c.tick(r, id, a)
	next := ""
	if err == nil && d.next != nil {
		next, err = d.next(a)
	}
	if err == nil {
		err = d.do(a)
	}
	if err != nil {
		return c.refused(w, r, id, a, d.kind, err)
	}
	if err := c.keep(r, id, a, a.without(d.used...)); err != nil && !(d.gone && errors.Is(err, store.ErrNotFound)) {
		return c.refused(w, r, id, a, d.kind, err)
	}
	if next == "" {
		next = "/cases/" + string(a.Ref)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// keep saves fields as the viewer's draft, if the form had any.
func (c *Console) keep(r *http.Request, id auth.Identity, a act, fields map[string]string) error {
	if len(a.fields) == 0 {
		return nil
	}
	_, err := c.cases.KeepDraft(r.Context(), id.Tenant, id.Actor, a.Ref, fields)
	return err
}

// tick brings the playbook's steps to what was sent. Only steps that this
// person changed are touched: what a colleague ticked meanwhile stays.
func (c *Console) tick(r *http.Request, id auth.Identity, a act) error {
	if !a.steps {
		return nil
	}
	mark := func(step string, done bool) error {
		// Without version and key: a tick overwrites nothing, and twice is once.
		if _, err := c.cases.Mark(r.Context(), id.Tenant, id.Actor, casework.Form{Ref: a.Ref}, step, done); err != nil {
			return fmt.Errorf("tick step: %w", err)
		}
		return nil
	}
	for _, step := range a.ticked {
		if !slices.Contains(a.shown, step) {
			if err := mark(step, true); err != nil {
				return err
			}
		}
	}
	for _, step := range a.shown {
		if !slices.Contains(a.ticked, step) {
			if err := mark(step, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// claimCase takes the case and opens it. No version is asked for: of two who
// claim, the domain lets one win.
func (c *Console) claimCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(act) doing {
		return doing{kind: "claim", do: func(a act) error {
			// No key: pressed again later, it keeps the case for longer.
			_, err := c.cases.Claim(r.Context(), id.Tenant, id.Actor, casework.Form{Ref: a.Ref})
			return err
		}}
	})
}

func (c *Console) releaseCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(act) doing {
		return doing{kind: "release", do: func(a act) error {
			_, err := c.cases.Release(r.Context(), id.Tenant, id.Actor, casework.Form{Ref: a.Ref})
			return err
		}}
	})
}

// recordCase is the decision: "act" is note or close. A note is added whatever
// else happened meanwhile, as it overwrites nothing.
func (c *Console) recordCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(a act) doing {
		if r.PostForm.Get("act") == "note" {
			return doing{kind: "note", used: []string{"note"}, next: func(a act) (string, error) { return "/cases/" + string(a.Ref) + "#what-happened", nil },
				do: func(a act) error {
					f := a.keyed("note", a.fields["note"])
					f.Expect = 0
					_, err := c.cases.Note(r.Context(), id.Tenant, id.Actor, f, a.fields["note"])
					return err
				}}
		}
		// Where to go on is looked up before: the closed case has no place in the queue.
		return doing{kind: "close", used: caseFields, next: func(a act) (string, error) { return c.nextFree(r, id, a.Ref) },
			do: func(a act) error { return c.closeCase(r, id, a) }}
	})
}

// closeCase closes. If the case changed in ways that do not concern the
// decision (the reviewer's own acts, a capture completed without growing more
// serious), it closes the case as it is now; otherwise the reviewer looks again.
func (c *Console) closeCase(r *http.Request, id auth.Identity, a act) error {
	if a.fields["outcome"] == "" {
		return &caseflow.InvalidError{Field: "outcome", Message: "Choose an outcome before you close the case"}
	}
	form, err := a.closing(c.zone, c.now())
	if err != nil {
		return err
	}
	_, err = c.cases.Close(r.Context(), id.Tenant, id.Actor, form)
	var stale *caseflow.StaleError
	if !errors.As(err, &stale) {
		return err
	}
	k, openErr := c.cases.Open(r.Context(), id.Tenant, id.Actor, a.Ref)
	if openErr != nil {
		return openErr
	}
	for _, it := range since(k, a.Expect) {
		harmless := it.You || it.Kind == casework.ItemSeen || it.Kind == casework.ItemRevised && it.Severity <= a.seen
		if !harmless {
			return err
		}
	}
	form.Expect = k.Case.Version
	_, err = c.cases.Close(r.Context(), id.Tenant, id.Actor, form)
	return err
}

// since returns what happened to the case after version, newest first: each
// event is one version, and an item knows which.
func since(k casework.CaseView, version uint64) []casework.Item {
	n := 0
	for n < len(k.History) && k.History[n].Version > version {
		n++
	}
	return k.History[:n]
}

func (c *Console) reopenCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.perform(w, r, id, func(act) doing {
		return doing{kind: "reopen", used: []string{"reason"}, do: func(a act) error {
			_, err := c.cases.Reopen(r.Context(), id.Tenant, id.Actor, a.keyed("reopen", a.fields["reason"]), a.fields["reason"])
			return err
		}}
	})
}

// draftCase keeps what was written and nothing more. The script asks for it
// every few seconds and reads the answer; a person presses "Keep draft".
func (c *Console) draftCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	a, err := readAct(r, caseFields)
	if err != nil {
		return err
	}
	field := "note"
	if o := r.PostForm.Get("use"); slices.Contains(caseflow.Outcomes(), caseflow.Outcome(o)) {
		// What somebody from outside suggested is chosen, and nothing is recorded yet.
		a.fields["outcome"], field = o, "outcome"
	}
	at, err := c.cases.KeepDraft(r.Context(), id.Tenant, id.Actor, a.Ref, a.fields)
	if !byScript(r) {
		if err == nil {
			err = c.tick(r, id, a)
		}
		if err != nil {
			return c.refused(w, r, id, a, "draft", err)
		}
		http.Redirect(w, r, "/cases/"+string(a.Ref)+"#"+field, http.StatusSeeOther)
		return nil
	}
	var invalid *caseflow.InvalidError
	if errors.As(err, &invalid) {
		return answerJSON(w, http.StatusUnprocessableEntity, map[string]any{"message": invalid.Message})
	}
	if err != nil {
		return fmt.Errorf("keep draft: %w", err)
	}
	return answerJSON(w, http.StatusOK, map[string]any{"at": clock(at.In(c.zone))})
}

// stepCase ticks steps. The script sends the form at each tick, and is told
// who ticked what, and the case's version.
func (c *Console) stepCase(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	a, err := readAct(r, caseFields)
	if err != nil {
		return err
	}
	if !byScript(r) {
		return c.perform(w, r, id, func(act) doing { return doing{kind: "steps", do: func(act) error { return nil }} })
	}
	if err := c.tick(r, id, a); err != nil {
		var invalid *caseflow.InvalidError
		if errors.As(err, &invalid) {
			return answerJSON(w, http.StatusUnprocessableEntity, map[string]any{"message": invalid.Message})
		}
		return err
	}
	k, err := c.cases.Open(r.Context(), id.Tenant, id.Actor, a.Ref)
	if err != nil {
		return fmt.Errorf("open case: %w", err)
	}
	done := map[string]string{}
	for _, s := range c.steps(k, id.Actor, c.now().In(c.zone)) {
		if s.Done {
			done[s.ID] = s.By
		}
	}
	mine := !slices.ContainsFunc(since(k, a.Expect), func(it casework.Item) bool { return !it.You })
	return answerJSON(w, http.StatusOK, map[string]any{"done": done, "version": k.Case.Version, "mine": mine})
}

func byScript(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}

func answerJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client is gone: nobody to tell
	return nil
}

// refused shows the case again with what is in the way; what was written is
// kept in the form.
func (c *Console) refused(w http.ResponseWriter, r *http.Request, id auth.Identity, a act, kind string, err error) error {
	var stale *caseflow.StaleError
	var claimed *caseflow.ClaimedError
	form := caseForm{written: written{Fields: a.fields, Sent: true}}
	invalid, err := formErrors(err)
	switch {
	case len(invalid) > 0:
		for _, e := range invalid {
			form.Errors = append(form.Errors, fieldError{a.fieldOf(kind, e.Field), e.Message})
		}
		return c.showCase(w, r, id, http.StatusUnprocessableEntity, a.Ref, form)
	case errors.As(err, &claimed):
		form.Conflict = fmt.Sprintf("%s has claimed this case until %s.", orWord(claimed.Name, "Somebody else"), clock(claimed.Until.In(c.zone)))
		form.Since = a.Expect
		return c.showCase(w, r, id, http.StatusConflict, a.Ref, form)
	case errors.As(err, &stale):
		form.Conflict, form.Since = "This case changed before you saved.", a.Expect
		return c.showCase(w, r, id, http.StatusConflict, a.Ref, form)
	}
	return fmt.Errorf("act on case: %w", err)
}

// nextFree is where to go after closing ref: the next case in order that
// nobody else holds, else the first such, else the list.
func (c *Console) nextFree(r *http.Request, id auth.Identity, ref caseflow.Ref) (string, error) {
	now := c.now()
	page, err := id.Tenant.Queue(r.Context(), caseflow.Working(id.Actor), store.QueueQuery{Now: now, Limit: 200})
	if err != nil {
		return "", fmt.Errorf("read queue order: %w", err)
	}
	first, passed := caseflow.Ref(""), false
	for _, row := range page.Rows {
		k := row.Case
		if k.Ref == ref {
			passed = true
			continue
		}
		if !free(k, id.User.ID, now) {
			continue
		}
		if passed {
			return nextAddress(k.Ref, ref), nil
		}
		if first == "" {
			first = k.Ref
		}
	}
	return nextAddress(first, ref), nil
}

// free reports whether a case waits for me: nobody else holds it, and it does
// not wait on anybody.
func free(k caseflow.Case, me caseflow.UserID, now time.Time) bool {
	owner, held := k.Held(now)
	return (!held || owner == me) && !k.Waits(now)
}

func nextAddress(to, done caseflow.Ref) string {
	return strings.TrimSuffix("/cases/"+string(to), "/") + "?done=" + string(done)
}
