package console

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/fleet"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// enrolmentView is what a technician does to let devices in. It holds no
// person and no text.
type enrolmentView struct {
	Sentence, Rest string
	Waiting        []waitingBatch
	Tokens         []tokenRow
	Made           string // the enrolment string just made, shown this once
	MadeFor        string
	Form           enrolmentForm
	Errors         []fieldError
	Audiences      []choice
	MaxGroup       int
}

// enrolmentForm is what was typed.
type enrolmentForm struct{ Group, Audience, Expected, Days, Network string }

// FieldError is the message for one field, or "".
func (v enrolmentView) FieldError(field string) string { return messageFor(v.Errors, field) }

// waitingBatch is a token with devices that are held.
type waitingBatch struct {
	Batch, Group, Made string
	Came, Expected     string
	TooMany            string // how many more than expected came, or ""
	Devices            []waitingDevice
	Count              string
}

type waitingDevice struct {
	ID               caseflow.DeviceID
	Host, System     string
	Enrolled, Events string
}

type tokenRow struct{ Group, For, Came, Left, Until, Network string }

func (c *Console) enrolment(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showEnrolment(w, r, id, http.StatusOK, enrolmentView{Form: enrolmentForm{Audience: string(vocab.GroupPupil), Expected: "1", Days: "14"}})
}

func (c *Console) showEnrolment(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, v enrolmentView) error {
	all, err := fleet.Batches(r.Context(), id.Tenant)
	if err != nil {
		return fmt.Errorf("list tokens: %w", err)
	}
	now := c.now().In(c.zone)
	waiting := 0
	for _, b := range all {
		if held := b.Held(); len(held) > 0 {
			v.Waiting = append(v.Waiting, newWaitingBatch(b, now))
			waiting += len(held)
		}
		v.Tokens = append(v.Tokens, newTokenRow(b, now))
	}
	switch waiting {
	case 0:
		v.Sentence = "No device waits to be released."
	case 1:
		v.Sentence = "1 device waits for you to release it."
	default:
		v.Sentence = thousands(waiting) + " devices wait for you to release them."
	}
	if waiting > 0 {
		v.Rest = "What they notice is kept on them until then, and reaches no queue."
	}
	v.Audiences = []choice{
		{string(vocab.GroupPupil), "Pupils", v.Form.Audience == string(vocab.GroupPupil)},
		{string(vocab.GroupStaff), "Staff", v.Form.Audience == string(vocab.GroupStaff)},
		{string(vocab.GroupMixed), "Both", v.Form.Audience == string(vocab.GroupMixed)},
	}
	v.MaxGroup = fleet.MaxGroup
	return c.pages.write(w, r, status, "enrolment", view{chrome: c.chrome(id, "/devices"), Title: "Enrolment", Content: v})
}

func newWaitingBatch(b fleet.Batch, now time.Time) waitingBatch {
	held := b.Held()
	row := waitingBatch{Batch: b.Token.Batch, Group: b.Token.Group, Made: moment(b.Token.Created.In(now.Location()), now),
		Came: thousands(len(b.Devices)), Expected: thousands(b.Token.Expected), Count: plural(len(held), "device", "devices")}
	if more := len(b.Devices) - b.Token.Expected; more > 0 {
		row.TooMany = plural(more, "device more than you expected has", "devices more than you expected have")
	}
	for _, d := range held {
		row.Devices = append(row.Devices, waitingDevice{ID: d.ID, Host: hostOf(d), System: systemOf(d),
			Enrolled: moment(d.Enrolled.In(now.Location()), now), Events: thousands(int(d.Report.SpoolRecords))})
	}
	return row
}

func newTokenRow(b fleet.Batch, now time.Time) tokenRow {
	t := b.Token
	row := tokenRow{Group: t.Group, For: audienceWord(t.Audience), Came: thousands(len(b.Devices)), Left: thousands(t.Uses),
		Until: moment(t.Expires.In(now.Location()), now), Network: orWord(t.Network, "any")}
	if !now.Before(t.Expires) {
		row.Left, row.Until = "0", "ended "+row.Until
	}
	return row
}

func audienceWord(a vocab.GroupAudience) string {
	switch a {
	case vocab.GroupStaff:
		return "Staff"
	case vocab.GroupMixed:
		return "Pupils and staff"
	}
	return "Pupils"
}

// makeToken answers with the string itself: it is kept nowhere, and has no
// place in an address.
func (c *Console) makeToken(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	f := enrolmentForm{Group: r.PostForm.Get("group"), Audience: r.PostForm.Get("audience"), Expected: strings.TrimSpace(r.PostForm.Get("expected")),
		Days: strings.TrimSpace(r.PostForm.Get("days")), Network: r.PostForm.Get("network")}
	req, errs := f.request()
	v := enrolmentView{Form: f, Errors: errs}
	if len(errs) > 0 {
		return c.showEnrolment(w, r, id, http.StatusUnprocessableEntity, v)
	}
	made, token, err := c.fleet.CreateToken(r.Context(), id.Tenant, req, id.Who())
	var field *fleet.FieldError
	if errors.As(err, &field) {
		v.Errors = []fieldError{{Field: field.Field, Message: sentenceOf(field)}}
		return c.showEnrolment(w, r, id, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return fmt.Errorf("make token: %w", err)
	}
	v = enrolmentView{Made: made.String(), MadeFor: token.Group, Form: enrolmentForm{Audience: f.Audience, Expected: "1", Days: "14"}}
	return c.showEnrolment(w, r, id, http.StatusOK, v)
}

// request reads the numbers; the limits of the rest are the fleet's.
func (f enrolmentForm) request() (req fleet.Request, errs []fieldError) {
	expected, err := strconv.Atoi(f.Expected)
	if err != nil || expected < 1 || expected > fleet.MaxUses {
		errs = append(errs, fieldError{Field: "expected", Message: "Number of devices must be 1 to 10,000"})
	}
	days, err := strconv.Atoi(f.Days)
	if err != nil || days < 1 || days > 365 {
		errs = append(errs, fieldError{Field: "days", Message: "Days must be 1 to 365"})
	}
	return fleet.Request{Group: f.Group, Audience: vocab.GroupAudience(f.Audience), Uses: expected, Expected: expected,
		Expires: time.Duration(days) * 24 * time.Hour, Network: f.Network}, errs
}

// sentenceOf begins a field's message with its label.
func sentenceOf(e *fleet.FieldError) string {
	return strings.ToUpper(e.Field[:1]) + e.Field[1:] + " " + e.Words
}

// releaseDevices releases the devices that the page showed, and no others:
// one that came in meanwhile has not been looked at.
func (c *Console) releaseDevices(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	var ids []caseflow.DeviceID
	for _, d := range r.PostForm["device"] {
		ids = append(ids, caseflow.DeviceID(d))
	}
	if len(ids) > 0 { // none: released in another window
		if _, err := c.fleet.Release(r.Context(), id.Tenant, r.PathValue("batch"), ids, id.Who()); err != nil {
			return fmt.Errorf("release devices: %w", err)
		}
	}
	http.Redirect(w, r, "/enrolment", http.StatusSeeOther)
	return nil
}
