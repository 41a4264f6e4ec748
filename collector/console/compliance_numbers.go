package console

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/compliance"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

func (c *Console) complianceReport(r *http.Request, id auth.Identity) (compliance.Report, error) {
	now := c.now()
	groups, weeks, err := c.rollups(r, id, now)
	if err != nil {
		return compliance.Report{}, err
	}
	return compliance.Build(groups, weeks, now), nil
}

// rollups are those of now and of the weeks before, of the group that the page is
// about. This week is as it is now, whenever it was last kept.
func (c *Console) rollups(r *http.Request, id auth.Identity, now time.Time) (groups []store.GroupRollup, weeks []store.WeekRollup, err error) {
	if groups, err = id.Tenant.Rollup(r.Context(), now); err != nil {
		return nil, nil, fmt.Errorf("roll up: %w", err)
	}
	if weeks, err = id.Tenant.Weeks(r.Context(), now.AddDate(0, 0, -7*12)); err != nil {
		return nil, nil, fmt.Errorf("read weeks: %w", err)
	}
	monday := store.MondayOf(now)
	if n := len(weeks); n > 0 && weeks[n-1].Monday.Equal(monday) {
		weeks[n-1].Groups = groups
	} else {
		weeks = append(weeks, store.WeekRollup{Monday: monday, Groups: groups})
	}
	if only := groupOf(r, id); only != "" {
		groups, weeks = ofGroup(groups, weeks, only)
	}
	return groups, weeks, nil
}

// speaker says numbers as they are, with the devices behind them, or on the grid.
type speaker struct {
	exact bool
	group string // the only one that the page is about
}

// list is the address of a list of devices; empty for whom it is not.
func (s speaker) list(q url.Values) string {
	if !s.exact || q == nil {
		return ""
	}
	if !q.Has("show") {
		q.Set("show", "all")
	}
	if s.group != "" {
		q.Set("group", s.group)
	}
	return "/devices?" + q.Encode()
}

// linked is a number with its devices; nothing stands behind none.
func (s speaker) linked(n int, text string, q url.Values) number {
	if n == 0 {
		return number{Text: text}
	}
	return number{text, s.list(q)}
}

func (s speaker) part(n int) string {
	if s.exact {
		return thousands(n)
	}
	return compliance.Word(n)
}

func (s speaker) total(n int) string {
	if s.exact {
		return thousands(n)
	}
	return compliance.TotalWord(n)
}

func (s speaker) devices(n int) string {
	if s.exact {
		return plural(n, "device", "devices")
	}
	return compliance.Word(n) + " devices"
}

func (s speaker) sentence(r compliance.Report) string {
	if r.Devices == 0 {
		return "No device is enrolled yet, so nothing is monitored."
	}
	text := upper(s.part(r.Text.Pass)) + " of " + s.total(r.Devices) + " devices say that they see what is typed."
	return text + " " + s.proved(r)
}

// proved says on how many a test phrase arrived in the last week.
func (s speaker) proved(r compliance.Report) string {
	text := "A test phrase proved " + s.part(r.Proof.Pass) + " of them in the last week"
	if r.Proof.Pass == 0 {
		text = "No test phrase arrived in the last week, so none is proved"
	}
	if r.Proof.Fail > 0 {
		text += "; on " + s.part(r.Proof.Fail) + " it did not arrive"
	}
	return text + "."
}

func (s speaker) figures(r compliance.Report) []figure {
	of := "of " + s.total(r.Devices)
	state := func(bad int) string {
		if bad > 0 {
			return "fail"
		}
		return "pass"
	}
	linked := func(n int, rest, check, is string) number {
		return s.linked(n, s.part(n)+rest, controlQuery(check, is))
	}
	proof := figure{"Proved monitored this week", linked(r.Proof.Pass, "", checks.ProvedMonitored, "pass"), of, "cannot",
		linked(r.Proof.Unknown, " not proved", checks.ProvedMonitored, "unknown"), s.part(r.Silent) + " more are silent"}
	if r.Proof.Fail > 0 {
		proof.State, proof.Not = "fail", linked(r.Proof.Fail, " failed", checks.ProvedMonitored, "fail")
		proof.Rest = s.part(r.Proof.Unknown) + " more not proved, " + s.part(r.Silent) + " are silent"
	}
	return []figure{
		proof,
		{"See what is typed", linked(r.Text.Pass, "", compliance.TypedText, "pass"), of, state(r.Text.Fail), linked(r.Text.Fail, " do not", compliance.TypedText, "fail"),
			s.part(r.Text.Unknown) + " cannot tell, " + s.part(r.Silent) + " are silent, " + s.part(r.Never) + " of them never heard from"},
		{"Meet every device standard", linked(r.Standard.Pass, "", checks.EveryStandard, "pass"), of, state(r.Standard.Fail), linked(r.Standard.Fail, " fail a check", checks.EveryStandard, "fail"),
			s.part(r.Standard.Unknown) + " more cannot tell, " + s.part(r.Silent) + " are silent"},
	}
}

// controls are the table, and the scale of its bars: up to the most that does
// not pass.
func (s speaker) controls(r compliance.Report) (rows []controlRow, scale []tick) {
	grid := func(n int) int {
		if s.exact {
			return n
		}
		return compliance.OnGrid(n)
	}
	most := 1
	for _, c := range r.Controls {
		most = max(most, grid(c.Fail)+grid(c.Unknown)+grid(c.Silent))
	}
	most = niceTop(most)
	for i := range 4 {
		anchor := []string{"start", "middle", "middle", "end"}[i]
		scale = append(scale, tick{thousands(most * i / 3), percent(i*1000/3, 1000), anchor})
	}
	for _, c := range r.Controls {
		cell := func(n int, state string) number { return s.linked(n, s.part(n), controlQuery(c.ID, state)) }
		row := controlRow{Title: c.Title, Source: c.Source, Fail: cell(c.Fail, "fail"), Unknown: cell(c.Unknown, "unknown"), Pass: cell(c.Pass, "pass"),
			Silent: s.linked(c.Silent, s.part(c.Silent), controlQuery("silent", "")), Trend: s.trendHref(c.ID)}
		row.Change = s.change(c)
		row.Say = row.Title + ": " + row.Fail.Text + " fail, " + row.Unknown.Text + " cannot tell, " + row.Silent.Text + " silent, " + row.Pass.Text + " pass"
		row.Href = s.list(controlQuery(c.ID, "fail"))
		x := 0
		for _, b := range []struct {
			state string
			n     int
		}{{"fail", grid(c.Fail)}, {"cannot", grid(c.Unknown)}, {"silent", grid(c.Silent)}} {
			if b.n > 0 {
				row.Bars = append(row.Bars, bar{b.state, percent(x, most), percent(b.n, most)})
				x += b.n
			}
		}
		rows = append(rows, row)
	}
	return rows, scale
}

func (s speaker) change(c compliance.Control) string {
	if !c.Compared {
		return "not known"
	}
	now, before := c.Fail, c.Before
	if !s.exact {
		now, before = compliance.OnGrid(now), compliance.OnGrid(before)
	}
	about := ""
	if !s.exact {
		about = "about "
	}
	switch d := now - before; {
	case d > 0:
		return about + thousands(d) + " more fail"
	case d < 0:
		return about + thousands(-d) + " fewer fail"
	}
	return "no change"
}

// niceTop is the next number up that three steps divide.
func niceTop(n int) int {
	for _, unit := range []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000} {
		if 3*unit >= n {
			return 3 * unit
		}
	}
	return n + 3 - n%3
}

func percent(n, of int) string {
	return strconv.FormatFloat(float64(n)*100/float64(of), 'f', 2, 64) + "%"
}

// controlQuery selects the devices of which a control is in a state.
func controlQuery(id, state string) url.Values {
	switch id {
	case "silent":
		return url.Values{"show": {"all"}, "heard": {"no"}}
	case compliance.TypedText:
		id = checks.TypedTextSeen
	}
	return url.Values{"check": {id}, "state": {state}}
}

// complianceCSV is the table as data, as the viewer may read it.
func (c *Console) complianceCSV(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	report, err := c.complianceReport(r, id)
	if err != nil {
		return err
	}
	rows, _ := speaker{exact: exact(id.Actor)}.controls(report)
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="compliance.csv"`)
	out := csv.NewWriter(w)
	_ = out.Write([]string{"control", "source", "fail", "cannot tell", "silent", "pass", "since four weeks ago"})
	for _, row := range rows {
		_ = out.Write([]string{row.Title, row.Source, row.Fail.Text, row.Unknown.Text, row.Silent.Text, row.Pass.Text, row.Change})
	}
	out.Flush()
	return nil
}
