package console

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/compliance"
)

// trendsView is every control by week.
type trendsView struct {
	Group  string
	Back   string
	Weeks  int
	Exact  bool
	Trends []controlTrend
}

// controlTrend is one control's chart, and the same numbers as a table.
type controlTrend struct {
	ID, Title, Source, Say string
	Lines, Ticks           []chartLine
	Points                 []chartPoint
	Values                 []endLabel   // at the first and the last point
	Labels                 []chartPoint // below them
	Gaps                   []bar
	Rows                   []trendRow
}

// endLabel stands beside an end of the line, so that it covers neither the axis
// nor the line.
type endLabel struct {
	chartPoint
	Below, Anchor string
}

type trendRow struct{ Week, Share, Pass, Fail, Unknown, Silent string }

func (c *Console) trends(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	now := c.now()
	_, weeks, err := c.rollups(r, id, now)
	if err != nil {
		return err
	}
	v := trendsView{Group: groupOf(r, id), Exact: exact(id.Actor)}
	say := speaker{v.Exact, v.Group}
	for _, t := range compliance.Trends(weeks, now) {
		v.Weeks = len(t.Weeks)
		v.Trends = append(v.Trends, say.trend(t))
	}
	v.Back = "/compliance"
	if v.Group != "" {
		v.Back += "?" + url.Values{"group": {v.Group}}.Encode()
	}
	return c.show(w, r, id, "trends", "/compliance", "Every control, week by week", v)
}

// trendHref is a control's place among the trends.
func (s speaker) trendHref(id string) string {
	if s.group != "" {
		return "/compliance/trends?" + url.Values{"group": {s.group}}.Encode() + "#" + id
	}
	return "/compliance/trends#" + id
}

// Places of a small chart's box, in tenths of a per cent.
const (
	smallLeft, smallRight = 130, 930
	smallTop, smallBottom = 160, 780
	smallLabels           = 950 // of the weeks
)

// share is a week's share of devices that pass, in tenths of a per cent; false
// where nothing was kept, or where too few devices are for the reader.
func (s speaker) share(p compliance.Point) (int, bool) {
	switch {
	case !p.Known:
		return 0, false
	case s.exact:
		return p.Pass * 1000 / p.Of, true
	}
	return compliance.ShareOnGrid(p.Pass, p.Of)
}

// trend draws one control from 0 or from a whole ten per cent below its lowest
// week; the axis says which. A week in which nothing was kept is a gap.
func (s speaker) trend(t compliance.Trend) controlTrend {
	chart := controlTrend{ID: t.ID, Title: t.Title, Source: t.Source}
	low := 1000
	for _, p := range t.Weeks {
		if n, ok := s.share(p); ok {
			low = min(low, n)
		}
	}
	low = max(low-low%100-100, 0)
	at := func(n int) string { return percent(n, 1000) }
	x := func(i int) int {
		return smallLeft + (smallRight-smallLeft)*i/max(len(t.Weeks)-1, 1)
	}
	y := func(share int) string {
		return at(smallBottom - (smallBottom-smallTop)*(share-low)/max(1000-low, 1))
	}
	chart.Ticks = []chartLine{{Y1: y(low), Label: fmt.Sprintf("%d%%", low/10)}, {Y1: y(1000), Label: "100%"}}
	first, last, before := -1, -1, 0
	for i, p := range t.Weeks {
		week := p.Monday.Format("2 Jan")
		n, ok := s.share(p)
		if !ok {
			half := (smallRight - smallLeft) / max(len(t.Weeks)-1, 1) / 2
			chart.Gaps = append(chart.Gaps, bar{X: at(x(i) - half), Width: at(2 * half)})
			chart.Rows = append(chart.Rows, trendRow{Week: week, Share: "not kept"})
			continue
		}
		chart.Rows = append(chart.Rows, trendRow{week, fmt.Sprintf("%d%%", n/10), s.part(p.Pass), s.part(p.Fail), s.part(p.Unknown), s.part(p.Silent)})
		chart.Points = append(chart.Points, chartPoint{X: at(x(i)), Y: y(n)})
		if last == i-1 && last >= 0 {
			chart.Lines = append(chart.Lines, chartLine{at(x(i - 1)), y(before), at(x(i)), y(n), ""})
		}
		if first < 0 {
			first = i
		}
		last, before = i, n
	}
	chart.ends(t, s, [3]int{first, last, low}, func(i int) string { return at(x(i)) }, y)
	return chart
}

// ends label the first and the last week, and say what lies between.
func (chart *controlTrend) ends(t compliance.Trend, s speaker, at [3]int, x func(int) string, y func(int) string) {
	first, last, low := at[0], at[1], at[2]
	if last < 0 {
		chart.Say = "No week has been kept yet."
		return
	}
	label := func(i int, anchor string) string {
		n, _ := s.share(t.Weeks[i])
		below := "20" // below a line that runs high
		if n < 500+low/2 {
			below = "-10"
		}
		chart.Values = append(chart.Values, endLabel{chartPoint{x(i), y(n), fmt.Sprintf("%d%%", n/10)}, below, anchor})
		chart.Labels = append(chart.Labels, chartPoint{x(i), percent(smallLabels, 1000), t.Weeks[i].Monday.Format("2 Jan")})
		return fmt.Sprintf("%d%% in the week of %s", n/10, t.Weeks[i].Monday.Format("2 January"))
	}
	from := label(first, "start")
	if first == last {
		chart.Say = upper(from) + ", the first that was kept."
		return
	}
	was, _ := s.share(t.Weeks[first])
	is, _ := s.share(t.Weeks[last])
	to := label(last, "end")
	switch d := is/10 - was/10; {
	case d > 0:
		chart.Say = "Better: "
	case d < 0:
		chart.Say = "Worse: "
	default:
		chart.Say = "As before: "
	}
	chart.Say += from + ", " + to + "."
}
