package console

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/permits"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

// mediaView lists the permits for portable media. No person is named.
type mediaView struct {
	Sentence, Rest string
	May            bool
	Now, Over      []permitRow
	Errors         []fieldError
}

type permitRow struct {
	ID, What, Which, Where, Who, Only, Until, Reason, Given, Ended, Note string
	Filled                                                               string
	Errors                                                               []fieldError
}

// FieldError is the message for one field, or "".
func (r permitRow) FieldError(field string) string { return messageFor(r.Errors, field) }

func (c *Console) media(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showMedia(w, r, id, http.StatusOK, permitRow{})
}

// showMedia draws the list; filled is the form that came back, if one did.
func (c *Console) showMedia(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, filled permitRow) error {
	all, err := c.permits.All(r.Context(), id.Tenant, id.Actor)
	if err != nil {
		return err
	}
	now := c.now()
	v := mediaView{May: caseflow.Allows(id.Actor, caseflow.PermitMedia), Errors: filled.Errors}
	for _, p := range all {
		row := c.permitRow(p, now)
		switch {
		case p.Over(now):
			v.Over = append(v.Over, row)
			continue
		case p.ID == filled.ID:
			row.Filled, row.Errors = filled.Filled, filled.Errors
		}
		v.Now = append(v.Now, row)
	}
	v.Sentence = plural(len(v.Now), "permission for portable media is in force.", "permissions for portable media are in force.")
	if len(v.Now) == 0 {
		v.Sentence = "No permission for portable media is in force."
	}
	v.Rest = "A permission counts on devices whose policy allows permitted media only (usb: use: permitted). It reaches devices that are connected at once."
	return c.pages.write(w, r, status, "media", view{chrome: c.chrome(id, "/devices"), Title: titleOf("Media permissions", filled.Errors), Content: v})
}

func (c *Console) permitRow(p permits.Permit, now time.Time) permitRow {
	row := permitRow{ID: p.ID, What: p.What, Which: "Every medium of maker " + p.VendorID, Where: orWord(p.Group, "All devices"), Who: "Everybody",
		Until: p.Until.In(c.zone).Format("2 January 2006"), Reason: p.Reason, Given: moment(p.Granted.In(c.zone), now.In(c.zone)) + ", by " + p.By, Note: p.Note}
	switch {
	case len(p.Serial) > 0:
		row.Which = "This very medium"
	case p.ProductID != "":
		row.Which += ", product " + p.ProductID
	}
	if len(p.Account) > 0 {
		row.Who = "One account only; its name is not kept"
	}
	switch {
	case p.Encrypted && p.ReadOnly:
		row.Only = "Only if it is encrypted. It should only be read: a wish, which nothing enforces"
	case p.Encrypted:
		row.Only = "Only if it is encrypted"
	case p.ReadOnly:
		row.Only = "It should only be read: a wish, which nothing enforces"
	}
	switch {
	case !p.Withdrawn.IsZero():
		row.Ended = "Ended " + moment(p.Withdrawn.In(c.zone), now.In(c.zone)) + ", by " + p.EndedBy
	case p.Over(now):
		row.Ended = "Ran out " + row.Until
	}
	return row
}

// permitView is the form for a new permit, as filled in so far.
type permitView struct {
	Key, Device, Visit              string
	Seen                            string // the medium that it is about, in words
	Scopes                          []choice
	What, Vendor, Product           string
	Groups                          []choice
	Account, Until, Reason, Soonest string
	Only                            []choice
	OnlyHint                        string
	Errors                          []fieldError
}

// FieldError is the message for one field, or "".
func (v permitView) FieldError(field string) string { return messageFor(v.Errors, field) }

// permitOrder is the order of the form's fields, for the summary of errors.
var permitOrder = []string{"key", "scope", "what", "vendor", "product", "group", "account", "until", "reason"}

func (c *Console) permitForm(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	q := r.URL.Query()
	return c.showPermit(w, r, id, http.StatusOK, url.Values{"device": {q.Get("device")}, "visit": {q.Get("visit")}, "scope": {"this"}}, nil)
}

func (c *Console) showPermit(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, form url.Values, errs []fieldError) error {
	groups, err := c.groupNames(r.Context(), id)
	if err != nil {
		return err
	}
	v := permitView{Key: orWord(form.Get("key"), rand.Text()), What: form.Get("what"), Vendor: form.Get("vendor"), Product: form.Get("product"),
		Account: form.Get("account"), Until: form.Get("until"), Reason: form.Get("reason"), Errors: errs}
	seen, err := c.seenMedium(r.Context(), id, form)
	if err != nil {
		return err
	}
	if seen != nil {
		v.Device, v.Visit, v.Seen = form.Get("device"), form.Get("visit"), newMediaRow(*seen, c.now().In(c.zone)).What
		v.What = orWord(v.What, v.Seen)
		v.Scopes = scopesOf(*seen, form.Get("scope"))
	}
	v.Only = []choice{{"encrypted", "Only if it is encrypted (LUKS or BitLocker)", slices.Contains(form["only"], "encrypted")},
		{"read", "It should only be read: a wish. Lapwing tells when it can be written to, and stops nothing", slices.Contains(form["only"], "read")}}
	if seen != nil && seen.Encryption != triage.LUKS && seen.Encryption != triage.BitLocker {
		v.OnlyHint = "It was not encrypted, as far as could be told, when it was seen."
	}
	v.Groups = []choice{{"", "All devices", form.Get("group") == ""}}
	for _, g := range groups {
		v.Groups = append(v.Groups, choice{g, g, form.Get("group") == g})
	}
	return c.pages.write(w, r, status, "media-new", view{chrome: c.chrome(id, "/devices"), Title: titleOf("Permit a medium", errs), Content: v})
}

// scopesOf says how much of what was seen can be permitted.
func scopesOf(m store.MediaVisit, chosen string) []choice {
	model := choice{"model", "Every medium of this make (maker " + m.VendorID + ", product " + m.ProductID + ")", chosen == "model"}
	if len(m.Serial) == 0 {
		model.Chosen = true // it has no number of its own
		return []choice{model}
	}
	return []choice{{"this", "This very medium, by its serial number", chosen == "this"}, model}
}

// seenMedium is the medium that a form is about; nil when it is about none.
func (c *Console) seenMedium(ctx context.Context, id auth.Identity, form url.Values) (*store.MediaVisit, error) {
	visit, ok := permits.VisitOf(form.Get("visit"))
	if !ok {
		return nil, nil
	}
	const most = 1000
	visits, err := id.Tenant.Media(ctx, caseflow.DeviceID(form.Get("device")), most)
	if err != nil {
		return nil, fmt.Errorf("read media: %w", err)
	}
	i := slices.IndexFunc(visits, func(m store.MediaVisit) bool { return m.Visit == visit })
	if i < 0 {
		return nil, errMissing
	}
	return &visits[i], nil
}

func (c *Console) groupNames(ctx context.Context, id auth.Identity) ([]string, error) {
	page, err := id.Tenant.FindDevices(ctx, store.DeviceQuery{Now: c.now(), Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	var names []string
	for _, g := range page.Groups {
		if g.Name != "" && !slices.Contains(names, g.Name) {
			names = append(names, g.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (c *Console) permitMedia(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	form := r.PostForm
	seen, err := c.seenMedium(r.Context(), id, form)
	if err != nil {
		return err
	}
	f := permits.Form{ID: form.Get("key"), What: form.Get("what"), VendorID: form.Get("vendor"), ProductID: form.Get("product"),
		Group: form.Get("group"), Account: form.Get("account"), Reason: form.Get("reason"),
		Encrypted: slices.Contains(form["only"], "encrypted"), ReadOnly: slices.Contains(form["only"], "read")}
	if seen != nil {
		f.VendorID, f.ProductID = seen.VendorID, seen.ProductID
		if form.Get("scope") != "model" {
			f.Serial = seen.Serial
		}
	}
	var errs []fieldError
	if last := form.Get("until"); last != "" {
		day, err := time.ParseInLocation(time.DateOnly, last, c.zone)
		if err != nil {
			errs = append(errs, fieldError{"until", "Enter a date with day, month and year, for example 2026-11-20."})
		} else {
			f.Until = day.AddDate(0, 0, 1).Add(-time.Millisecond)
		}
	}
	groups, err := c.groupNames(r.Context(), id)
	if err != nil {
		return err
	}
	refused, err := formErrors(c.permits.Grant(r.Context(), id.Tenant, id.Actor, id.Who(), f, groups))
	if err != nil {
		return fmt.Errorf("permit a medium: %w", err)
	}
	for _, e := range refused {
		if !slices.ContainsFunc(errs, func(o fieldError) bool { return o.Field == e.Field }) {
			errs = append(errs, e)
		}
	}
	if len(errs) > 0 {
		slices.SortStableFunc(errs, func(a, b fieldError) int {
			return slices.Index(permitOrder, a.Field) - slices.Index(permitOrder, b.Field)
		})
		return c.showPermit(w, r, id, http.StatusUnprocessableEntity, form, errs)
	}
	http.Redirect(w, r, "/media", http.StatusSeeOther)
	return nil
}

func (c *Console) endPermit(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	permit := r.PathValue("id")
	note := r.PostForm.Get("note")
	errs, err := formErrors(c.permits.End(r.Context(), id.Tenant, id.Actor, id.Who(), permit, note))
	if errors.Is(err, store.ErrNotFound) {
		return errMissing
	}
	if err != nil {
		return fmt.Errorf("end a permit: %w", err)
	}
	if len(errs) > 0 {
		return c.showMedia(w, r, id, http.StatusUnprocessableEntity, permitRow{ID: permit, Filled: note, Errors: named(errs, permit)})
	}
	http.Redirect(w, r, "/media", http.StatusSeeOther)
	return nil
}

// permitHref is the form for a medium that was seen.
func permitHref(m store.MediaVisit) string {
	return "/media/new?" + url.Values{"device": {string(m.Device)}, "visit": {strings.ToLower(hex.EncodeToString(m.Visit[:]))}}.Encode()
}
