package console

import (
	"fmt"

	"github.com/lapwing-schools/lapwing/collector/compliance"
)

// trendChart is two lines of weeks in percentages of their box, and the same
// numbers as a table.
type trendChart struct {
	Say          string
	Lines, Ticks []chartLine
	Meets        []chartLine // of the standards
	Points       []chartPoint
	Labels       []chartPoint
	Names        []lineName // of the lines, where they end
	Target       string
	Gaps         []bar
	Rows         []weekRow
}

type weekRow struct{ Week, Seen, Meet string }

type chartLine struct{ X1, Y1, X2, Y2, Label string }

type chartPoint struct{ X, Y, Label string }

// lineName is a line's name, so far below its end.
type lineName struct {
	chartPoint
	Below string
}

// Places of the chart's box, in tenths of a per cent.
const (
	chartLeft, chartRight = 110, 950
	chartTop, chartBottom = 100, 800
)

// chartWeek is one week as the reader may see it: shares in tenths of a per cent.
type chartWeek struct {
	compliance.Week
	seen, meet int
	known      bool
}

// chartWeeks are the weeks, and the lowest share of them.
func chartWeeks(weeks []compliance.Week, as bool) (all []chartWeek, low int) {
	low = 1000
	for _, w := range weeks {
		p := chartWeek{Week: w, known: w.Known}
		if w.Known && as {
			p.seen, p.meet = w.Share, w.Meet*1000/w.Of
		} else if w.Known {
			p.seen, p.known = compliance.ShareOnGrid(w.Seen, w.Of)
			p.meet, _ = compliance.ShareOnGrid(w.Meet, w.Of)
		}
		if p.known {
			low = min(low, p.seen, p.meet)
		}
		all = append(all, p)
	}
	return all, max(low-low%100-100, 0)
}

// newTrendChart draws from 0 or from a whole ten per cent below the lowest; the
// axis says which. A week in which nothing was kept is a gap, never a guess.
func newTrendChart(weeks []compliance.Week, as bool) trendChart {
	all, low := chartWeeks(weeks, as)
	x := func(i int) int {
		if len(all) < 2 {
			return (chartLeft + chartRight) / 2
		}
		return chartLeft + (chartRight-chartLeft)*i/(len(all)-1)
	}
	at := func(n int) string { return percent(n, 1000) }
	y := func(share int) string { return at(chartBottom - (chartBottom-chartTop)*(share-low)/max(1000-low, 1)) }
	chart := trendChart{Target: y(980)}
	for _, share := range []int{low, (low + 1000) / 2, 1000} {
		chart.Ticks = append(chart.Ticks, chartLine{Y1: y(share), Label: fmt.Sprintf("%d%%", share/10)})
	}
	first, last := -1, -1
	for i, p := range all {
		label := p.Monday.Format("2 Jan")
		if !p.known {
			half := (chartRight - chartLeft) / max(len(all)-1, 1) / 2
			chart.Gaps = append(chart.Gaps, bar{X: at(x(i) - half), Width: at(2 * half)})
			chart.Rows = append(chart.Rows, weekRow{label, "not kept", "not kept"})
			continue
		}
		seen, meet := fmt.Sprintf("%d%%", p.seen/10), fmt.Sprintf("%d%%", p.meet/10)
		chart.Rows = append(chart.Rows, weekRow{label, seen, meet})
		chart.Points = append(chart.Points, chartPoint{at(x(i)), y(p.seen), seen})
		if i > 0 && all[i-1].known {
			before := all[i-1]
			chart.Lines = append(chart.Lines, chartLine{at(x(i - 1)), y(before.seen), at(x(i)), y(p.seen), ""})
			chart.Meets = append(chart.Meets, chartLine{at(x(i - 1)), y(before.meet), at(x(i)), y(p.meet), ""})
		}
		if first < 0 {
			first = i
		}
		last = i
	}
	if last < 0 {
		chart.Say = "No week has been kept yet."
		return chart
	}
	chart.finish(all, first, last, func(i int) string { return at(x(i)) }, y)
	return chart
}

// finish names the lines and their ends, and says what they show.
func (chart *trendChart) finish(all []chartWeek, first, last int, x func(int) string, y func(int) string) {
	end := all[last]
	// The higher of the two has its name above it, the other one below.
	above, below := "-8", "18"
	if end.seen < end.meet {
		above, below = below, above
	}
	chart.Names = []lineName{
		{chartPoint{x(last), y(end.seen), fmt.Sprintf("text seen %d%%", end.seen/10)}, above},
		{chartPoint{x(last), y(end.meet), fmt.Sprintf("standards met %d%%", end.meet/10)}, below},
	}
	chart.Say = fmt.Sprintf("Devices that say that they see what is typed: %d%% in the week of %s", all[first].seen/10, all[first].Monday.Format("2 January"))
	if first != last {
		chart.Say += fmt.Sprintf(", %d%% in the week of %s", end.seen/10, end.Monday.Format("2 January"))
		chart.Labels = append(chart.Labels, chartPoint{x(first), percent(920, 1000), all[first].Monday.Format("2 Jan")})
	}
	chart.Labels = append(chart.Labels, chartPoint{x(last), percent(920, 1000), end.Monday.Format("2 Jan")})
	chart.Say += fmt.Sprintf(". Devices that meet every standard: %d%%, %d%%.", all[first].meet/10, end.meet/10)
}
