package console

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/compliance"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

// leader says who may read the compliance page; exact, who reads its numbers
// as they are. The others read them on a grid, without links.
func leader(a caseflow.Actor) bool {
	return caseflow.Allows(a, caseflow.ReadCompliance)
}

func exact(a caseflow.Actor) bool { return caseflow.Allows(a, caseflow.ReadDevices) }

// complianceView is the page: all its numbers are words by now.
type complianceView struct {
	Verdict, Sentence string
	Exact             bool
	Figures           []figure
	First             []fixFirst
	Chart             trendChart
	Scale             []tick
	Controls          []controlRow
	Group             string // the only one that is looked at; empty for all
	Groups, More      []groupRow
	Worst             []deviceRow
	Media             []fact
	Record            recordSummary
}

// figure is one of the three: a number, of how many, and what is not in it.
type figure struct{ Title, Number, Of, State, NotPass, Rest string }

type fixFirst struct{ Do, Href, Risk string }

type controlRow struct {
	Title, Source, Href                      string
	Fail, Unknown, Silent, Pass, Change, Say string
	Bars                                     []bar
}

// bar is a piece of a row's bar, in tenths of a per cent of the scale.
type bar struct{ State, X, Width string }

// groupRow is one group's devices by the worst of their checks.
type groupRow struct{ Name, Href, Devices, Fail, Unknown, Silent, Pass, Text string }

type tick struct{ Label, X, Anchor string }

type recordSummary struct {
	Done, Due string
	Rows      []recordRow
}

func (c *Console) compliance(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	report, err := c.complianceReport(r, id)
	if err != nil {
		return err
	}
	v := complianceView{Verdict: string(report.Verdict()), Exact: exact(id.Actor), Group: groupOf(r, id)}
	say := speaker(v.Exact)
	v.Sentence = say.sentence(report)
	v.Figures = say.figures(report)
	for _, f := range report.First {
		fix := fixFirst{Do: f.Do + " " + say.devices(f.Devices), Risk: f.Risk}
		if v.Exact {
			fix.Href = controlHref(f.ID)
		}
		v.First = append(v.First, fix)
	}
	v.Chart = newTrendChart(report.Weeks, v.Exact)
	v.Controls, v.Scale = say.controls(report)
	v.Groups, v.More = say.groups(report)
	v.Media = say.media(report.Media)
	if v.Exact {
		if v.Worst, err = c.worstDevices(r, id, v.Group); err != nil {
			return err
		}
	}
	if v.Record, err = c.recordSummary(r, id, 5); err != nil {
		return err
	}
	return c.show(w, r, id, "compliance", "/compliance", "Is our monitoring working?", v)
}

func (c *Console) complianceReport(r *http.Request, id auth.Identity) (compliance.Report, error) {
	now := c.now()
	groups, err := id.Tenant.Rollup(r.Context(), now)
	if err != nil {
		return compliance.Report{}, fmt.Errorf("roll up: %w", err)
	}
	weeks, err := id.Tenant.Weeks(r.Context(), now.AddDate(0, 0, -7*12))
	if err != nil {
		return compliance.Report{}, fmt.Errorf("read weeks: %w", err)
	}
	if only := groupOf(r, id); only != "" {
		groups, weeks = ofGroup(groups, weeks, only)
	}
	return compliance.Build(groups, weeks, now), nil
}

// speaker says numbers as they are (true), or on the grid.
type speaker bool

func (s speaker) part(n int) string {
	if s {
		return thousands(n)
	}
	return compliance.Word(n)
}

func (s speaker) total(n int) string {
	if s {
		return thousands(n)
	}
	return compliance.TotalWord(n)
}

func (s speaker) devices(n int) string {
	if s {
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
	return []figure{
		{"See what is typed", s.part(r.Text.Pass), of, state(r.Text.Fail), s.part(r.Text.Fail) + " do not",
			s.part(r.Silent) + " silent, " + s.part(r.Text.Unknown) + " cannot tell. " + s.proved(r)},
		{"Meet every device standard", s.part(r.Standard.Pass), of, state(r.Standard.Fail), s.part(r.Standard.Fail) + " fail a check",
			s.part(r.Standard.Unknown) + " more cannot tell, " + s.part(r.Silent) + " are silent"},
		{"Heard from", s.part(r.Devices - r.Silent), of, "silent", s.part(r.Silent) + " silent",
			s.part(r.Never) + " of them were never heard from"},
	}
}

// controls are the table, and the scale of its bars: up to the most that does
// not pass.
func (s speaker) controls(r compliance.Report) (rows []controlRow, scale []tick) {
	grid := func(n int) int {
		if s {
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
		row := controlRow{Title: c.Title, Source: c.Source, Fail: s.part(c.Fail), Unknown: s.part(c.Unknown), Silent: s.part(c.Silent), Pass: s.part(c.Pass)}
		row.Change = s.change(c)
		row.Say = row.Title + ": " + row.Fail + " fail, " + row.Unknown + " cannot tell, " + row.Silent + " silent, " + row.Pass + " pass"
		if s {
			row.Href = controlHref(c.ID)
		}
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
	if !s {
		now, before = compliance.OnGrid(now), compliance.OnGrid(before)
	}
	about := ""
	if !s {
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

func controlHref(id string) string {
	switch id {
	case compliance.TypedText:
		return "/devices?show=attention"
	case "silent":
		return "/devices?show=silent"
	}
	return "/devices?show=all&failing=" + id
}

// complianceCSV is the table as data, as the viewer may read it.
func (c *Console) complianceCSV(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	report, err := c.complianceReport(r, id)
	if err != nil {
		return err
	}
	rows, _ := speaker(exact(id.Actor)).controls(report)
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="compliance.csv"`)
	out := csv.NewWriter(w)
	_ = out.Write([]string{"control", "source", "fail", "cannot tell", "silent", "pass", "since four weeks ago"})
	for _, row := range rows {
		_ = out.Write([]string{row.Title, row.Source, row.Fail, row.Unknown, row.Silent, row.Pass, row.Change})
	}
	out.Flush()
	return nil
}

// recordRow is one check on monitoring.
type recordRow struct{ When, What, Where, Users, Who, State, Word, Note string }

// termMonths is how far apart checks by hand may be: a term.
const termMonths = 4

func (c *Console) recordSummary(r *http.Request, id auth.Identity, most int) (recordSummary, error) {
	now := c.now().In(c.zone)
	all, err := id.Tenant.MonitoringChecks(r.Context(), now.AddDate(-1, 0, 0))
	if err != nil {
		return recordSummary{}, fmt.Errorf("read record: %w", err)
	}
	var s recordSummary
	var last time.Time
	hand, auto := 0, 0
	for _, k := range all {
		if k.Automatic {
			auto++
		} else {
			hand++
			if k.At.After(last) {
				last = k.At
			}
		}
		if len(s.Rows) < most {
			s.Rows = append(s.Rows, newRecordRow(k, now))
		}
	}
	s.Done = "In the last year: " + plural(hand, "check by hand", "checks by hand") + ", " + plural(auto, "automatic one", "automatic ones") + "."
	due := last.AddDate(0, termMonths, 0).In(c.zone)
	switch {
	case last.IsZero():
		s.Due = "None by hand yet: the first is due now."
	case due.Before(now):
		s.Due = "A check by hand is overdue since " + due.Format("2 January") + "."
	default:
		s.Due = "The next by hand is due by " + due.Format("2 January 2006") + "."
	}
	return s, nil
}

func newRecordRow(k store.MonitoringCheck, now time.Time) recordRow {
	row := recordRow{When: moment(k.At.In(now.Location()), now), What: k.What, Where: k.Place, Users: k.Users, Who: k.By.Name, Note: k.Note}
	if k.Device != "" {
		row.Where = k.Device + ", " + k.Place
	}
	if k.Automatic {
		row.Who = "automatic"
	}
	row.State, row.Word = stateWords(k.Result)
	return row
}

// stateWords are the sign and the word of a check's state.
func stateWords(s checks.State) (sign, word string) {
	switch s {
	case checks.Pass:
		return "pass", "Pass"
	case checks.Fail:
		return "fail", "Fail"
	}
	return "cannot", "Cannot tell"
}
