package console

import (
	"fmt"
	"net/http"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/caseflow"
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
	Happened          []happenedRow // media and open screens by group
	Worst             []deviceRow
	Media             []numberFact
	Record            recordSummary
	CheckDue          string
}

// number is how many in words, and where the devices behind it are listed; no
// address for those who read aggregates only.
type number struct{ Text, Href string }

type numberFact struct {
	Label string
	number
}

// figure is one of the three: a number, of how many, and what is not in it.
type figure struct {
	Title  string
	Number number
	Of     string
	State  string
	Not    number // what is not in it, in words
	Rest   string
}

type fixFirst struct{ Do, Href, Risk string }

type controlRow struct {
	Title, Source, Href, Trend  string
	Fail, Unknown, Silent, Pass number
	Change, Say                 string
	Bars                        []bar
}

// bar is a piece of a row's bar, in tenths of a per cent of the scale.
type bar struct{ State, X, Width string }

// groupRow is one group's devices by the worst of their checks.
type groupRow struct {
	Name, Href                                 string
	Devices, Fail, Unknown, Silent, Pass, Text number
}

type tick struct{ Label, X, Anchor string }

// recordSummary is the record of a year: Hand are checks by hand, Auto the newest
// of those that devices did by themselves.
type recordSummary struct {
	Done, Due  string
	Hand, Auto []recordRow
}

func (c *Console) compliance(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	report, err := c.complianceReport(r, id)
	if err != nil {
		return err
	}
	v := complianceView{Verdict: string(report.Verdict()), Exact: exact(id.Actor), Group: groupOf(r, id)}
	say := speaker{v.Exact, v.Group}
	v.Sentence = say.sentence(report)
	v.Figures = say.figures(report)
	for _, f := range report.First {
		v.First = append(v.First, fixFirst{Do: f.Do + " " + say.devices(f.Devices), Risk: f.Risk, Href: say.list(controlQuery(f.ID, "fail"))})
	}
	v.Chart = newTrendChart(report.Weeks, v.Exact)
	v.Controls, v.Scale = say.controls(report)
	v.Groups, v.More = say.groups(report)
	v.Happened = say.happened(report)
	v.Media = say.media(report.Media)
	if v.Exact {
		if v.Worst, err = c.worstDevices(r, id, v.Group); err != nil {
			return err
		}
	}
	if v.Record, err = c.recordSummary(r, id); err != nil {
		return err
	}
	if v.CheckDue, err = c.checkDue(r, id); err != nil {
		return err
	}
	return c.show(w, r, id, "compliance", "/compliance", "Is our monitoring working?", v)
}

// recordRow is one check on monitoring.
type recordRow struct{ When, What, Where, Users, Who, State, Word, Note string }

// termMonths is how far apart checks by hand may be: a term.
const termMonths = 4

// recordMost and recordAuto are how many lines of the record its page shows; the
// whole of it is in the file.
const (
	recordMost = 200
	recordAuto = 20
)

func (c *Console) recordSummary(r *http.Request, id auth.Identity) (recordSummary, error) {
	now := c.now().In(c.zone)
	all, err := id.Tenant.MonitoringChecks(r.Context(), now.AddDate(-1, 0, 0))
	if err != nil {
		return recordSummary{}, fmt.Errorf("read record: %w", err)
	}
	var s recordSummary
	var last time.Time
	hand, auto := 0, 0
	for _, k := range all {
		switch {
		case !k.Automatic:
			hand++
			if k.At.After(last) {
				last = k.At
			}
			if len(s.Hand) < recordMost {
				s.Hand = append(s.Hand, newRecordRow(k, now))
			}
		default:
			auto++
			if len(s.Auto) < recordAuto {
				s.Auto = append(s.Auto, newRecordRow(k, now))
			}
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
	if k.Automatic {
		k.Device, row.Who = systemWord(k.Device), "automatic"
	}
	if k.Device != "" {
		row.Where = k.Device + ", " + k.Place
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
