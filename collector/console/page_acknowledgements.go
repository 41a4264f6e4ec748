package console

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/roster"
	"github.com/lapwing-schools/lapwing/collector/triage"
)

// toldShown is how many people one page lists.
const toldShown = 200

// toldView lists whom the notice has reached, those whom it has not first.
type toldView struct {
	Sentence, Rest    string
	Version, Position string
	Versions          []choice
	Show              string // filter: a state's word, or empty
	Filters           []tab
	Rows              []toldRow
	More              int // people beyond those shown
	MayTell           bool
	With              string
	Errors            []fieldError
}

// FieldError is the message for one field, or "".
func (v toldView) FieldError(field string) string { return messageFor(v.Errors, field) }

type toldRow struct {
	Key, Name, Year string
	State, When, By string
	Glyph           string // as the template state-glyph names them
	Account, Shared bool
	Chosen          bool
}

// toldStates are the states in the order of the filters, in words. Having
// refused is recorded, not punished: it is no failure of the person's.
var toldStates = []struct {
	state              triage.NoticeState
	value, word, glyph string
}{
	{0, "not-told", "Not told yet", "silent"},
	{triage.NoticeShown, "shown", "Shown on the screen", "pass"},
	{triage.NoticeAcknowledged, "acknowledged", "Has read it", "pass"},
	{triage.NoticeDeclined, "declined", "Does not agree", "cannot"},
	{triage.NoticeOnPaper, "paper", "Told on paper", "pass"},
}

func (c *Console) acknowledgements(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	return c.showTold(w, r, id, http.StatusOK, toldView{Version: r.FormValue("version"), Show: r.FormValue("show")}, nil)
}

func (c *Console) showTold(w http.ResponseWriter, r *http.Request, id auth.Identity, status int, v toldView, chosen map[string]bool) error {
	told, err := c.directory.Told(r.Context(), id.Tenant, id.Actor, clipText(v.Version, 32))
	if err != nil {
		return fmt.Errorf("list who was told: %w", err)
	}
	v.Version, v.MayTell = told.Version, caseflow.Allows(id.Actor, caseflow.TellOnPaper)
	for _, known := range told.Versions {
		v.Versions = append(v.Versions, choice{Value: known, Label: known, Chosen: known == told.Version})
	}
	v.Sentence, v.Rest = toldSentence(told)
	v.Filters = append(v.Filters, tab{Label: "Everybody", Href: toldHref(v.Version, ""), Current: v.Show == ""})
	for _, s := range toldStates {
		v.Filters = append(v.Filters, tab{Label: s.word, Count: told.Counts[s.state], Href: toldHref(v.Version, s.value), Current: v.Show == s.value})
	}
	for _, p := range told.People {
		row := c.toldRow(p)
		if v.Show != "" && v.Show != stateValue(p.State) {
			continue
		}
		if len(v.Rows) == toldShown {
			v.More++
			continue
		}
		row.Chosen = chosen[row.Key]
		v.Rows = append(v.Rows, row)
	}
	return c.pages.write(w, r, status, "acknowledgements", view{chrome: c.chrome(id, "/acknowledgements"), Title: "Who has been told", Content: v})
}

func (c *Console) toldRow(p roster.ToldPerson) toldRow {
	row := toldRow{Key: hex.EncodeToString(p.Key[:]), Name: p.Name, Year: p.Year, By: p.By, Account: p.Account, Shared: p.Shared}
	if row.Name == "" {
		row.Name = "Name not known"
	}
	if !p.At.IsZero() {
		row.When = p.At.In(c.zone).Format("2 January 2006, 3:04pm")
	}
	for _, s := range toldStates {
		if s.state == p.State {
			row.State, row.Glyph = s.word, s.glyph
		}
	}
	return row
}

func stateValue(s triage.NoticeState) string {
	for _, k := range toldStates {
		if k.state == s {
			return k.value
		}
	}
	return ""
}

func toldHref(version, show string) string {
	q := "/acknowledgements?"
	if version != "" {
		q += "version=" + pathEscape(version) + "&"
	}
	return q + "show=" + show
}

func toldSentence(told roster.Told) (sentence, rest string) {
	all := len(told.People)
	not := told.Counts[0]
	switch {
	case all == 0:
		return "Nobody is known yet.", "People appear here once the directory is imported, or when they first log on to a device."
	case told.Version == "":
		return "No device has shown a notice yet.", "The notice is part of the policy. Until a person has been shown it, nothing of theirs is captured."
	case not == 0:
		return "Everybody has been told.", "Each was shown the notice, or somebody recorded that they were told."
	}
	return plural(not, "person has not been told yet.", "people have not been told yet."),
		fmt.Sprintf("%d of %d have. A person is shown the notice at log-on, before anything of theirs is captured.", all-not, all)
}

// tellOnPaper records people who were told by a grown-up rather than a screen:
// young children, visitors.
func (c *Console) tellOnPaper(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	if err := r.ParseForm(); err != nil {
		return errTooLong
	}
	v := toldView{Version: r.PostForm.Get("version"), Show: r.PostForm.Get("show"), With: r.PostForm.Get("with")}
	chosen := map[string]bool{}
	var people []caseflow.PersonKey
	for _, k := range r.PostForm["person"] {
		b, err := hex.DecodeString(k)
		var key caseflow.PersonKey
		if err != nil || len(b) != len(key) {
			return errMissing
		}
		copy(key[:], b)
		people, chosen[k] = append(people, key), true
	}
	err := c.directory.TellOnPaper(r.Context(), id.Tenant, id.Actor, id.Who(), v.Version, people, v.With)
	var invalid *caseflow.InvalidError
	if errors.As(err, &invalid) {
		v.Errors = []fieldError{{Field: invalid.Field, Message: invalid.Message}}
		return c.showTold(w, r, id, http.StatusUnprocessableEntity, v, chosen)
	}
	if err != nil {
		return fmt.Errorf("record who was told: %w", err)
	}
	http.Redirect(w, r, toldHref(v.Version, v.Show), http.StatusSeeOther)
	return nil
}
