package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/casework"
)

// What the pages of a case have in common: the reviewer's, with names, and the
// one of somebody outside, without.

// refOf is the case of an address.
func refOf(r *http.Request) (caseflow.Ref, error) {
	ref, err := caseflow.ParseRef(r.PathValue("ref"))
	if err != nil {
		return "", errMissing
	}
	return ref, nil
}

// showLive draws a page that follows the viewer's cases. The position is read
// before what is drawn: a change in between shows twice, never not at all.
func (c *Console) showLive(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, page, nav, title string, draw func(live string) (any, error)) error {
	at, err := id.Tenant.Position(r.Context(), id.Actor)
	if err != nil {
		return fmt.Errorf("read position: %w", err)
	}
	content, err := draw("/cases/live?after=" + url.QueryEscape(string(at)))
	if err != nil {
		return err
	}
	v := view{chrome: c.chrome(id, nav), Title: title, Content: content}
	v.Live = true
	return c.pages.write(w, r, status, page, v)
}

// written is a form as filled in so far, and what came of sending it.
type written struct {
	Key, KeptAt string // KeptAt is when the draft was kept, or ""
	Fields      map[string]string
	Sent        bool // Fields are of this request, not of a draft
	Errors      []fieldError
}

// Field is what was filled in.
func (f written) Field(name string) string { return f.Fields[name] }

// FieldError returns the message for a field, or "".
func (f written) FieldError(field string) string { return messageFor(f.Errors, field) }

// keptAt says when a draft was kept.
func (c *Console) keptAt(d *casework.Draft, now time.Time) string {
	if d == nil {
		return ""
	}
	return moment(d.At.In(c.zone), now.In(c.zone))
}

// fromDraft fills in what was kept, unless the form comes back from being sent.
func (f *written) fromDraft(d *casework.Draft, keptAt string) {
	if d == nil {
		return
	}
	f.KeptAt = keptAt
	if !f.Sent {
		f.Fields = d.Fields
	}
}

// whyRules are why the rules' hits weigh what they weigh.
type whyRules []ruleWhy

// Lowered reports whether anything lowered a hit.
func (w whyRules) Lowered() bool {
	for _, r := range w {
		if r.Lowered != "" {
			return true
		}
	}
	return false
}

// captureNote says what a reader must know of a capture's time or completeness.
func captureNote(withdrawn, suspect, final bool, count int) string {
	note := ""
	switch {
	case withdrawn:
		note = "The finished text no longer matched, so the device took this capture back."
	case suspect:
		note = "The device's clock was wrong; the time is when the words arrived."
	case !final:
		note = "The writer had not finished when this was sent; more of the sentence may follow."
	}
	if count > 1 {
		note = strings.TrimSpace(note + " The same words came " + thousands(count) + " times.")
	}
	return note
}
