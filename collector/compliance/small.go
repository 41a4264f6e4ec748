package compliance

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lapwing-schools/lapwing/collector/store"
)

// Least is how many devices a row has whose media and open screens a governor
// reads: of a trolley of three laptops "left open for two hours" would be
// somebody's.
const Least = 10

// Together puts groups of fewer than Least devices into one row, with the next
// larger ones until that row has Least; the largest comes first, and that row
// last. A school of fewer than Least devices is one row.
func Together(groups []Group) []Group {
	all := slices.Clone(groups)
	slices.SortStableFunc(all, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Devices, a.Devices), cmp.Compare(a.Name, b.Name))
	})
	var rest Group
	together := 0
	for len(all) > 0 {
		last := all[len(all)-1]
		if last.Devices >= Least && (rest.Devices == 0 || rest.Devices >= Least) {
			break
		}
		if together++; together == 1 {
			rest = last
		} else {
			rest.Name = fmt.Sprintf("%d small groups together", together)
			rest.Devices, rest.Silent = rest.Devices+last.Devices, rest.Silent+last.Silent
			rest.Standard, rest.Text = sum(rest.Standard, last.Standard), sum(rest.Text, last.Text)
			rest.Media.Add(last.Media)
		}
		all = all[:len(all)-1]
	}
	if together > 0 {
		all = append(all, rest)
	}
	return all
}

func sum(a, b store.StateCount) store.StateCount {
	return store.StateCount{Pass: a.Pass + b.Pass, Fail: a.Fail + b.Fail, Unknown: a.Unknown + b.Unknown}
}
