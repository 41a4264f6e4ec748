package compliance

import "strconv"

// Grids. A number for governors stands for the whole cell of the grid that it
// falls into; cells of totals are wider than those of their parts, so that a
// part cannot be had by taking the others from the total. The grid is fixed:
// it does not depend on what is in the cells.
const (
	cell      = 5
	totalCell = 10
	// Cells of totals begin two before a ten. If they began at it, totals and parts
	// at the far ends of their cells would leave two values for a number under 5.
	totalShift = 2
	// Of groups the cells are twice as wide: the columns of the groups add up to
	// the totals, which are shown too. How many devices a group has is not shown:
	// whatever the grid, some of its numbers could be had from that.
	groupCell = 10
)

// OnGrid is n as a governor sees it: the lower end of its cell.
func OnGrid(n int) int { return n - n%cell }

// TotalOnGrid is a total as a governor sees it: the ten in its cell.
func TotalOnGrid(n int) int { return (n + totalShift) / totalCell * totalCell }

// Word is a part in words for a governor.
func Word(n int) string {
	if n < cell {
		return "fewer than 5"
	}
	return "about " + strconv.Itoa(OnGrid(n))
}

// TotalWord is a total in words for a governor.
func TotalWord(n int) string {
	if TotalOnGrid(n) == 0 {
		return "fewer than 10"
	}
	return "about " + strconv.Itoa(TotalOnGrid(n))
}

// GroupOnGrid is a number of one group as a governor sees it.
func GroupOnGrid(n int) int { return n - n%groupCell }

// GroupWord is a number of one group in words for a governor.
func GroupWord(n int) string {
	if n < groupCell {
		return "fewer than 10"
	}
	return "about " + strconv.Itoa(GroupOnGrid(n))
}

// ShareOnGrid is a share in tenths of a per cent, made of what is shown and of
// nothing else. False when the total is too small to say one.
func ShareOnGrid(n, of int) (int, bool) {
	total := TotalOnGrid(of)
	if total == 0 {
		return 0, false
	}
	return min(OnGrid(n)*1000/total, 1000), true
}
