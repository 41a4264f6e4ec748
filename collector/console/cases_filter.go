package console

import (
	"net/url"
	"time"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// caseFilter is what the queue's address asks for. Unknown words are left out,
// so a filter that is not shown is never in force, and no person's name is in
// it: who was searched for stands sealed (cases_search.go).
type caseFilter struct {
	Show     string // "", mine, waiting or closed
	By       string // "", me or nobody
	Category vocab.Category
	Severity vocab.Severity
	Year     string
	Exempt   string // "", only or not
	Device   caseflow.DeviceID
	When     string // "", today, yesterday or week
	From     string // day, 2006-01-02
	Until    string // day, included
	Person   string // sealed search
	After    string // cursor of the page

	found found

	Categories, Severities, Years, Claims, Whens, Exempts []option
	Host                                                  string // of Device
	Chips                                                 []chip
	More                                                  bool // one of the filters under "More filters" is in force
}

type option struct {
	Value, Label string
	Chosen       bool
}

// chip is an active filter and the address without it.
type chip struct{ Label, Without string }

const dayForm = "2006-01-02"

// readFilter reads an address.
func readFilter(q url.Values) caseFilter {
	f := caseFilter{Show: oneOf(q.Get("show"), "mine", "waiting", "closed"), By: oneOf(q.Get("by"), "me", "nobody"),
		Exempt: oneOf(q.Get("exempt"), "only", "not"), When: oneOf(q.Get("when"), "today", "yesterday", "week"),
		From: dayOf(q.Get("from")), Until: dayOf(q.Get("until"))}
	if cat := vocab.Category(q.Get("category")); cat.Valid() {
		f.Category = cat
	}
	if sev, err := vocab.ParseSeverity(q.Get("severity")); err == nil {
		f.Severity = sev
	}
	if y := q.Get("year"); len(y) <= 160 {
		f.Year = y
	}
	if d := q.Get("device"); store.CheckID(d) {
		f.Device = caseflow.DeviceID(d)
	}
	if p := q.Get("person"); len(p) <= maxPersonToken {
		f.Person = p
	}
	if a := q.Get("after"); len(a) <= 512 {
		f.After = a
	}
	return f
}

func oneOf(s string, allowed ...string) string {
	for _, a := range allowed {
		if s == a {
			return s
		}
	}
	return ""
}

func dayOf(s string) string {
	if _, err := time.Parse(dayForm, s); err != nil {
		return ""
	}
	return s
}

// options fills in what the form offers, and the chips.
func (f *caseFilter) options(years []string) {
	f.Categories = []option{{"", "All categories", f.Category == ""}}
	for _, cat := range vocab.Categories() {
		f.Categories = append(f.Categories, option{string(cat), categoryWord(cat), cat == f.Category})
	}
	f.Severities = []option{{"", "Any severity", f.Severity == 0}}
	for s := vocab.Critical; s >= vocab.Low; s-- {
		f.Severities = append(f.Severities, option{s.String(), severityWords[s], s == f.Severity})
	}
	f.Years = choices(f.Year, "", "All years")
	known := f.Year == ""
	for _, y := range years {
		f.Years = append(f.Years, option{y, y, y == f.Year})
		known = known || y == f.Year
	}
	if !known {
		f.Years = append(f.Years, option{f.Year, f.Year, true})
	}
	f.Claims = choices(f.By, "", "Anyone", "me", "Me", "nobody", "Nobody yet")
	f.Whens = choices(f.When, "", "Any time", "today", "Today", "yesterday", "Since yesterday", "week", "Last 7 days")
	f.Exempts = choices(f.Exempt, "", "Exempt or not", "not", "Not exempt", "only", "Exempt only")
	f.More = f.Severity != 0 || f.Exempt != "" || f.From != "" || f.Until != ""
	add := func(on bool, label, part string) {
		if on {
			f.Chips = append(f.Chips, chip{label, f.address(part, "")})
		}
	}
	add(f.found.typed != "", "Person: "+f.found.typed, "person")
	add(f.Device != "", "Device: "+f.Host, "device")
	add(f.Category != "", categoryWord(f.Category), "category")
	add(f.Year != "", f.Year, "year")
	add(f.By != "", "Claimed by: "+map[string]string{"me": "me", "nobody": "nobody yet"}[f.By], "by")
	add(f.When != "", map[string]string{"today": "Today", "yesterday": "Since yesterday", "week": "Last 7 days"}[f.When], "when")
	add(f.Severity != 0, severityWords[f.Severity], "severity")
	add(f.Exempt != "", map[string]string{"only": "Exempt only", "not": "Not exempt"}[f.Exempt], "exempt")
	add(f.From != "", "From "+dayWords(f.From), "from")
	add(f.Until != "", "Until "+dayWords(f.Until), "until")
}

func choices(chosen string, pairs ...string) (all []option) {
	for i := 0; i+1 < len(pairs); i += 2 {
		all = append(all, option{pairs[i], pairs[i+1], pairs[i] == chosen})
	}
	return all
}

func dayWords(day string) string {
	t, err := time.Parse(dayForm, day)
	if err != nil {
		return ""
	}
	return t.Format("2 January 2006")
}

// parts are the filter as it stands in an address.
func (f caseFilter) parts() url.Values {
	q := url.Values{}
	set := func(k, v string) {
		if v != "" {
			q.Set(k, v)
		}
	}
	set("show", f.Show)
	set("by", f.By)
	set("category", string(f.Category))
	if f.Severity != 0 {
		set("severity", f.Severity.String())
	}
	set("year", f.Year)
	set("exempt", f.Exempt)
	set("device", string(f.Device))
	set("when", f.When)
	set("from", f.From)
	set("until", f.Until)
	set("person", f.Person)
	return q
}

// address is the queue's address under this filter with one part changed. A
// change of filter starts at the first page.
func (f caseFilter) address(part, value string) string {
	q := f.parts()
	q.Del(part)
	if part != "" && value != "" {
		q.Set(part, value)
	}
	if len(q) == 0 {
		return "/cases"
	}
	return "/cases?" + q.Encode()
}

// query is the filter as the store understands it.
func (f caseFilter) query(me caseflow.UserID, now time.Time) store.QueueQuery {
	q := store.QueueQuery{Category: f.Category, Severity: f.Severity, Year: f.Year, Device: f.Device, Cursor: f.After, Limit: queuePage, People: f.found.people}
	switch f.Show {
	case "mine":
		q.Owner, q.States = me, []caseflow.State{caseflow.Claimed}
	case "waiting":
		q.Waiting = true
	case "closed":
		q.States, q.ClosedFrom = []caseflow.State{caseflow.Closed}, weekStart(now)
		if f.From != "" || f.Until != "" {
			q.ClosedFrom = time.Time{} // somebody who names a day means any
		}
	}
	switch f.By {
	case "me":
		q.Owner = me
	case "nobody":
		q.Unclaimed = true
	}
	switch f.Exempt {
	case "only":
		q.Exempt = store.ExemptOnly
	case "not":
		q.Exempt = store.ExemptNot
	}
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch f.When {
	case "today":
		q.From = today
	case "yesterday":
		q.From = today.AddDate(0, 0, -1)
	case "week":
		q.From = today.AddDate(0, 0, -7)
	}
	if t, err := time.ParseInLocation(dayForm, f.From, now.Location()); err == nil {
		q.From = t
	}
	if t, err := time.ParseInLocation(dayForm, f.Until, now.Location()); err == nil {
		q.Until = t.AddDate(0, 0, 1)
	}
	return q
}

// weekStart is seven days ago: on a Monday people look for Friday's cases.
func weekStart(now time.Time) time.Time {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	return today.AddDate(0, 0, -7)
}
