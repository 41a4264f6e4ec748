package compliance

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

var now = time.Date(2026, 11, 12, 8, 0, 0, 0, time.UTC)

func group(devices, silent, textPass, textFail int, encrypted store.StateCount) store.GroupRollup {
	n := map[string]store.StateCount{}
	for _, c := range checks.All() {
		n[c.ID] = store.StateCount{Pass: devices - silent}
	}
	n[checks.DiskEncryption] = encrypted
	return store.GroupRollup{Devices: devices, Silent: silent, Text: store.StateCount{Pass: textPass, Fail: textFail, Unknown: devices - silent - textPass - textFail},
		Standard: encrypted, Checks: n}
}

func TestBuild(t *testing.T) {
	groups := []store.GroupRollup{group(300, 6, 290, 2, store.StateCount{Pass: 270, Fail: 20, Unknown: 4}), group(300, 6, 281, 9, store.StateCount{Pass: 278, Fail: 11, Unknown: 5})}
	old := group(600, 12, 500, 20, store.StateCount{Pass: 550, Fail: 35, Unknown: 3})
	monday := store.MondayOf(now)
	r := Build(groups, []store.WeekRollup{
		{Monday: monday.AddDate(0, 0, -28), Groups: []store.GroupRollup{old}, Media: store.MediaCount{Permitted: 100}},
		{Monday: monday, Groups: groups, Media: store.MediaCount{Permitted: 3, NotPermitted: 2}},
	}, now)
	if r.Devices != 600 || r.Silent != 12 || r.Text.Pass != 571 || r.Verdict() != Mostly || r.Media != (store.MediaCount{Permitted: 3, NotPermitted: 2}) {
		t.Errorf("%+v, %s", r, r.Verdict())
	}
	if c := r.Controls[0]; c.ID != checks.DiskEncryption || c.Fail != 31 || c.Unknown != 9 || c.Pass != 548 || c.Silent != 12 || !c.Compared || c.Before != 35 {
		t.Errorf("first control %+v", c)
	}
	if f := r.First; len(f) != 3 || f[0].ID != TypedText || f[0].Devices != 11 || f[2].ID != "silent" {
		t.Errorf("fix first %+v", f)
	}
	if w := r.Weeks; len(w) != 5 || !w[0].Known || w[1].Known || w[4].Share != 951 {
		t.Errorf("weeks %+v", w)
	}
}

// TestNothingSilentIsGreen: what is silent or cannot tell never speaks for yes.
func TestNothingSilentIsGreen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		devices := rapid.IntRange(0, 300).Draw(t, "devices")
		silent := rapid.IntRange(0, devices).Draw(t, "silent")
		pass := rapid.IntRange(0, devices-silent).Draw(t, "pass")
		fail := rapid.IntRange(0, devices-silent-pass).Draw(t, "fail")
		r := Build([]store.GroupRollup{group(devices, silent, pass, fail, store.StateCount{})}, nil, now)
		if v := r.Verdict(); (v == Yes || v == Mostly) && pass*100 < devices*80 {
			t.Errorf("%s with %d of %d seen", v, pass, devices)
		}
		for _, c := range r.Controls {
			if c.ID == TypedText && c.Pass+c.Fail+c.Unknown+c.Silent != devices {
				t.Errorf("%+v does not add up to %d", c, devices)
			}
		}
	})
}

// TestSubtractionRevealsNothing takes the place of a governor who has the whole
// table, and knows that each row adds up to the total and that the silent ones
// are the same in each: of every number under 5 at least three values are left.
func TestSubtractionRevealsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(5, 700).Draw(t, "total")
		silent := rapid.IntRange(0, min(total, 30)).Draw(t, "silent")
		var rows [][3]int // fail, unknown, pass
		for range rapid.IntRange(1, 20).Draw(t, "rows") {
			left := total - silent
			fail := rapid.IntRange(0, min(left, 12)).Draw(t, "fail")
			unknown := rapid.IntRange(0, min(left-fail, 12)).Draw(t, "unknown")
			rows = append(rows, [3]int{fail, unknown, left - fail - unknown})
		}
		// All pairs of a total and a number of silent ones that fit every row.
		left := map[int]bool{}
		silents := map[int]bool{}
		for T := max(TotalOnGrid(total)-totalShift, 0); T < TotalOnGrid(total)-totalShift+totalCell; T++ {
			for S := OnGrid(silent); S < OnGrid(silent)+cell; S++ {
				fits := true
				for _, row := range rows {
					low := OnGrid(row[0]) + OnGrid(row[1]) + OnGrid(row[2])
					fits = fits && T-S >= low && T-S <= low+3*(cell-1)
				}
				if fits {
					left[T-S], silents[S] = true, true
				}
			}
		}
		if silent < 5 && len(silents) < 3 {
			t.Fatalf("%d silent are one of %v", silent, silents)
		}
		for _, row := range rows {
			for i, n := range row {
				if n >= 5 {
					continue
				}
				others := 0
				for j, m := range row {
					if j != i {
						others += OnGrid(m)
					}
				}
				possible := map[int]bool{}
				for rest := range left {
					for v := range cell {
						if rest-v >= others && rest-v <= others+2*(cell-1) {
							possible[v] = true
						}
					}
				}
				if len(possible) < 3 {
					t.Fatalf("%d of row %v, total %d, silent %d: one of %v", n, row, total, silent, possible)
				}
			}
		}
	})
}

func TestWords(t *testing.T) {
	for n, want := range map[int]string{0: "fewer than 5", 4: "fewer than 5", 5: "about 5", 9: "about 5", 571: "about 570"} {
		if Word(n) != want {
			t.Errorf("%d: %s", n, Word(n))
		}
	}
	if TotalWord(7) != "fewer than 10" || TotalWord(8) != "about 10" || TotalWord(604) != "about 600" {
		t.Error(TotalWord(7), TotalWord(8), TotalWord(604))
	}
	if s, ok := ShareOnGrid(571, 604); !ok || s != 950 {
		t.Error(s, ok)
	}
	if _, ok := ShareOnGrid(3, 7); ok {
		t.Error("a share of fewer than 10")
	}
}

// TestGroupsRevealNothing: with the table by group beside the totals. The reader
// knows the cell of every number and that the groups add up to the totals, and
// narrows each number by all of it until nothing changes: of every number under 5
// at least three values are left.
func TestGroupsRevealNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const states = 4 // fail, unknown, silent, pass
		var truth [][states]int
		var total [states]int
		for range rapid.IntRange(1, 12).Draw(t, "groups") {
			var g [states]int
			for i := range g {
				g[i] = rapid.IntRange(0, []int{14, 14, 14, 60}[i]).Draw(t, "n")
				total[i] += g[i]
			}
			truth = append(truth, g)
		}
		type span struct{ low, high int }
		within := func(n, cell int) span { return span{n - n%cell, n - n%cell + cell - 1} }
		var columns [states]span
		for i, n := range total {
			columns[i] = within(n, cell)
		}
		var cells [][states]span
		for _, g := range truth {
			var c [states]span
			for i, n := range g {
				c[i] = within(n, groupCell)
			}
			cells = append(cells, c)
		}
		narrow := func(s *span, low, high int) (changed bool) {
			before := *s
			s.low, s.high = max(s.low, low), min(s.high, high)
			return *s != before
		}
		for changed := true; changed; {
			changed = false
			for g := range cells {
				for i := range states {
					column := span{}
					for h := range cells {
						if h != g {
							column.low, column.high = column.low+cells[h][i].low, column.high+cells[h][i].high
						}
					}
					s := &cells[g][i]
					changed = narrow(s, columns[i].low-column.high, columns[i].high-column.low) || changed
				}
			}
		}
		for g := range cells {
			for i, s := range cells[g] {
				if truth[g][i] < 5 && s.high-s.low < 2 {
					t.Fatalf("%d of %v is one of %d to %d", truth[g][i], truth[g], s.low, s.high)
				}
			}
		}
	})
}
