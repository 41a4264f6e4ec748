package compliance

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

// TestTogether: no row of fewer than Least devices is left, and nothing is lost.
func TestTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var groups []Group
		devices, infected := 0, 0
		for i := range rapid.IntRange(0, 12).Draw(t, "groups") {
			g := Group{Name: fmt.Sprint(i), Devices: rapid.IntRange(1, 40).Draw(t, "devices"), Media: store.MediaCount{Infected: rapid.IntRange(0, 9).Draw(t, "infected")}}
			groups = append(groups, g)
			devices, infected = devices+g.Devices, infected+g.Media.Infected
		}
		rows := Together(groups)
		for _, r := range rows {
			if r.Devices < Least && (len(rows) > 1 || devices >= Least) {
				t.Fatalf("a row of %d devices in %v", r.Devices, rows)
			}
			devices, infected = devices-r.Devices, infected-r.Media.Infected
		}
		if devices != 0 || infected != 0 {
			t.Fatalf("%d devices and %d infected media are lost", devices, infected)
		}
	})
}

// TestMediaRevealNothing: with media by group beside the totals. The reader knows
// the cell of every number, that the groups add up to the totals, and that no
// group scanned more media than it had, and narrows each number by all of it until
// nothing changes: of every number under 5 at least three values are left.
func TestMediaRevealNothing(t *testing.T) {
	const columns, permission = 5, 2 // with, without | clean, infected, not scanned
	type span struct{ low, high int }
	within := func(n, cell int) span { return span{n - n%cell, n - n%cell + cell - 1} }
	narrow := func(s *span, low, high int) (changed bool) {
		before := *s
		s.low, s.high = max(s.low, low), min(s.high, high)
		return *s != before
	}
	rapid.Check(t, func(t *rapid.T) {
		var truth [][columns]int
		var total [columns]int
		for range rapid.IntRange(1, 10).Draw(t, "groups") {
			var g [columns]int
			left := 0
			for i := range columns {
				most := 25
				if i >= permission {
					most = min(left, 25)
				}
				g[i] = rapid.IntRange(0, most).Draw(t, "n")
				if i < permission {
					left += g[i]
				} else {
					left -= g[i]
				}
				total[i] += g[i]
			}
			truth = append(truth, g)
		}
		// The totals are a row like the others, with narrower cells.
		rows := make([][columns]span, len(truth)+1)
		for g := range truth {
			for i, n := range truth[g] {
				rows[g][i] = within(n, groupCell)
			}
		}
		for i, n := range total {
			rows[len(truth)][i] = within(n, cell)
		}
		for changed := true; changed; {
			changed = false
			for r := range rows {
				for i := range columns {
					var same, other span // the rest of its side, and all of the other side
					for j := range columns {
						switch {
						case j == i:
						case (j < permission) == (i < permission):
							same = span{same.low + rows[r][j].low, same.high + rows[r][j].high}
						default:
							other = span{other.low + rows[r][j].low, other.high + rows[r][j].high}
						}
					}
					if i < permission {
						changed = narrow(&rows[r][i], other.low-same.high, rows[r][i].high) || changed
					} else {
						changed = narrow(&rows[r][i], 0, other.high-same.low) || changed
					}
				}
			}
			for i := range columns {
				all := &rows[len(truth)][i]
				var sum span
				for g := range truth {
					sum = span{sum.low + rows[g][i].low, sum.high + rows[g][i].high}
				}
				changed = narrow(all, sum.low, sum.high) || changed
				for g := range truth {
					s := &rows[g][i]
					changed = narrow(s, all.low-(sum.high-s.high), all.high-(sum.low-s.low)) || changed
				}
			}
		}
		for r := range rows {
			for i, s := range rows[r] {
				n := total[i]
				if r < len(truth) {
					n = truth[r][i]
				}
				if n < 5 && s.high-s.low < 2 {
					t.Fatalf("%d in row %d of %v is one of %d to %d", n, r, truth, s.low, s.high)
				}
			}
		}
	})
}

// TestTrends: the numbers of a week add up for every control, and a week in which
// nothing was kept is one, and no zero.
func TestTrends(t *testing.T) {
	monday := store.MondayOf(now)
	g := group(300, 6, 290, 2, store.StateCount{Pass: 270, Fail: 20, Unknown: 4})
	g.Proof = store.StateCount{Pass: 200, Fail: 3, Unknown: 91}
	all := Trends([]store.WeekRollup{{Monday: monday.AddDate(0, 0, -14), Groups: []store.GroupRollup{g, g}}, {Monday: monday, Groups: []store.GroupRollup{g}}}, now)
	if len(all) != len(checks.All())+3 {
		t.Fatalf("%d controls", len(all))
	}
	for _, c := range all {
		if len(c.Weeks) != 3 || c.Weeks[1].Known {
			t.Errorf("%s: %+v", c.ID, c.Weeks)
		}
		for i, devices := range map[int]int{0: 600, 2: 300} {
			if p := c.Weeks[i]; !p.Known || p.Of != devices || p.Pass+p.Fail+p.Unknown+p.Silent != devices {
				t.Errorf("%s in week %d: %+v", c.ID, i, p)
			}
		}
	}
	if p := all[2].Weeks[2]; all[2].ID != checks.ProvedMonitored || p.Pass != 200 || p.Fail != 3 {
		t.Errorf("proved %+v", all[2])
	}
	if all := Trends(nil, now); len(all[0].Weeks) != 1 || all[0].Weeks[0].Known {
		t.Errorf("of nothing %+v", all[0])
	}
}
